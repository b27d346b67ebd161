package sim

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Transcript writes what happens as one line an event: the time, the host in
// its own column, the event in words with host numbers for ids. Messages are
// written only if loud.
func Transcript(out io.Writer, loud bool) func(*World) {
	return func(w *World) {
		w.watchRecord = func(h *Host, r trace.Record) {
			text := w.DescribeEvent(r.Event, loud)
			if text == "" {
				return
			}
			mark := ""
			if h.proc != nil && h.proc.shadow {
				mark = " (copy)"
			}
			fmt.Fprintf(out, "%12s %s%d%s: %s\n", w.Elapsed().Round(time.Microsecond),
				strings.Repeat("  ", h.number-1), h.number, mark, text)
		}
		w.watchFault = func(text string) {
			fmt.Fprintf(out, "%12s ** %s\n", w.Elapsed().Round(time.Microsecond), text)
		}
	}
}

// HostNumber gives the machine on which id lives or was last seen, or 0. The
// spare machine is named only while nothing else has the id.
func (w *World) HostNumber(id views.HostID) int {
	for _, h := range w.hosts[1:] {
		if h.disk.id == id && !h.spare {
			return h.number
		}
	}
	return w.former[id]
}

// DrawHost writes a host id as its machine's number.
func (w *World) DrawHost(id views.HostID) string {
	if n := w.HostNumber(id); n != 0 {
		return fmt.Sprint(n)
	}
	return id.Short()
}

func (w *World) drawHosts(ids []views.HostID) string {
	words := make([]string, 0, len(ids))
	numbers := make([]int, 0, len(ids))
	for _, id := range ids {
		if n := w.HostNumber(id); n != 0 {
			numbers = append(numbers, n)
		} else {
			words = append(words, id.Short())
		}
	}
	slices.Sort(numbers)
	all := make([]string, 0, len(ids))
	for _, n := range numbers {
		all = append(all, fmt.Sprint(n))
	}
	return "{" + strings.Join(append(all, words...), " ") + "}"
}

// DrawViewID writes "12@3": seq at coordinator.
func (w *World) DrawViewID(id views.ViewID) string {
	if id.IsZero() {
		return "none"
	}
	return fmt.Sprintf("%d@%s", id.Seq, w.DrawHost(id.Coordinator))
}

// DrawView writes "12@3 {1 2 3}".
func (w *World) DrawView(v *views.View) string {
	if v == nil {
		return "none"
	}
	return w.DrawViewID(v.ID) + " " + w.DrawMembers(v)
}

// DrawMembers writes "{1 2 3}".
func (w *World) DrawMembers(v *views.View) string {
	ids := make([]views.HostID, 0, len(v.Members))
	for i := range v.Members {
		ids = append(ids, v.Members[i].Host)
	}
	return w.drawHosts(ids)
}

// DescribeEvent puts an event in words; "" for those that only loud tells.
func (w *World) DescribeEvent(e trace.Event, loud bool) string {
	switch e := e.(type) {
	case trace.Start:
		return "start"
	case trace.Stop:
		return "stop " + e.How
	case trace.Install:
		return w.describeInstall(e)
	case trace.BitsChanged:
		return fmt.Sprintf("bits of %s are %v in %s", w.DrawHost(e.Who), e.Bits, w.DrawViewID(e.View))
	case trace.Suspect:
		return fmt.Sprintf("suspects %s (%s)", w.DrawHost(e.Who), e.Evidence)
	case trace.Trust:
		return fmt.Sprintf("trusts %s (%s)", w.DrawHost(e.Who), e.Evidence)
	case trace.Join:
		return strings.TrimSpace(fmt.Sprintf("join of %s: %s %s", w.DrawHost(e.Who), e.Verdict, e.Code))
	case trace.Phase:
		return strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Phase, w.DrawViewID(e.Ballot), e.Cause))
	case trace.Laggard:
		return fmt.Sprintf("waits for %s in %s: %s", w.DrawHost(e.Who), w.DrawViewID(e.Ballot), e.Step)
	}
	if loud {
		return w.describeTraffic(e)
	}
	return ""
}

func (w *World) describeInstall(e trace.Install) string {
	return strings.Replace(w.DrawInstall(e), "view", "view "+w.DrawViewID(e.View), 1)
}

// DrawInstall writes an install without its number: who, why, and who came along.
func (w *World) DrawInstall(e trace.Install) string {
	ids := make([]views.HostID, 0, len(e.Members))
	for _, m := range e.Members {
		ids = append(ids, m.Host)
	}
	text := fmt.Sprintf("view %s %s trans=%s", w.drawHosts(ids), e.Reason, w.drawHosts(e.Trans))
	if e.Kind == views.Merge {
		text += " merge of"
		for _, s := range e.Subgroups {
			text += " " + w.drawHosts(s.Members)
		}
	}
	return text
}

// DrawGroupView writes a group view without its number, members as host.port.
func (w *World) DrawGroupView(e trace.GroupView) string {
	return fmt.Sprintf("port %s: group %s %s trans=%s", strings.Trim(fmt.Sprint(e.Ports), "[]"), e.Group, w.DrawPorts(e.Members), w.DrawPorts(e.Trans))
}

// DrawPorts writes "{1.1 1.2 3.1}", in their own order.
func (w *World) DrawPorts(ports []trace.Port) string {
	words := make([]string, 0, len(ports))
	for _, p := range ports {
		words = append(words, fmt.Sprintf("%s.%d", w.DrawHost(p.Host), p.Port))
	}
	return "{" + strings.Join(words, " ") + "}"
}

// describeTraffic puts in words what happens too often for most readers.
func (w *World) describeTraffic(e trace.Event) string {
	switch e := e.(type) {
	case trace.Block:
		return "block " + w.DrawViewID(e.View)
	case trace.Unblock:
		return "unblock " + w.DrawViewID(e.View)
	case trace.Send:
		return fmt.Sprintf("send #%d %v %d bytes to %q in %s", e.Msg.N, e.Order, e.Len, e.Group, w.DrawViewID(e.View))
	case trace.Deliver:
		text := fmt.Sprintf("deliver %s#%d %v k=%d in %s", w.DrawHost(e.Msg.From.Host), e.Msg.N, e.Order, e.K, w.DrawViewID(e.View))
		if e.Transitional {
			text += " transitional"
		}
		return text
	case trace.GroupView:
		return fmt.Sprintf("%s in %s/%d/%d after %s/%d", w.DrawGroupView(e), w.DrawViewID(e.ID.View), e.ID.K, e.ID.Side, w.DrawViewID(e.Prev.View), e.Prev.K)
	case trace.GroupLeft:
		return fmt.Sprintf("port %d is out of %s: %s", e.Port, e.Group, e.Why)
	case trace.Drop:
		return fmt.Sprintf("drop from %s: %s x%d", w.DrawHost(e.From), e.Reason, e.Count)
	}
	return ""
}
