package engine

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/seal"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// What a link carries is found by Echos (ADR 18): long ones now and then to see that
// full frames still arrive, short ones where something seems wrong.
const (
	// sweepEvery is the time between two full Echos, sweepMost how many members one
	// that goes to all asks.
	sweepEvery = 5 * time.Second
	sweepMost  = 8
	// answerIn is how long an answer may take, before it counts as missing.
	answerIn = time.Second
	// triesMost is how often a length is tried until it is one that does not pass.
	triesMost = 4
	// fullAgain is when a full frame is tried again on a path that was too short.
	fullAgain = time.Minute
	// examinedEvery is the time between two short Echos of an examination, which has
	// so many; a thorough one, for the share of frames that is lost, has more.
	examinedEvery = 150 * time.Millisecond
	examinedShort = 16
	thoroughEvery = 15 * time.Millisecond
	thoroughShort = 200
	// examinedAfter is how much later than asked for an examination begins: a kernel that
	// rejects says so once a second or so, and a connection that is tried beside hears it.
	examinedAfter = 50 * time.Millisecond
	// examinedLong is how many full Echos go with the short ones of either.
	examinedLong = 8
	// newcomersEvery is the time between the first Echos to members of a new view.
	newcomersEvery = 5 * time.Millisecond
	// deafAfter is from when on a link by which nothing came is deaf, and loses no share,
	// and one on which was asked in vain for so long says nothing of before.
	deafAfter = 2 * time.Second
	// pathStep is how exactly the length of a path is found.
	pathStep = 16
)

// linkWindow is the time of the counts of a link, kept by seconds.
const linkWindow = 10

// second are the counts of one second.
type second struct {
	// gotAll came by multicast, gotOne by unicast; of what is for all, by either,
	// numbered came and lost did not.
	gotAll, gotOne, numbered, lost     uint16
	shortSent, shortBack, longs, longB uint16
}

// link is what is known of the way to one other process and back.
type link struct {
	process views.Process
	to      []netip.AddrPort // one
	// fits is the longest frame known to arrive, 0: none was tested; full: it is all
	// that a frame may be. searching is how the search goes, while it does.
	fits      int
	full      bool
	searching *search
	// heardAll and heardOne are when something came to all, to us alone, source is where
	// that came from.
	heardAll, heardOne views.Instant
	source             netip.AddrPort
	seconds            [linkWindow]second
	rtt                time.Duration
	// sent counts our short Echos, got those of the other; there is what it has said of ours.
	sent, got uint32
	there     tally
	// past is that of the examination before, until pastUntil.
	past      tally
	pastUntil views.Instant
	asked     []question
	// unanswered is how many full Echos were sent since the last that was answered, vain
	// are the short ones.
	unanswered int
	vain       vain
	examine    examination
	fullAt     views.Instant // when a full frame is to be tried
	burst      burst
}

// vain is a row of short Echos without an answer: so many, sent from one time to another.
type vain struct {
	sent     int
	from, to views.Instant
}

// tally is what came there of what was sent, between two answers.
type tally struct{ firstSeq, firstGot, lastSeq, lastGot, answers uint32 }

// question is an Echo on its way. Examined: it belongs to no search.
type question struct {
	token          uint64
	size           int
	long, examined bool
	at             views.Instant
}

// search is the way to the length of a path: Low passes, High does not.
type search struct{ low, high, tries int }

// examination is a row of short Echos, with long ones among them.
type examination struct {
	of, left int
	every    time.Duration
	at       views.Instant
	// again: a thorough one follows, as it was asked for when much of this was over.
	again bool
}

// links are those to the members of the view, by rank, and to others that were asked for.
type links struct {
	sure  bool // the transport has no paths to be measured
	most  int  // the longest frame
	least int  // one that every path carries
	all   []*link
	other []*link
	// members are those of all, by address.
	members map[netip.AddrPort]*link
	// shortest is the shortest path to a member.
	shortest int
	sweepAt  views.Instant
	cursor   int
	seq      uint32
	newAt    views.Instant
	burst    ownBurst
	tokens   uint64
	mask     uint64
	at       views.Instant // when something is due
	second   int64
}

