package table

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/internal/figures"
)

// Markdown prints the table of some records, if there are any.
func Markdown(w io.Writer, set figures.Set) error {
	rows := Rows(set)
	if len(rows) == 0 {
		return nil
	}
	peers := peersOf(rows)
	titles := append([]string{"metric", "where", "n", ours}, peers...)
	titles = append(titles, Published, "gmsd / best peer", "bar")
	var text strings.Builder
	line(&text, titles)
	line(&text, slices.Repeat([]string{"---"}, len(titles)))
	for i := range rows {
		line(&text, rows[i].cells(peers))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func line(w io.Writer, cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }

// peersOf gives the columns, without that of gmsd.
func peersOf(rows []Row) []string {
	var peers []string
	for _, row := range rows {
		for peer := range row.Cells { // order-free: sorted below
			if peer != ours && !slices.Contains(peers, peer) {
				peers = append(peers, peer)
			}
		}
	}
	slices.Sort(peers)
	return peers
}

func (row *Row) cells(peers []string) []string {
	where := strings.TrimSuffix(cmp.Or(row.Place, "any")+", "+row.Order, ", ")
	out := []string{row.Metric, where, fmt.Sprint(row.N)}
	for _, peer := range append([]string{ours}, peers...) {
		out = append(out, row.Cells[peer].print())
	}
	old := "-"
	if v, ok := published[row.Key]; ok {
		old = number(v)
	}
	ratio := "-"
	if r, ok := row.Ratio(); ok {
		ratio = figures.Digits(r) + "x"
		if !row.moreIsBetter() {
			ratio += " (less is better)"
		}
	}
	return append(out, old, ratio, row.verdict())
}

func (c *Cell) print() string {
	if c == nil {
		return "-"
	}
	least, greatest := c.Values[0], c.Values[len(c.Values)-1]
	return fmt.Sprintf("**%s** (%s–%s) %s", number(c.median()), number(least), number(greatest), c.Setting)
}

// number prints three digits, thousands as k.
func number(x float64) string {
	if x >= 1e4 {
		return figures.Digits(x/1e3) + " k"
	}
	return figures.Digits(x)
}
