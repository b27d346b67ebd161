package admin

import (
	"maps"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// changeTimes is how long the phases of one view change took here. Total is
// their sum: from the first sign to sending again. A phase that did not occur
// (a join needs no detection) is negative.
type changeTimes struct {
	Detect, Agree, Flush, Install, Total float64 // seconds
	Blocked                              float64
}

// changeClock measures view changes from the events of one host:
//
//	suspect ──detect──▶ first phase ──agree──▶ block ──flush──▶ install ──install──▶ unblock
//
// A host that does not lead sees no phase before its own block; its agree is
// then zero and detect ends at the block. The zero value is ready.
type changeClock struct {
	suspected, begun, blocked, installed views.Instant
	doubts                               map[views.HostID]bool
}

// observe takes the next event; done says that a change has ended with it.
func (c *changeClock) observe(rec trace.Record) (times changeTimes, done bool) {
	switch ev := rec.Event.(type) {
	case trace.Suspect:
		c.doubt(ev.Who, rec.T)
	case trace.Trust:
		c.believe(ev.Who)
	case trace.Phase:
		c.phase(ev.Phase, rec.T)
	case trace.Block:
		c.begin(rec.T)
		c.blocked = rec.T
	case trace.Install:
		c.installed = rec.T
		keepDoubts(c.doubts, ev.Members)
	case trace.Unblock:
		return c.end(rec.T)
	}
	return changeTimes{}, false
}

func (c *changeClock) doubt(who views.HostID, now views.Instant) {
	if c.doubts == nil {
		c.doubts = map[views.HostID]bool{}
	}
	c.doubts[who] = true
	if c.suspected == 0 {
		c.suspected = now
	}
}

func (c *changeClock) believe(who views.HostID) {
	delete(c.doubts, who)
	if len(c.doubts) == 0 && c.begun == 0 {
		c.suspected = 0
	}
}

func (c *changeClock) phase(name string, now views.Instant) {
	if name == "abandon" && c.blocked == 0 {
		c.begun = 0
		return
	}
	c.begin(now)
}

func (c *changeClock) begin(now views.Instant) {
	if c.begun == 0 {
		c.begun = now
	}
}

// keepDoubts drops the doubts about hosts that a new view has left out: those were acted
// upon, and a later trust is a new acquaintance.
func keepDoubts(doubts map[views.HostID]bool, members []trace.HostBits) {
	in := make(map[views.HostID]bool, len(members))
	for i := range members {
		in[members[i].Host] = true
	}
	maps.DeleteFunc(doubts, func(who views.HostID, _ bool) bool { return !in[who] })
}

func (c *changeClock) end(now views.Instant) (changeTimes, bool) {
	if c.blocked == 0 || c.installed < c.blocked {
		return changeTimes{}, false
	}
	t := changeTimes{
		Detect:  -1,
		Agree:   c.blocked.Sub(c.begun).Seconds(),
		Flush:   c.installed.Sub(c.blocked).Seconds(),
		Install: now.Sub(c.installed).Seconds(),
		Blocked: now.Sub(c.blocked).Seconds(),
		Total:   now.Sub(c.begun).Seconds(),
	}
	if c.suspected != 0 && c.suspected <= c.begun {
		t.Detect = c.begun.Sub(c.suspected).Seconds()
		t.Total += t.Detect
	}
	*c = changeClock{doubts: c.doubts}
	if len(c.doubts) > 0 {
		c.suspected = now // what is still doubted will be the next change's cause
	}
	return t, true
}
