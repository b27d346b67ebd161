// Package corosync measures Corosync as Debian has it, by clients of its closed
// process groups (client/cpgbench.c).
//
// Contract:
//
//  1. Each host is a namespace of its own, behind a bridge with an MTU of 1500,
//     with a daemon and a client: the surroundings that a gmsd daemon has in
//     internal/netlab. Its directories of state are in memory and its own.
//  2. The configuration is the default one, for knet and for UDPU, without
//     encryption: gmsd's figures are without it, too.
//  3. form_all_ms is from the start of all daemons until every client has the
//     view of all; leave_all_ms is from SIGTERM to a daemon, kill1_all_s from
//     SIGKILL to one, until every other client has the view without it.
package corosync
