package gossip

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

// Bounds of one router. Bytes are those of frames with their heads.
const (
	// MembersMax bounds registrations in all, GroupMax those of a group, GroupsMax
	// the groups.
	MembersMax = 4 * views.MembersMax
	GroupMax   = views.MembersMax
	GroupsMax  = 256
	// livesMax bounds the lives of a host, connectionsMax the connections of a life:
	// a new one while the old one has not been missed.
	livesMax       = 4
	connectionsMax = 2
	// sourceMax bounds the connections from one address, sourceGroupsMax the groups of
	// which they are, sourceGroupMax those of one group. Members behind one NAT share
	// them, so they are as large as may be: it takes four addresses to fill a group,
	// eight to fill a router, sixteen to take all groups. A site behind one NAT that has
	// more needs a router on its own side.
	sourceMax       = MembersMax / 8
	sourceGroupsMax = GroupsMax / 16
	sourceGroupMax  = GroupMax / 4
	// sourceClaimsMax bounds the hosts from one address that say that they are at one and
	// the same: members' addresses differ, and former identities soon end.
	sourceClaimsMax = 4
	// strangersMax bounds the connections that have not greeted yet.
	strangersMax = 64
	// RoutersMax bounds the routers that are named.
	RoutersMax = 16
	// queueMax bounds what one connection has not taken, queuedMax what all have not:
	// beyond it one has queueLeast.
	queueMax   = 4 << 20
	queuedMax  = 256 << 20
	queueLeast = 128 << 10
	// rateAll and rateSource are registrations a second, in all and of one address;
	// bursts are as much as twice, at the start.
	rateAll, rateSource = 512, 128
	// sourcesMax bounds the addresses whose rate is remembered.
	sourcesMax = 4096
)

// timing holds every duration of a router.
type timing struct {
	// lease is how long a registration lasts without a sign of life, and how long
	// what a lost router held.
	lease time.Duration
	// greet bounds an exchange of greetings, dial the making of a connection.
	greet, dial time.Duration
	// unacked is TCP_USER_TIMEOUT.
	unacked time.Duration
	// ping is how often routers ask each other, deaf how long one may be silent.
	ping, deaf time.Duration
	// stepMost bounds the waits between dials to another router.
	stepMost time.Duration
	// tend is how often deadlines are looked at.
	tend time.Duration
	// news is the least time between two tellings to the members of a group, in the mean
	// of the last two.
	news time.Duration
	// tell is the least time between two log lines of one kind.
	tell time.Duration
}

func shippedTiming() timing {
	return timing{
		lease: 10 * time.Second, greet: 2 * time.Second, dial: 1500 * time.Millisecond, unacked: 5 * time.Second,
		ping: time.Second, deaf: 3 * time.Second, stepMost: 2 * time.Second, tend: 250 * time.Millisecond,
		news: 50 * time.Millisecond, tell: 5 * time.Second,
	}
}
