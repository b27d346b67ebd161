// Package table lays the records of gmsd and its peers side by side: a row for
// each figure, a column for each system, and what gmsd is beside the best peer.
//
// Contract:
//
//  1. A record is that of internal/figures. Its cfg is how the system was set
//     up, and ends in ",fifo", ",agreed" or ",safe" where messages are sent.
//  2. A row has what may be compared: one metric, number of members, order, and
//     place. The place is "daemons" (a daemon for each host and a client beside
//     it, each host in a namespace of its own behind a bridge with an MTU of 1500)
//     or "library" (members on one loopback interface). What happens to members
//     that are killed does not depend on it: those rows have none.
//  3. A cell is the median (least–greatest) of the setting whose median is the
//     best of its system's in that row, and the setting's name.
//  4. The ratio is gmsd's median by that of the best peer of the same records;
//     a bar is held against it. The column of JGroups 5.6 has figures of another
//     run: nothing is held against them.
//
// It does not measure.
package table
