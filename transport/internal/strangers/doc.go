// Package strangers bounds the connections of those who have not greeted yet.
//
// Whoever can reach a port can connect to it and say nothing. A bound alone would let
// one such caller hold every place, and keep out the members of the group.
//
// # Contract
//
//  1. There are never more than the room was made for.
//  2. A newcomer is always let in. Where the room is full it takes the place of the one
//     that waits longest of the address that has most places, its own counted in. So
//     who comes from one address contends with itself, and one who greets at once is
//     not put out by others, unless these have as many addresses as there are places.
//  3. Who is put out is closed here; whoever serves the connection finds it closed.
//
// It reads and writes nothing, and knows nothing of times: how long one may take to
// greet is for who serves the connection.
package strangers
