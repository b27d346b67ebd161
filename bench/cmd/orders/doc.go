// Command orders measures four ways to agree on one order of messages:
//
//	go run ./cmd/orders [-runs 5] [-window 2s] [-packet 60000] [-json FILE]
//
// Four hosts in this process, on the loopback interface (internal/orders says
// which ways, and what they have in common). The ways take turns under each load
// of each run. It prints a table of medians (least-greatest) and ratios to the
// first way, run by run, and one JSON record a line:
//
//	flood_<size>_<k>send_msgs_s               delivered a second and host
//	flood_<size>_<k>send_busiest_bytes_ratio  bytes in and out of the busiest host,
//	                                          by payload delivered to one
//	rate_<size>_<k>send_<r>/s_own_p50_us …    from submission to delivery at the
//	                                          sender (own) and elsewhere (lat)
//	rate_…_datagrams_s, idle_datagrams_s      sent by all hosts, one to all is one
//
// With one sender that is not the coordinator. A run in which a datagram was lost
// is void and told so, since nothing here repairs; best run it in a network
// namespace of its own. It judges nothing: docs/adr/0013 does.
package main