func newLinks(cfg *Config) links {
	l := links{sure: cfg.PathSure, most: cfg.PathBytes, least: min(pathLeast, cfg.PathBytes), mask: cfg.Nonce*0x9e3779b97f4a7c15 | 1}
	l.shortest = l.most
	return l
}

// setView keeps what is known of those who stay, and what of others tells anything: it may
// be what the change is about, and be asked for just now.
func (ls *links) setView(now views.Instant, v *views.View, self views.Process) {
	before := slices.Concat(ls.all, ls.other)
	members := make(map[views.HostID]bool, v.Size())
	for i := range v.Members {
		members[v.Members[i].Host] = true
	}
	ls.all = ls.all[:0:0]
	ls.other = slices.DeleteFunc(slices.Clone(before), func(l *link) bool {
		return l == nil || members[l.process.Host] || !l.tells(now)
	})
	ls.other = ls.other[max(0, len(ls.other)-othersMost):]
	ls.members = make(map[netip.AddrPort]*link, v.Size())
	for i := range v.Members {
		m := &v.Members[i]
		at := slices.IndexFunc(before, func(l *link) bool { return l != nil && l.process == m.Process })
		switch {
		case m.Process == self:
			ls.all = append(ls.all, nil)
			continue
		case at >= 0:
			ls.all = append(ls.all, before[at])
		default:
			l := &link{process: m.Process}
			if !ls.sure {
				l.fullAt = now
			}
			ls.all = append(ls.all, l)
		}
		ls.all[i].to = []netip.AddrPort{m.Addr}
		ls.members[m.Addr] = ls.all[i]
	}
	ls.count()
	if v.Size() > 1 && ls.sweepAt == 0 && !ls.sure {
		ls.sweepAt = now.Add(sweepEvery)
	}
	if v.Size() == 1 {
		ls.sweepAt = 0
	}
	ls.at = now
}

// tells reports whether anything was heard or asked within the time of the counts.
func (l *link) tells(now views.Instant) bool {
	return now.Sub(max(l.heardAll, l.heardOne, l.examine.at)) <= linkWindow*time.Second
}

// count finds the shortest path.
func (ls *links) count() {
	ls.shortest = ls.most
	for _, l := range ls.all {
		if l != nil && l.fits > 0 && !l.full {
			ls.shortest = min(ls.shortest, l.fits)
		}
	}
}

// linkOf gives the link to a process, nil where there is none.
func (e *Engine) linkOf(p views.Process) *link {
	ls := &e.links
	if r := e.core.RankOf(p); r >= 0 && r < len(ls.all) && ls.all[r] != nil && ls.all[r].process == p {
		return ls.all[r]
	}
	for _, l := range ls.other {
		if l.process.Host == p.Host {
			return l
		}
	}
	return nil
}

// room is how long a frame may be that goes there.
func (ls *links) room(s *vsync.Send) int {
	switch {
	case ls.sure:
		return ls.most
	case s.Scope != Direct:
		return ls.shortest
	}
	if l := ls.members[s.To[0]]; l != nil && l.fits > 0 {
		return l.fits
	}
	return ls.most
}

// known reports whether every way there was measured.
func (ls *links) known(s *vsync.Send) bool {
	if ls.sure {
		return true
	}
	for _, to := range s.To {
		if l := ls.members[to]; l == nil || l.fits == 0 {
			return false
		}
	}
	return len(s.To) > 0 && s.Scope != Seek
}

// tick gives the counts of this second, and forgets those of long ago.
func (ls *links) tick(now views.Instant) int {
	s := int64(now) / int64(time.Second)
	if ls.second == 0 {
		ls.second = s
	}
	for ; ls.second < s; ls.second++ {
		if s-ls.second > linkWindow {
			ls.second = s - linkWindow
		}
		at := int((ls.second + 1) % linkWindow)
		for _, l := range ls.all {
			if l != nil {
				l.seconds[at] = second{}
			}
		}
		for _, l := range ls.other {
			l.seconds[at] = second{}
		}
	}
	return int(s % linkWindow)
}

