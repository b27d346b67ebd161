// Package admin is the HTTP face of a running host: what operators, scripts,
// dashboards and programs on the same machine use. It is thin: every handler
// reads a request, asks the [Group], and writes JSON.
//
// Three listeners serve the same routes. The unix socket has every verb and mode
// 0600, and asks the kernel who connects: the daemon's user and root come in. The
// plain TCP listener is for everybody who can connect, so it answers GET and HEAD only;
// other verbs get 403 and the path of the socket. The TLS listener is for who has a
// certificate that was made of the group's keys (internal/adminca), as far as its role
// reaches (docs/adr/0017). The routes stand as data in routes.go, and openapi.json,
// which is written by hand, lists each of them (a test says so).
//
// Contract:
//
//  1. [Listen] binds all listeners, or none, and says in one error what
//     was taken and what to do; [Server.Serve] starts to answer.
//  2. Errors are {"error":{"code","message","hint"}}; code is from the closed
//     list in respond.go, for programs; hint is for people.
//  3. Nothing here waits for the group without a deadline, and no queue is
//     unbounded: connections, headers, bodies (each, and all together) and
//     streams have caps. A client never holds up the group: a stream whose reader
//     is too slow is cut with a last line that says so.
//  4. Who has shown no certificate yet is bounded in number, time and bytes, and takes
//     nobody's place. One whose key was removed from the ring, or whose time is over, is
//     cut off; nothing is answered to who is refused but why.
//  5. Whatever changes something, and whatever is refused, is one line of the log, a
//     request before its answer; what floods it is bounded and counted. It quotes what peers say.
//  6. At rest it costs nothing: no ticker, no polling; metrics are made from
//     events ([Metrics]) and from the host's counters, and read when scraped.
//
// What it does not do: make certificates, keep state, decide anything else.
package admin
