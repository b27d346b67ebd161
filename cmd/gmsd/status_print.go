package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/views"
)

// printStatus prints what a daemon says of itself: what an operator asks first, then
// what is unusual. Zeros and empty lists are left out; --json has all.
func (c *call) printStatus(s *admin.StatusAnswer) {
	fmt.Fprintf(c.out, "host %s (%s)   group %s   %s   version %s   up %s\n", s.Name, s.Self.Short(), s.Group, s.Addr, s.Version, inSeconds(s.UptimeSeconds))
	fmt.Fprintf(c.out, "%s, in view %s of %s%s\n", s.State, describeViewOf(s), describeSize(s.Members), meaningOf(s.State))
	c.printLinesOf(describeSlow(&s.Flow), describeAlone(&s.Discovery), describeDeaf(&s.Discovery), describeRouters(&s.Discovery))
	for i := range s.Diagnosis {
		c.printLinesOf(describeVerdict(&s.Diagnosis[i]))
	}
	for i := range s.Namesakes {
		c.printLinesOf(describeNamesakes(&s.Namesakes[i]))
	}
	for _, n := range s.Notices {
		c.printLinesOf("NOTICE " + n)
	}
	if s.EventLog != "" {
		c.printLinesOf("EVENT LOG is not written: " + s.EventLog)
	}
	if s.KeyFile != "" {
		c.printLinesOf("KEYS cannot be changed: " + s.KeyFile)
	}
}

func (c *call) printLinesOf(lines ...string) {
	for _, l := range lines {
		if l != "" {
			fmt.Fprintln(c.out, l)
		}
	}
}

// meaningOf says in few words what a state means, where the word does not.
func meaningOf(state string) string {
	if state == "zombie" {
		return ": no cluster is initialised, so views and messages work, and databases are off"
	}
	return ""
}

func describeNamesakes(n *admin.StatusNamesakes) string {
	list := make([]string, 0, len(n.Hosts))
	for _, h := range n.Hosts {
		list = append(list, fmt.Sprintf("%s at %s", h.Host.Short(), h.Addr))
	}
	return fmt.Sprintf("ONE NAME %s of several members: %s; give each its own", n.Name, strings.Join(list, ", "))
}

// printParts prints how the parts of the daemon are.
func (c *call) printParts(s *admin.StatusAnswer) {
	c.printHeard(s.Engine.Members)
	t := newTable(c.out, 2)
	for _, part := range []struct{ name, text string }{
		{"detection", describeDetection(&s.Engine)},
		{"flow", describeFlow(s)},
		{"addresses", describeKnown(&s.Discovery)},
		{"traffic", describeTraffic(&s.Transport)},
		{"protocol", counted(protocolCounts(&s.Engine.Counters))},
		{"dropped", counted(s.Transport.Dropped, s.Engine.Dropped)},
		{"trouble", counted(troubleCounts(&s.Counts))},
	} {
		if part.text != "" {
			fmt.Fprintf(t, "%s\t%s\n", part.name, part.text)
		}
	}
	_ = t.Flush() // c.out keeps its error
	for i := range s.Engine.Strangers {
		c.printLinesOf(describeStranger(&s.Engine.Strangers[i]))
	}
	for _, source := range s.Discovery.Sources {
		if source.Trouble != "" {
			c.printLinesOf(fmt.Sprintf("trouble with %s: %s", source.Name, source.Trouble))
		}
	}
}

// printHeard prints how the other members are heard.
func (c *call) printHeard(members []admin.StatusMember) {
	if len(members) == 0 {
		return
	}
	t := newTable(c.out, 2)
	fmt.Fprintln(t, "member\thost\tis\tlast heard\tsuspected after\tround trip")
	for i := range members {
		m := &members[i]
		heard, trip := "not yet", "not measured"
		if m.HeardSecondsAgo >= 0 {
			heard = inSeconds(m.HeardSecondsAgo) + " ago"
		}
		if m.RTTSeconds > 0 {
			trip = inSeconds(m.RTTSeconds)
		}
		is := m.State
		if m.Role == "" {
			is = "not watched by this host"
		}
		if m.Accusers > 0 {
			is += ", accused by " + countOf(m.Accusers, "host")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, m.Host.Short(), is, heard, inSeconds(m.SilenceSeconds), trip)
	}
	_ = t.Flush() // as above
}

func describeDetection(e *admin.StatusEngine) string {
	text := "a silent member is suspected within " + inSeconds(e.DetectionBoundSeconds)
	if e.Phase != "operational" {
		text += "; a view change is under way: " + e.Phase
	}
	return text
}

