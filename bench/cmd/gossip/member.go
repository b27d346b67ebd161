package main

import (
	"fmt"
	"io"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"
)

// port is that of all members; each has an address.
const port = 7946

func address(i int) string { return fmt.Sprintf("127.10.%d.%d", i/250, 1+i%250) }

// member is one of either kind.
type member struct {
	join  func(seed string) error
	close func()
}

// starters are the peers.
var starters = map[string]func(s *sight, i int) (*member, error){"memberlist": startMemberlist, "serf": startSerf}

// modules are where their versions are found.
var modules = map[string]string{"memberlist": "github.com/hashicorp/memberlist", "serf": "github.com/hashicorp/serf"}

func config(i int) *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.Name = nameOf(i)
	c.BindAddr, c.BindPort, c.AdvertisePort = address(i), port, port
	c.LogOutput = io.Discard
	return c
}

// delegate passes on what memberlist tells.
type delegate struct {
	*sight
	who int
}

func (d *delegate) NotifyJoin(m *memberlist.Node)  { d.saw(d.who, m.Name, true) }
func (d *delegate) NotifyLeave(m *memberlist.Node) { d.saw(d.who, m.Name, false) }
func (d *delegate) NotifyUpdate(*memberlist.Node)  {}

func startMemberlist(s *sight, i int) (*member, error) {
	c := config(i)
	c.Events = &delegate{s, i}
	m, err := memberlist.Create(c)
	if err != nil {
		return nil, err
	}
	return &member{
		join:  func(seed string) error { _, err := m.Join([]string{seed}); return err },
		close: func() { _ = m.Shutdown() }, // it is gone, one way or another
	}, nil
}

func startSerf(s *sight, i int) (*member, error) {
	events := make(chan serf.Event, 256)
	c := serf.DefaultConfig()
	c.MemberlistConfig, c.NodeName, c.LogOutput, c.EventCh = config(i), nameOf(i), io.Discard, events
	m, err := serf.Create(c)
	if err != nil {
		return nil, err
	}
	go pass(s, i, events, m.ShutdownCh())
	return &member{
		join:  func(seed string) error { _, err := m.Join([]string{seed}, false); return err },
		close: func() { _ = m.Shutdown() }, // as above
	}, nil
}

// pass passes on what serf tells, until its end.
func pass(s *sight, who int, events <-chan serf.Event, end <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		case e := <-events:
			change, ok := e.(serf.MemberEvent)
			if !ok || change.Type != serf.EventMemberJoin && change.Type != serf.EventMemberFailed && change.Type != serf.EventMemberLeave {
				continue
			}
			for _, m := range change.Members {
				s.saw(who, m.Name, change.Type == serf.EventMemberJoin)
			}
		}
	}
}
