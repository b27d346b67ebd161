package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gmsd/gmsd/views"
)

// narrator prints the story while it happens. Out nil: silence.
type narrator struct{ out io.Writer }

func (n *narrator) printf(format string, args ...any) {
	if n.out != nil {
		fmt.Fprintf(n.out, format, args...)
	}
}

func (n *narrator) say(text string) { n.printf("\n%s\n", text) }

func (n *narrator) act(a Act, at time.Duration) { n.printf("%8s  %s\n", seconds(at), a) }

// scene prints what came of an act.
func (n *narrator) scene(s *Scene) {
	for _, d := range s.Doubts {
		if d.After > s.Took {
			continue
		}
		n.printf("          after %s %s\n", millis(d.After), d.words())
	}
	for _, side := range s.Sides {
		n.printf("          after %s everyone of {%s} is in view %s (%s)\n", millis(side.Took), strings.Join(side.Hosts, " "), side.View, side.Reason)
	}
	if highest := s.highest(); s.Above > 0 && highest > s.Above+1 {
		n.printf("          (%d, not %d: the number of a view is above all that its members ever used or set aside on disk)\n", highest, s.Above+1)
	}
}

// highest is the highest number of a view after the act.
func (s *Scene) highest() (seq views.Seq) {
	for _, c := range s.Cells {
		seq = max(seq, c.Seq)
	}
	return seq
}

// isOwn: it is what a host noticed of itself, and no suspicion.
func (d Doubt) isOwn() bool { return d.By == d.Who && d.Detector == "pause" }

func (d Doubt) words() string {
	if d.isOwn() {
		return d.By + " noticed that it was " + d.Evidence
	}
	return d.By + " suspects " + d.Who + ": " + evidence(d)
}

func evidence(d Doubt) string {
	if d.Evidence == "" {
		return d.Detector
	}
	return d.Detector + ", " + d.Evidence
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

func millis(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// drawWidthMax is the most hosts that a picture is drawn for.
const drawWidthMax = 16

// drawPicture prints one line an act: hosts in one view are tied together.
func drawPicture(w io.Writer, scenes []Scene) {
	if len(scenes) == 0 || len(scenes[0].Cells) > drawWidthMax {
		return
	}
	label := 0
	for i := range scenes {
		label = max(label, len(shortAct(scenes[i].Act)))
	}
	head := fmt.Sprintf("%-*s  ", label, "")
	for h := range scenes[0].Cells {
		head += fmt.Sprintf("%-6s", hostName(h+1))
	}
	fmt.Fprintf(w, "\n%s\n", strings.TrimRight(head, " "))
	for i := range scenes {
		fmt.Fprintf(w, "%-*s  %s  %s\n", label, shortAct(scenes[i].Act), drawCells(scenes[i].Cells), millis(scenes[i].Took))
	}
	fmt.Fprintln(w, "(numbers: the view a host is in; tied: the same view; x killed, z frozen, . not there)")
}

// shortAct keeps the label of a large act narrow.
func shortAct(act string) string {
	const most = 26
	words := strings.Fields(act)
	if len(act) <= most {
		return act
	}
	if i := strings.Index(act, "|"); i >= 0 {
		return words[0] + " ... | ..."
	}
	return fmt.Sprintf("%s %s .. %s", words[0], words[1], words[len(words)-1])
}

// drawCells draws hosts as 7-----7-----x-----7; a line goes on behind a host that
// is not there as long as the same view comes again.
func drawCells(cells []Cell) string {
	var b strings.Builder
	for i, c := range cells {
		mark := markOf(c)
		b.WriteString(mark)
		fill := " "
		if tied(cells, i) {
			fill = "─"
		}
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(fill, max(1, 6-len(mark))))
		}
	}
	return b.String()
}

func markOf(c Cell) string {
	switch {
	case c.Life == killed:
		return "x"
	case c.Life == frozen:
		return "z"
	case c.Life != running || c.Seq == 0:
		return "."
	}
	return fmt.Sprint(c.Seq)
}

// tied reports whether a line leads from cell i to the next: the last host in a
// view at or before i is in the view of the next one behind i.
func tied(cells []Cell, i int) bool {
	before, behind := i, i+1
	for before >= 0 && cells[before].Seq == 0 {
		before--
	}
	for behind < len(cells) && cells[behind].Seq == 0 {
		behind++
	}
	return before >= 0 && behind < len(cells) && cells[before].View == cells[behind].View
}

// drawTable prints the figures.
func drawTable(w io.Writer, scenes []Scene) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nact\tfirst suspicion\tlast survivor's new view\tviews a host")
	for i := range scenes {
		s := &scenes[i]
		first := "-"
		if at := slices.IndexFunc(s.Doubts, func(d Doubt) bool { return !d.isOwn() }); at >= 0 && s.Doubts[at].After <= s.Took {
			first = millis(s.Doubts[at].After)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\n", shortAct(s.Act), first, millis(s.Took), s.ViewsMax)
	}
	_ = t.Flush() // w's errors are the terminal's
}
