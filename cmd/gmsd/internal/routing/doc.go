// Package routing is what `gmsd router` adds to the gossip router of package gossip: the
// addresses and peers that people write, and read-only HTTP for them.
//
//	GET /healthz           200 while the router runs
//	GET /metrics           Prometheus, gmsd_router_*
//	GET /v1/registrations  who is registered, where, since when, via which router
//	GET /v1/routers        the routers of the mesh, and when each was heard
//
// Nothing here changes anything, and nothing here is secret from who may reach the
// address: that is 127.0.0.1 unless it is set.
package routing
