package tidy

import (
	"slices"
	"sync"
	"testing"
)

var tree = sync.OnceValues(func() (*Tree, error) { return Load(".") })

func load(t *testing.T) *Tree {
	t.Helper()
	tr, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	// An empty tree would pass every rule.
	if len(tr.Main()) < 20 || len(tr.Packages()["views"]) == 0 {
		t.Fatalf("only %d Go files were found", len(tr.Main()))
	}
	return tr
}

func report(t *testing.T, found []Finding) {
	t.Helper()
	for _, f := range found {
		t.Errorf("%s", f)
	}
}

func TestRings(t *testing.T)    { report(t, CheckRings(load(t))) }
func TestPurity(t *testing.T)   { report(t, CheckPurity(load(t))) }
func TestPackages(t *testing.T) { report(t, CheckPackages(load(t))) }
func TestWords(t *testing.T)    { report(t, CheckWords(load(t))) }
func TestText(t *testing.T)     { report(t, CheckText(load(t))) }
func TestClaims(t *testing.T)   { report(t, CheckClaims(load(t))) }

func TestSleep(t *testing.T) { report(t, CheckSleep(load(t))) }

func TestExported(t *testing.T) {
	tr := load(t)
	bare, total := Undocumented(tr)
	t.Logf("%d of %d exported names of rings 0-%d have a comment", total-len(bare), total, documentedUpTo)
	report(t, CheckExported(tr))
}

func TestLength(t *testing.T) {
	tr := load(t)
	report(t, CheckLength(tr))

	var funcs, files []int
	for _, f := range Funcs(tr) {
		funcs = append(funcs, f.Lines)
	}
	for _, f := range tr.Main() {
		files = append(files, tr.line(f.Go.FileEnd))
	}
	for name, lines := range map[string][]int{"functions": funcs, "files": files} {
		slices.Sort(lines)
		at := func(percent int) int { return lines[(len(lines)-1)*percent/100] }
		t.Logf("%d %s: lines median %d, p90 %d, longest %d", len(lines), name, at(50), at(90), at(100))
	}
}