// heardLink notes a frame that came from source, and those for all that are missing
// before it. Of one that another member has relayed the link knows nothing.
func (e *Engine) heardLink(from vsync.Sender, source netip.AddrPort, multicast bool) {
	l := e.linkOf(from.Process)
	if l == nil {
		return
	}
	if by := e.links.members[source]; by != nil && by != l {
		return
	}
	s := &l.seconds[e.links.tick(e.now)]
	// What did not come while nothing came is no share that was lost.
	deaf := multicast && l.heardAll != 0 && e.now.Sub(l.heardAll) > deafAfter
	if multicast {
		l.heardAll = e.now
		s.gotAll = addTo(s.gotAll, 1)
	} else {
		l.heardOne, l.source = e.now, source
		s.gotOne = addTo(s.gotOne, 1)
	}
	if !e.guard.sealing() {
		return
	}
	switch row, missing := e.guard.sealer.Last(); {
	case row != seal.ToAll, deaf:
	case missing < 0:
		s.lost -= min(s.lost, 1)
		s.numbered = addTo(s.numbered, 1)
	default:
		s.lost = addTo(s.lost, missing)
		s.numbered = addTo(s.numbered, 1)
	}
}

// addTo counts, and stops at the top.
func addTo(v uint16, n int) uint16 {
	return uint16(min(int(v)+max(n, 0), 1<<16-1)) //nolint:gosec // bounded
}

// countLong counts a full Echo that is sent; shorter ones of a search are none.
func (l *link) countLong(ls *links, size int, now views.Instant) {
	if size >= ls.most {
		s := &l.seconds[ls.tick(now)]
		s.longs = addTo(s.longs, 1)
		l.unanswered++
	}
}

// echo sends an Echo whose frame has size bytes, or is as short as may be where size is 0.
func (e *Engine) echo(l *link, size int, examined bool) {
	long := size > 0
	e.links.tokens++
	m := &message.Echo{Token: e.links.tokens * e.links.mask, To: l.process.Host}
	if long {
		l.countLong(&e.links, size, e.now)
	} else {
		l.sent++
		m.Seq = l.sent
		s := &l.seconds[e.links.tick(e.now)]
		s.shortSent = addTo(s.shortSent, 1)
		l.vain.note(e.now)
	}
	l.ask(question{m.Token, size, long, examined, e.now})
	e.sendPadded(&vsync.Send{Scope: Direct, To: l.to, Msg: m}, m, size)
}

// note adds one; a row ends where nothing is asked for a while.
func (v *vain) note(now views.Instant) {
	if v.sent == 0 || now.Sub(v.to) > answerIn {
		*v = vain{from: now}
	}
	v.sent, v.to = v.sent+1, now
}

// questionsMost bounds what is remembered of Echos on their way.
const questionsMost = 64

func (l *link) ask(q question) {
	if len(l.asked) == questionsMost {
		l.asked = slices.Delete(l.asked, 0, 1)
	}
	l.asked = append(l.asked, q)
}

// sendPadded sends an Echo in a frame of its own, of that length as it goes out.
func (e *Engine) sendPadded(s *vsync.Send, m *message.Echo, size int) {
	frame, err := wire.AppendMessage(e.begin(), m)
	if err != nil {
		return
	}
	if short := size - e.cfg.tailBytes() - len(frame); short > 0 {
		// The lengths of pad and body may take a byte or two more by themselves.
		m.Pad = e.pad(max(short-2, 0))
		if frame, err = wire.AppendMessage(e.begin(), m); err != nil {
			return
		}
	}
	e.traffic.Out[message.TypeEcho]++
	e.finish(s, frame)
}

// pad gives n bytes of nothing.
func (e *Engine) pad(n int) []byte {
	if n > len(e.padding) {
		e.padding = make([]byte, n)
	}
	return e.padding[:n]
}

