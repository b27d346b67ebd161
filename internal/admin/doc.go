// Package admin is the HTTP face of a running host: what operators, scripts,
// dashboards and programs on the same machine use. It is thin: every handler
// reads a request, asks the [Group], and writes JSON.
//
// Two listeners serve the same routes. The unix socket has every verb and mode
// 0600: whoever may open it may change things. The TCP listener is for
// everybody who can connect, so it answers GET and HEAD only; other verbs get
// 403 and the path of the socket. The routes stand as data in routes.go, and
// openapi.json, which is written by hand, lists each of them (a test says so).
//
// Contract:
//
//  1. [Listen] binds both listeners, or neither, and says in one error what
//     was taken and what to do; [Server.Serve] starts to answer.
//  2. Errors are {"error":{"code","message","hint"}}; code is from the closed
//     list in respond.go, for programs; hint is for people.
//  3. Nothing here waits for the group without a deadline, and no queue is
//     unbounded: connections, headers, bodies (each, and all together) and
//     streams have caps. A client never holds up the group: a stream whose reader
//     is too slow is cut with a last line that says so.
//  4. At rest it costs nothing: no ticker, no polling; metrics are made from
//     events ([Metrics]) and from the host's counters, and read when scraped.
//
// What it does not do: authenticate (the socket's mode does), keep state,
// decide anything.
package admin
