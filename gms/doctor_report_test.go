package gms

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// comes has the engine give a report of a host, and gives what was sent for it at once.
func (r *rig) comes(h *Host, from views.Process, at netip.AddrPort, kind message.ReportKind, said *doctor.Report) (sent []engine.SendReport) {
	said.Host = from.Host
	came := engine.ReportCame{From: from, Addr: at, Report: &message.Report{Kind: kind, Token: 5, Body: said.Append(nil)}}
	seen := len(r.engine.inputs)
	_ = h.order(func(l *loop) { l.takeReport(came); l.runSoon() })
	synctest.Wait()
	for _, in := range r.engine.inputs[seen:] {
		if s, ok := in.(engine.SendReport); ok {
			sent = append(sent, s)
		}
	}
	return sent
}

// inLoop does something in the loop, and waits for it.
func inLoop(h *Host, do func(l *loop)) {
	_ = h.order(do)
	synctest.Wait()
}

// What others say may come before this host has a view.
func TestBeforeTheFirstView(t *testing.T) {
	who := views.Process{Host: views.HostID{7}, Incarnation: 1}
	at := netip.MustParseAddrPort("10.0.0.7:7")
	setup := func(r *rig) {
		r.engine.early = []engine.Delivery{
			engine.Met{Host: who.Host, Says: at, Source: peerAddr},
			engine.Refused{Who: who.Host, From: at, Code: views.RefuseKey},
			engine.Refused{Who: who.Host, From: at, Code: views.RefuseGroup, Ours: true},
			engine.Earshot{Members: []engine.OutOfEarshot{{Host: who.Host, Name: "h7"}}},
		}
		for _, kind := range []message.ReportKind{message.ReportWanted, message.ReportWantedFull, message.ReportGiven} {
			for _, partial := range []bool{false, true} {
				said := doctor.Report{Host: who.Host, Partial: partial, Links: []doctor.Link{{Peer: selfProcess.Host, Addr: selfAddr}}}
				r.engine.early = append(r.engine.early, engine.ReportCame{From: who, Addr: at, Report: &message.Report{Kind: kind, Token: 5, Body: said.Append(nil)}})
			}
		}
	}
	inBubble(t, setup, func(t *testing.T, r *rig, h *Host) {
		if h.View().View.Size() != 1 {
			t.Errorf("it is in %v", h.View().View)
		}
		for _, in := range r.engine.inputs {
			if s, ok := in.(engine.SendReport); ok && s.Addr == at {
				t.Error("one who could not be known was answered")
			}
		}
	})
}

// A report of one who is no member, and is not where this host seeks others, is not kept,
// has nothing examined, and is answered by no more than what it is about.
func TestReportOfNobody(t *testing.T) {
	inBubble(t, func(r *rig) { r.engine.on = installOnFrame(r) }, func(t *testing.T, r *rig, h *Host) {
		r.wire.in <- []byte("x") // a view with the peer
		synctest.Wait()
		earlier := views.Process{Host: peerProcess.Host, Incarnation: peerProcess.Incarnation - 1}
		for _, who := range []views.Process{{Host: views.HostID{7}, Incarnation: 1}, earlier} {
			for _, kind := range []message.ReportKind{message.ReportWanted, message.ReportWantedFull, message.ReportGiven} {
				sent := r.comes(h, who, netip.MustParseAddrPort("10.0.0.7:7"), kind, &doctor.Report{Links: []doctor.Link{{Peer: selfProcess.Host}}})
				if want := kind != message.ReportGiven; want != (len(sent) == 1) {
					t.Fatalf("%v: answered by %v", kind, sent)
				}
				for _, s := range sent {
					if a, err := doctor.ParseReport(s.Report.Body); err != nil || !a.Partial {
						t.Errorf("%v: answered by %+v, %v", kind, a, err)
					}
				}
			}
		}
		inLoop(h, func(l *loop) {
			if len(l.doctor.reports)+len(l.doctor.answers) > 0 {
				t.Errorf("kept: %v %v", l.doctor.reports, l.doctor.answers)
			}
		})
	})
}

// A question or its answer may be lost: who has not answered is asked again, and once it has
// examined its links for what it has found.
func TestSilentMembersAreAskedAgain(t *testing.T) {
	for _, full := range []bool{false, true} {
		inBubble(t, func(r *rig) { r.engine.on = installOnFrame(r) }, func(t *testing.T, r *rig, h *Host) {
			r.wire.in <- []byte("x") // a view with the peer
			synctest.Wait()
			seen := len(r.engine.inputs)
			d, err := h.Diagnose(t.Context(), full)
			if err != nil || len(d.Silent) != 1 {
				t.Fatalf("%+v, %v", d, err)
			}
			synctest.Wait()
			kinds := map[message.ReportKind]int{}
			for _, in := range r.engine.inputs[seen:] {
				if s, ok := in.(engine.SendReport); ok && s.Addr == peerAddr {
					kinds[s.Report.Kind]++
				}
			}
			if kinds[message.ReportWanted] < 3 || full != (kinds[message.ReportWantedFull] == 1) {
				t.Errorf("full %v: it was asked again %v", full, kinds)
			}
		})
	}
}