// takeEcho answers, where we are meant.
func (e *Engine) takeEcho(from vsync.Sender, m *message.Echo, size int) {
	meant := m.To == e.header.From.Host
	if m.To.IsZero() {
		if m.Count == 0 {
			e.takeBurst(from, m)
			return
		}
		v := e.core.View()
		if v == nil || v.ID != m.View || v.Size() == 0 {
			return
		}
		ahead := (e.core.RankOf(e.header.From) - int(m.First) + v.Size()) % v.Size()
		meant = ahead < int(m.Count)
	}
	if !meant {
		return
	}
	got := uint32(0)
	if l := e.linkOf(from.Process); l != nil {
		if m.Seq > 0 && !m.To.IsZero() {
			l.got++
		}
		got = l.got
	}
	e.send([]vsync.Send{{Scope: Direct, To: []netip.AddrPort{from.Addr}, Msg: &message.EchoReply{
		Token: m.Token, Seq: m.Seq, Size: uint32(size), Got: got, //nolint:gosec // a frame's
	}}})
}

// takeEchoReply notes what arrived.
func (e *Engine) takeEchoReply(from vsync.Sender, m *message.EchoReply) {
	ls := &e.links
	l := e.linkOf(from.Process)
	if l == nil {
		return
	}
	i := slices.IndexFunc(l.asked, func(q question) bool { return q.token == m.Token })
	if i < 0 {
		return
	}
	q := l.asked[i]
	l.asked = slices.Delete(l.asked, i, i+1)
	s := &l.seconds[ls.tick(e.now)]
	l.measure(e.now.Sub(q.at))
	if !q.long {
		s.shortBack = addTo(s.shortBack, 1)
		l.vain = vain{}
		l.there.take(m)
		return
	}
	if q.size >= ls.most {
		s.longB = addTo(s.longB, 1)
		l.unanswered = 0
	}
	l.fit(e.now, q.size, ls)
	ls.at = e.now
	e.obeyPaths()
}

// take notes an answer; one who does not count ours says 0.
func (t *tally) take(m *message.EchoReply) {
	if m.Got == 0 {
		return
	}
	if m.Seq > t.lastSeq && m.Got < t.lastGot {
		*t = tally{} // it has begun to count anew: it was out of the view, or started again
	}
	if t.answers == 0 || m.Seq < t.firstSeq {
		t.firstSeq, t.firstGot = m.Seq, m.Got
	}
	if m.Seq > t.lastSeq {
		t.lastSeq, t.lastGot = m.Seq, m.Got
	}
	t.answers++
}

// measure smooths a round trip.
func (l *link) measure(rtt time.Duration) {
	if l.rtt == 0 {
		l.rtt = rtt
		return
	}
	l.rtt += (rtt - l.rtt) / 8
}

// fit notes that a frame of that size has arrived.
func (l *link) fit(now views.Instant, size int, ls *links) {
	l.fits = max(l.fits, size)
	switch s := l.searching; {
	case size >= ls.most:
		l.fits, l.full, l.searching = size, true, nil
	case s != nil:
		s.low, s.tries = max(s.low, size), 0
		if s.high-s.low <= pathStep {
			l.searching, l.fullAt = nil, now.Add(fullAgain)
			l.fits = s.low
		}
	}
}

// missed notes that a long frame had no answer.
func (l *link) missed(now views.Instant, size int, ls *links) {
	switch s := l.searching; {
	case s == nil && size >= ls.most:
		l.searching = &search{low: 0, high: ls.most, tries: 1}
		l.examine.begin(now, examinedShort, examinedEvery)
	case s == nil:
	case size >= s.high && s.low == 0 && s.tries < triesMost:
		if s.tries++; s.tries == triesMost {
			l.full, l.fits = false, ls.least // until more is known
		}
	case size > s.low && size < s.high:
		if s.tries++; s.tries >= triesMost/2 {
			s.high, s.tries = size, 0
		}
	}
}