func describeFlow(s *admin.StatusAnswer) string {
	f := &s.Flow
	words := []string{inBytes(f.WindowBytes) + " may be under way"}
	for _, part := range []struct {
		n    int
		what string
	}{
		{f.OutboxBytes, fmt.Sprintf("%s of %s wait to be sent", inBytes(f.OutboxBytes), inBytes(f.OutboxLimitBytes))},
		{f.BacklogBytes, fmt.Sprintf("%s of %s are not read by programs here", inBytes(f.BacklogBytes), inBytes(f.BacklogLimitBytes))},
		{f.StatesGiven, countOf(f.StatesGiven, "state") + " on the way to others"},
		{f.StatesTaken, countOf(f.StatesTaken, "state") + " on the way here"},
		{s.Ports, countOf(s.Ports, "program")},
		{s.Waiting, countOf(s.Waiting, "call") + " waiting for the group"},
		{len(f.Unsettled), "nothing goes out until all have told their light groups; not yet: " + shortIDs(f.Unsettled)},
	} {
		if part.n > 0 {
			words = append(words, part.what)
		}
	}
	return strings.Join(words, "; ")
}

func shortIDs(hosts []views.HostID) string {
	var words []string
	for _, h := range hosts {
		words = append(words, h.Short())
	}
	return strings.Join(words, " ")
}

func describeKnown(d *admin.StatusDiscovery) string {
	var from []string
	for _, s := range d.Sources {
		if s.Addresses > 0 {
			from = append(from, fmt.Sprintf("%s %d", s.Name, s.Addresses))
		}
	}
	if d.Known == 0 {
		return ""
	}
	text := fmt.Sprintf("%d known (%s)", d.Known, strings.Join(from, ", "))
	if d.Absent == 0 {
		return text + ", a member at each"
	}
	var sought []string
	for _, a := range d.Sought {
		if len(a.By) == 0 {
			continue
		}
		by := a.By[0].Source
		if why := a.By[0].Why; why != "" && why != a.Addr {
			by += ": " + why
		}
		sought = append(sought, fmt.Sprintf("%s (%s)", a.Addr, by))
	}
	if more := d.Absent - len(sought); more > 0 {
		sought = append(sought, fmt.Sprintf("and %d more", more))
	}
	return text + "; sought, since no member is there: " + strings.Join(sought, ", ")
}

// describeTraffic sums what went over the wire each way.
func describeTraffic(t *admin.StatusTransport) string {
	var words []string
	for _, dir := range []string{"in", "out"} {
		var frames, size uint64
		for kind, n := range t.Packets {
			if strings.HasPrefix(kind, dir+" ") {
				frames += n
				size += t.Bytes[kind]
			}
		}
		if frames > 0 {
			words = append(words, fmt.Sprintf("%s %d frames, %s", dir, frames, inBytes(int(min(size, 1<<62))))) //nolint:gosec // bounded
		}
	}
	return strings.Join(words, "; ")
}

func protocolCounts(c *admin.StatusCounters) map[string]uint64 {
	return map[string]uint64{
		"proposals": c.Ballots, "given up": c.Abandons, "yielded": c.Yields, "left out": c.LeftOut, "packets repeated": c.Retransmits, "asked for again": c.Naks,
	}
}

func troubleCounts(c *admin.StatusCounts) map[string]uint64 {
	return map[string]uint64{
		"frames not sent": c.SendErrors, "receive errors": c.ReceiveErrors, "event log errors": c.EventLogErrors, "event log lines lost": c.EventLogLost,
		"calls refused as too many": c.Busy, "readers cut": c.ListenersCut, "events skipped by observers": c.ObserverSkipped,
	}
}

// counted lists what occurred, by name.
func counted(counts ...map[string]uint64) string {
	sum := map[string]uint64{}
	for _, m := range counts {
		for what, n := range m {
			sum[what] += n
		}
	}
	var words []string
	for _, what := range slices.Sorted(maps.Keys(sum)) {
		if sum[what] > 0 {
			words = append(words, fmt.Sprintf("%s %d", what, sum[what]))
		}
	}
	return strings.Join(words, ", ")
}

func describeStranger(s *admin.StatusStranger) string {
	text := fmt.Sprintf("stranger: view %s of %s, heard by way of %s", describeID(s.View), describeSize(int(s.Size)), s.Contact.Short())
	if !s.Answered {
		text += ", which has not answered"
	}
	if len(s.Lacking) > 0 {
		text += "; lacking, since no ping came back: " + strings.Join(s.Lacking, ", ")
	}
	return text
}

// inSeconds is a time for people: 36 ms, 2.1 s, 3m20s.
func inSeconds(s float64) string {
	switch {
	case s < 0.001:
		return fmt.Sprintf("%.0f us", s*1e6)
	case s < 0.9995:
		return fmt.Sprintf("%.0f ms", s*1e3)
	case s < 59.95:
		return fmt.Sprintf("%.1f s", s)
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// inBytes is a size for people: 512 B, 1.5 KiB, 2.0 MiB.
func inBytes(n int) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/(1<<10), 0
	for size >= 1023.95 && unit < 3 {
		size /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f %s", size, []string{"KiB", "MiB", "GiB", "TiB"}[unit])
}