// Where a member is its view says: one that asks for it to be examined elsewhere does not
// have what is found there be said of it.
func TestMembersAreExaminedWhereTheyAre(t *testing.T) {
	inBubble(t, func(r *rig) { r.engine.on = installOnFrame(r) }, func(t *testing.T, r *rig, h *Host) {
		r.wire.in <- []byte("x") // a view with the peer
		synctest.Wait()
		seen, elsewhere, other := len(r.engine.inputs), netip.MustParseAddrPort("10.0.0.7:7"), views.HostID{7}
		r.comes(h, peerProcess, peerAddr, message.ReportWantedFull, &doctor.Report{
			Partial: true, Addr: elsewhere, Links: []doctor.Link{{Peer: peerProcess.Host, Addr: elsewhere}, {Peer: other, Addr: elsewhere}},
		})
		at := map[views.HostID]netip.AddrPort{}
		for _, in := range r.engine.inputs[seen:] {
			if x, ok := in.(engine.ExamineLink); ok {
				at[x.Host] = x.Addr
			}
		}
		if at[peerProcess.Host] != peerAddr || at[other] != elsewhere {
			t.Errorf("examined are %v", at)
		}
	})
}

// A report of a member is kept, without more links to hosts that nobody has met here than
// an engine can have, and for as long as it holds.
func TestReportOfAMemberIsKept(t *testing.T) {
	inBubble(t, func(r *rig) { r.engine.on = installOnFrame(r) }, func(t *testing.T, r *rig, h *Host) {
		r.wire.in <- []byte("x")
		synctest.Wait()
		said := &doctor.Report{Links: []doctor.Link{{Peer: selfProcess.Host}}}
		for i := range doctor.LinksMax - 1 {
			said.Links = append(said.Links, doctor.Link{Peer: views.HostID{9, byte(i >> 8), byte(i)}})
		}
		if sent := r.comes(h, peerProcess, peerAddr, message.ReportWanted, said); len(sent) != 1 {
			t.Fatalf("answered by %v", sent)
		}
		inLoop(h, func(l *loop) {
			if heard := l.doctor.reports[peerProcess.Host]; heard == nil || len(heard.links) != 1+unmetMost {
				t.Errorf("kept: %v", heard)
			}
		})
		time.Sleep(reportKept + 2*lookEveryLink)
		inLoop(h, func(l *loop) {
			if len(l.doctor.reports) > 0 {
				t.Error("it is kept for ever")
			}
		})
	})
}

// However long either host stands still in between, the clocks differ by what is found,
// within the error that is told.
func TestClocksWithPauses(t *testing.T) {
	delays := []time.Duration{0, 3 * time.Millisecond, 400 * time.Millisecond, 1800 * time.Millisecond}
	for _, offset := range []time.Duration{-5 * time.Second, 0, 700 * time.Millisecond} {
		for _, there := range delays {
			for _, back := range delays {
				for _, still := range delays {
					for _, between := range delays {
						const asked, began = views.Instant(1e9), int64(1e12)
						answered := began + (there + offset).Milliseconds()
						wall := began + (there + back + still).Milliseconds()
						now := asked.Add(there + back + still + between)
						h := heardReport{}
						h.compareClocks(wall, now, asked, &message.Report{Kind: message.ReportGiven, Wall: answered})
						if wrong := (h.clock - offset).Abs(); h.err > 0 && wrong > h.err {
							t.Errorf("an offset of %v is taken for %v ± %v: %v there, %v back, still for %v and %v", offset, h.clock, h.err, there, back, still, between)
						}
					}
				}
			}
		}
	}
}

// Two have one address where both are heard side by side; a host that was started anew by
// another name, where another one was, is alone there.
func TestTwinsAreHeardSideBySide(t *testing.T) {
	other := views.HostID{9}
	for _, c := range []struct {
		name        string
		heard, anew time.Duration // ago; negative: never
		want        views.HostID
	}{
		{"both are heard", 100 * time.Millisecond, time.Second, other},
		{"it was heard before the other came", time.Second, 500 * time.Millisecond, views.HostID{}},
		{"it is not heard any more", 2 * suspicious, 3 * suspicious, views.HostID{}},
		{"it was never heard", -1, time.Second, views.HostID{}},
	} {
		l := &loop{now: views.Instant(time.Hour)}
		l.doctor.watch.met = []metAt{{engine.Met{Host: other, Says: peerAddr, Source: peerAddr}, l.now.Add(-c.anew), l.now}}
		out := doctor.Link{Peer: views.HostID{8}, Addr: peerAddr, All: doctor.Flow{Age: c.heard}, One: doctor.Flow{Age: -1}}
		l.addMet(&out)
		if out.Twin != c.want {
			t.Errorf("%s: %v", c.name, out.Twin)
		}
	}
}
