// Command gossip measures memberlist and serf of HashiCorp:
//
//	go run ./cmd/gossip -peer memberlist -members 10 [-run 1]
//
// All members are in this process, on loopback addresses 127.10.x.y, with the
// configuration that the libraries have for a LAN. They start at once and join
// through the first one (form_all_ms, from the first start until every member
// has the view of all); after a rest one of them closes its sockets without a
// word, as by kill -9 (kill1_all_s, until the last survivor knows). The records
// go to the standard output.
//
// It does not wait for ever: a group that does not form, or does not notice,
// within its patience is an error.
package main