// begin begins an examination unless a longer one is under way. What is to follow follows.
func (x *examination) begin(now views.Instant, n int, every time.Duration) {
	if x.left < n {
		*x = examination{of: n, left: n, every: every, at: now, again: x.again}
	}
}

// next is the length to try, 0 while there is nothing to be learned: short frames are
// not answered either.
func (l *link) next(now views.Instant, ls *links) int {
	s := l.searching
	switch {
	case slices.ContainsFunc(l.asked, func(q question) bool { return q.long && !q.examined }):
		return 0
	case s == nil && l.fullAt != 0 && now >= l.fullAt:
		return ls.most
	case s == nil:
		return 0
	case s.low == 0 && s.tries < triesMost:
		return ls.most
	case l.shortBack() == 0:
		return 0
	case s.low == 0:
		return ls.least
	}
	return (s.low + s.high) / 2 / 4 * 4
}

// shortBack is how many short Echos were answered of late.
func (l *link) shortBack() (n int) {
	for i := range l.seconds {
		n += int(l.seconds[i].shortBack)
	}
	return n
}

// advanceLinks does what is due.
func (e *Engine) advanceLinks() {
	ls := &e.links
	if ls.at == 0 || e.now < ls.at {
		return
	}
	e.sweep()
	ls.at = ls.sweepAt
	e.advanceBurst()
	for _, l := range slices.Concat(ls.all, ls.other) {
		if l != nil {
			e.advanceLink(l)
		}
	}
	e.obeyPaths()
}

// advanceLink does what is due of one.
func (e *Engine) advanceLink(l *link) {
	ls := &e.links
	for len(l.asked) > 0 && e.now.Sub(l.asked[0].at) >= answerIn {
		q := l.asked[0]
		l.asked = slices.Delete(l.asked, 0, 1)
		if q.long && !q.examined {
			l.missed(e.now, q.size, ls)
		}
	}
	if x := &l.examine; x.left > 0 && e.now >= x.at {
		x.left--
		x.at = max(x.at.Add(x.every), e.now.Add(-4*x.every)) // a late one delays no others
		e.echo(l, 0, true)
		if !ls.sure && x.left%(x.of/examinedLong) == 0 {
			e.echo(l, ls.most, true)
		}
		if x.left == 0 && x.again {
			l.beginThorough(e.now)
		}
	}
	if size := l.next(e.now, ls); size > 0 && !ls.sure && e.mayAskNew(l) {
		if l.searching == nil {
			l.fullAt = 0
		}
		e.echo(l, size, false)
	}
	ls.at = views.Earliest(ls.at, l.due(e.now))
	if l.fullAt != 0 && l.fullAt <= e.now && ls.newAt > e.now { // else it waits for an answer
		ls.at = views.Earliest(ls.at, ls.newAt)
	}
}

// mayAskNew spreads the first Echos to the members of a view.
func (e *Engine) mayAskNew(l *link) bool {
	ls := &e.links
	if l.fits > 0 || l.searching != nil {
		return true
	}
	if e.now < ls.newAt {
		return false
	}
	ls.newAt = e.now.Add(newcomersEvery)
	return true
}

// due is when a link is to be looked at again, 0 where nothing is under way.
func (l *link) due(now views.Instant) (at views.Instant) {
	if len(l.asked) > 0 {
		at = l.asked[0].at.Add(answerIn)
	}
	if l.examine.left > 0 {
		at = views.Earliest(at, l.examine.at)
	}
	if l.fullAt > now {
		at = views.Earliest(at, l.fullAt)
	}
	if l.searching != nil && len(l.asked) == 0 {
		at = views.Earliest(at, now.Add(examinedEvery))
	}
	return at
}

