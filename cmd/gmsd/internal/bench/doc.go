// Package bench is what `gmsd bench` measures: a group of hosts of the library
// gms in this process, on the loopback interface, forms, is flooded, carries a
// steady rate, and is left by one of them.
//
// Contract:
//
//  1. It disturbs nobody: the group has a name, a multicast address and data
//     directories of its own, made for the run and gone after it.
//  2. Metrics are named as in the harnesses of other systems, so that records can
//     be laid side by side: form_all_ms, flood_<size>_<k>send_msgs_s (delivered
//     per second and host, own messages included), rate_<size>_<k>send_<r>/s_lat_*
//     and _own_* (from the call of Send to the receiver's hands, one clock),
//     leave_all_ms. There is one record for each host where hosts differ. Of its own
//     are group_* and groups_1000_* (changes of light groups; bytes of heap a group
//     and host), state_256MiB_mib_s (a state, from the join to its last byte),
//     slow_receiver_grows_mib (the process, while one port does not read under a
//     flood of all), flood_<size>_<k>send_allocs (objects taken from the heap for
//     each delivered message), and of the coordinator's death under an agreed flood of
//     all flood_1024B_kill_gap_ms (the longest silence at a survivor), _kill_detect_ms
//     (of that, until the first of them suspected it) and _calm_gap_ms (the longest
//     silence in the same time before it).
//  3. What was sent is counted against what every host got. A message that is
//     missing without a reason that gms gave (a listener cut, another view) is an
//     error, not a figure.
//  4. Memory is bounded: latencies go into histograms of a fixed size.
//  5. A context that ends stops it at once; what was measured is given back.
//
// How a load runs: its senders begin together, warm up, then the window is open
// for Options.Duration; when all of them have ended each sends an end mark, which
// stands behind all its messages. Like the peers' harnesses it lets the
// coordinator send last, where not all do.
//
// With Options.Live it is a client of running daemons instead, and leaves out what
// it would do to hosts of its own. It does not start processes; package netlab does.
package bench
