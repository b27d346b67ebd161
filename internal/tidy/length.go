package tidy

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

// LongLines is the length from which a function needs a line in long.txt.
const LongLines = 70

// LongList is the list of the long functions: "path Func lines", a line each.
const LongList = "internal/tidy/long.txt"

// Func is a function and its length, signature to closing brace.
type Func struct {
	Path, Name string
	Lines      int
}

func (f Func) key() string { return f.Path + " " + f.Name }

// Funcs gives the functions of the main module that are not in tests.
func Funcs(t *Tree) []Func {
	var out []Func
	for _, f := range t.Main() {
		for _, decl := range f.Go.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok && d.Body != nil {
				out = append(out, Func{f.Path, funcName(d), t.line(d.End()) - t.line(d.Pos()) + 1})
			}
		}
	}
	return out
}

// CheckLength is a ratchet: a function over [LongLines] lines stands in
// [LongList] with its length, which may only fall.
func CheckLength(t *Tree) []Finding {
	listed, out := readLong(t)
	for _, f := range Funcs(t) {
		most, ok := listed[f.key()]
		delete(listed, f.key())
		short := f.Lines <= LongLines
		switch {
		case ok && short:
			out = append(out, Finding{"length", LongList, f.key() + " is short now", "take its line out"})
		case ok && f.Lines < most:
			out = append(out, Finding{"length", LongList, fmt.Sprintf("%s has %d lines now, not %d", f.key(), f.Lines, most), "write the smaller number"})
		case !short && f.Lines > max(most, LongLines):
			out = append(out, Finding{"length", f.Path, fmt.Sprintf("%s has %d lines", f.Name, f.Lines), "pull pure leaves out of it; only a switch that owns control flow may be long, and then stands in " + LongList})
		}
	}
	for _, key := range sortedKeys(listed) {
		out = append(out, Finding{"length", LongList, key + " does not exist", "take its line out"})
	}
	return out
}

func readLong(t *Tree) (map[string]int, []Finding) {
	listed := make(map[string]int)
	i := slices.IndexFunc(t.Files, func(f *File) bool { return f.Path == LongList })
	if i < 0 {
		return listed, nil
	}
	var out []Finding
	for n, line := range strings.Split(t.Files[i].Text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		lines, err := strconv.Atoi(fields[len(fields)-1])
		if len(fields) != 3 || err != nil {
			out = append(out, Finding{"length", fmt.Sprintf("%s:%d", LongList, n+1), "not a line of the list", "path Func lines"})
			continue
		}
		listed[fields[0]+" "+fields[1]] = lines
	}
	return listed, out
}