// sweep sends a full Echo to the next members.
func (e *Engine) sweep() {
	ls := &e.links
	v := e.members // the core may have a newer one, of which nothing is known here yet
	if ls.sweepAt == 0 || e.now < ls.sweepAt || ls.sure || v == nil || v.Size() < 2 {
		return
	}
	// Longer frames are tested less often: it is the bytes a second that count.
	ls.sweepAt = e.now.Add(max(sweepEvery, sweepEvery*time.Duration(ls.most/1500)))
	if !e.cfg.Multicast {
		ls.cursor = (ls.cursor + 1) % len(ls.all)
		if ls.all[ls.cursor] == nil {
			ls.cursor = (ls.cursor + 1) % len(ls.all)
		}
		if l := ls.all[ls.cursor]; l.full {
			l.fullAt = e.now
		}
		return
	}
	e.sweepAll(v)
}

// sweepAll asks the next few of all by one frame.
func (e *Engine) sweepAll(v *views.View) {
	ls := &e.links
	n := min(sweepMost, v.Size()-1)
	first := ls.cursor % v.Size()
	ls.cursor = (first + n) % v.Size()
	ls.tokens++
	ls.seq++
	m := &message.Echo{Token: ls.tokens * ls.mask, Seq: ls.seq, View: v.ID, First: uint16(first), Count: uint16(n + 1)} //nolint:gosec // ranks
	for i := range n + 1 {
		if l := ls.all[(first+i)%v.Size()]; l != nil && l.full {
			l.ask(question{m.Token, ls.most, true, false, e.now})
			l.countLong(ls, ls.most, e.now)
		}
	}
	e.sendPadded(&vsync.Send{Scope: All, To: e.core.Others(), Msg: m}, m, ls.most)
}

// obeyPaths lets frames and packets be no longer than the paths.
func (e *Engine) obeyPaths() {
	ls := &e.links
	before := ls.shortest
	ls.count()
	if ls.shortest != before {
		e.bundle = ls.shortest - e.cfg.tailBytes()
		e.core.SetPacketBytes(ls.shortest - e.cfg.sealedMore() - dataOverhead)
	}
}

func (e *Engine) sendReport(in SendReport) {
	if in.Addr.IsValid() {
		e.sendOne(in.Addr, in.Report)
		return
	}
	e.sendAll(in.Report)
}

// othersMost bounds the links to hosts that are no members.
const othersMost = 64

// examineLink begins an examination.
func (e *Engine) examineLink(in ExamineLink) {
	l := e.linkOf(views.Process{Host: in.Host})
	if v := e.core.View(); v != nil {
		if r := v.Rank(in.Host); r >= 0 && r < len(e.links.all) {
			l = e.links.all[r]
		}
	}
	if l == nil {
		if len(e.links.other) == othersMost {
			e.links.other = slices.Delete(e.links.other, 0, 1)
		}
		l = &link{process: views.Process{Host: in.Host}}
		e.links.other = append(e.links.other, l)
	}
	if len(l.to) == 0 || e.core.RankOf(l.process) < 0 {
		l.to = []netip.AddrPort{in.Addr}
	}
	if at := e.now.Add(examinedAfter); in.Thorough {
		l.beginThorough(at)
	} else {
		l.examine.begin(at, examinedShort, examinedEvery)
	}
	e.links.at = e.now
}

// beginThorough begins to count anew, and keeps the counts of before until there are as
// many. One under way goes on to its end: whoever asked for it wants all of it.
func (l *link) beginThorough(now views.Instant) {
	if x := &l.examine; x.of == thoroughShort && x.left > 0 {
		x.again = x.again || x.left <= thoroughShort/2
		return
	}
	if l.there.span() >= thoroughShort/2 {
		l.past, l.pastUntil = l.there, now.Add(thoroughShort*thoroughEvery+2*answerIn)
	}
	l.there = tally{}
	l.examine = examination{of: thoroughShort, left: thoroughShort, every: thoroughEvery, at: now}
}

// span is how many were sent between the first and the last answer.
func (t *tally) span() int {
	if t.answers < 2 {
		return 0
	}
	return int(t.lastSeq-t.firstSeq) + 1
}

