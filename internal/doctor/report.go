package doctor

import (
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/views"
)

// Window is how far back the counts of a report go.
const Window = 10 * time.Second

// Bounds of a report.
const (
	// LinksMax bounds the links of a report, NamesMax its names, SectionsMax its
	// sections and RefusalsMax its refusals.
	LinksMax    = views.MembersMax
	NamesMax    = 32
	SectionsMax = 16
	RefusalsMax = 16
	// WordMax bounds a name in a report.
	WordMax = 128
)

// Report is what one host has found.
type Report struct {
	Host views.HostID
	Name string
	// Addr is what it says others should use.
	Addr netip.AddrPort
	// Partial: Links are those to some hosts only.
	Partial bool
	// Beforehand: it is no member yet, and reports what it found alone; this does not
	// travel.
	Beforehand bool
	// Multicast: what it says to all goes by multicast.
	Multicast bool
	// Streams: its frames go over TCP.
	Streams bool
	// Loop says whether it hears its own multicast.
	Loop Finding
	// Sections are digests of its configuration, by section.
	Sections []Section
	// Names are the configured ones and what they mean here.
	Names []Resolved
	// Refusals are frames that could not be read, here or elsewhere, and why.
	Refusals []Refusal
	// Paused is how long it did not get to run, in Window; Synced how long its
	// slowest disk sync took.
	Paused, Synced time.Duration
	// Lost are the gossip routers that do not answer.
	Lost []netip.AddrPort
	// Links are those to others, members and known ones.
	Links []Link
}

// About are the hosts that a partial report is about: the one that made it, and those of
// its links.
func (r *Report) About() []views.HostID {
	list := []views.HostID{r.Host}
	for i := range r.Links {
		list = append(list, r.Links[i].Peer)
	}
	return list
}

// Finding is what a test found.
type Finding uint8

// Findings.
const (
	// Untested: not known.
	Untested Finding = iota
	// Good: it works.
	Good
	// Bad: it does not.
	Bad
	findingEnd
)

// Valid reports whether f is one of the list.
func (f Finding) Valid() bool { return f < findingEnd }

// Resolved is a configured name and its addresses, sorted; none: it means nothing.
type Resolved struct {
	Name  string
	Addrs []netip.Addr
}

// Refusal is a frame that could not be read.
type Refusal struct {
	// Ours: it was ours, and Who at Addr said so.
	Ours bool
	Who  views.HostID
	Addr netip.AddrPort
	Code views.RefuseCode
	// Proved: we have dialled Addr and who is there has told us; this does not travel.
	// Else whoever can send a datagram may have made it up.
	Proved bool
}

// proved reports whether Who is at Addr: one with our key has said so, or we asked there.
func (f *Refusal) proved() bool { return f.Proved || !f.Code.Unproven() }

// ProvedOnly gives the report without what whoever can send a datagram may have made up.
func (r *Report) ProvedOnly() Report {
	out := *r
	out.Refusals = nil
	for _, f := range r.Refusals {
		if f.proved() {
			out.Refusals = append(out.Refusals, f)
		}
	}
	return out
}

// Flow is what came one way within Window.
type Flow struct {
	// Got frames came, and Lost did not, as the gaps in their numbers say.
	Got, Lost uint32
	// Age is since the last; negative: none ever came.
	Age time.Duration
}

// Probes are questions within Window.
type Probes struct{ Sent, Answered uint32 }

// TCP is how a connection to the member port of another host ends.
type TCP uint8

// Ends of a connection.
const (
	// TCPUntested: not known.
	TCPUntested TCP = iota
	// TCPGood: it was accepted and answered.
	TCPGood
	// TCPRefused: its kernel says that nobody listens there.
	TCPRefused
	// TCPRejected: something on the way says no (ICMP).
	TCPRejected
	// TCPSilent: nobody answers at all.
	TCPSilent
	// TCPMute: its kernel accepts, its process says nothing.
	TCPMute
	// TCPRouter: a gossip router is there, and no member.
	TCPRouter
	tcpEnd
)

// Valid reports whether t is one of the list.
func (t TCP) Valid() bool { return t < tcpEnd }

// Taken reports whether a kernel accepted it, whatever its process said.
func (t TCP) Taken() bool { return t == TCPGood || t == TCPMute }

// Link is what a host knows of the way to and from another one.
type Link struct {
	Peer views.HostID
	Name string
	// Addr is what the peer says others should use; Source, if set, is where its
	// frames come from instead, and SourceAnswers whether questions to that are answered.
	Addr, Source  netip.AddrPort
	SourceAnswers bool
	// Member: both are in one view.
	Member bool
	// All came from it by multicast, One by unicast.
	All, One Flow
	// Small are short questions to it, Large such that fill a frame of LargeBytes;
	// Fits is the longest frame that it has answered, 0: none was tried.
	Small, Large Probes
	LargeBytes   uint32
	Fits         uint32
	// There is what arrived there of a row of short questions, as it says, and Back
	// what came back of the answers to these.
	There, Back Flow
	// Burst are multicasts that it sent in a row when asked to, and how many came.
	Burst Probes
	RTT   time.Duration
	// Clock is by how much its clock is ahead of ours, within Error; Error 0: unknown.
	Clock, Error time.Duration
	TCP          TCP
	// Idle says whether a connection that was idle for IdleFor still carried.
	Idle    Finding
	IdleFor time.Duration
	// Renewed: its multicast came again once we had joined the group anew.
	Renewed bool
	// Twin, if set, is another host whose frames come from the same address.
	Twin views.HostID
}