// LinkStatus is what is known of the way to a host and back, of the last ten seconds.
type LinkStatus struct {
	Host views.HostID
	Addr netip.AddrPort
	// Source is where its last frame for us alone came from.
	Source netip.AddrPort
	// Member: it is in the view.
	Member bool
	// Fits is the longest frame seen to arrive there, 0: none was tested. Full: that
	// is all a frame may be. Tried is the length that does not arrive, 0: none is known.
	Fits, Tried int
	Full        bool
	RTT         time.Duration
	// Multicast and Unicast came from it, the last of them so long ago; negative: none.
	Multicast, Unicast       int
	MulticastAge, UnicastAge time.Duration
	// Numbered came of what it says to all, Lost did not.
	Numbered, Lost int
	// Short and full Long ones are our Echos, of which so many were answered.
	Short, ShortAnswered, Long, LongAnswered int
	// InVain is for how long Short were, where none of them was answered; else 0.
	InVain time.Duration
	// There is how many of Sent short ones arrived there, Back how many answers to
	// these came; between the first and the last answer of an examination.
	Sent, There, Back int
	// Burst is how many multicasts it sent in a row of late, BurstGot how many came.
	Burst, BurstGot int
}

// Age is how long ago the last frame came; negative: none did.
func (s *LinkStatus) Age() time.Duration {
	if s.UnicastAge < 0 || s.MulticastAge >= 0 && s.MulticastAge < s.UnicastAge {
		return s.MulticastAge
	}
	return s.UnicastAge
}

// Links gives what is known of every link: to the members, by rank, and to others that
// were members, or were examined, of late.
func (e *Engine) Links() []LinkStatus {
	var list []LinkStatus
	e.links.tick(e.now)
	for i, l := range slices.Concat(e.links.all, e.links.other) {
		member := i < len(e.links.all)
		if l == nil || len(l.to) == 0 || !member && !l.tells(e.now) {
			continue
		}
		list = append(list, l.status(e.now, member, e.links.most))
	}
	return list
}

func (l *link) status(now views.Instant, member bool, most int) LinkStatus {
	s := LinkStatus{
		Host: l.process.Host, Addr: l.to[0], Source: l.source, Member: member, Fits: l.fits, Full: l.full, RTT: l.rtt,
		MulticastAge: ageOf(now, l.heardAll), UnicastAge: ageOf(now, l.heardOne),
	}
	if l.searching != nil && l.searching.tries >= triesMost {
		s.Tried = l.searching.high
	} else if l.fits > 0 && !l.full {
		s.Tried = most
	}
	for i := range l.seconds {
		c := &l.seconds[i]
		s.Multicast += int(c.gotAll)
		s.Unicast += int(c.gotOne)
		s.Numbered += int(c.numbered)
		s.Lost += int(c.lost)
		s.Short += int(c.shortSent)
		s.ShortAnswered += int(c.shortBack)
		s.Long += int(c.longs)
		s.LongAnswered += int(c.longB)
	}
	// What was answered before a row of those that were not is of another time.
	if l.unanswered >= examinedLong {
		s.Long, s.LongAnswered = l.unanswered, 0
	}
	if v := &l.vain; s.Short > 0 && v.to.Sub(v.from) >= deafAfter {
		s.Short, s.ShortAnswered, s.InVain = min(s.Short, v.sent), 0, now.Sub(v.from)
	}
	t := &l.there
	if now < l.pastUntil && l.past.span() > t.span() {
		t = &l.past
	}
	if t.span() > 0 {
		s.Sent, s.Back = t.span(), int(t.answers)
		s.There = min(max(int(t.lastGot)-int(t.firstGot)+1, s.Back), s.Sent) // two may overtake each other
	}
	if b := &l.burst; b.over(now) && now.Sub(b.at) < linkWindow*time.Second {
		s.Burst, s.BurstGot = int(b.of), int(b.got)
	}
	return s
}

func ageOf(now, at views.Instant) time.Duration {
	if at == 0 {
		return -1
	}
	return now.Sub(at)
}
