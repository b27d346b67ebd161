package tidy

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// machinePath finds a path of somebody's machine, but not the middle of a URL
// or of another path.
var machinePath = regexp.MustCompile("(?:^|[\\s\"'`(=:,\\[])(/(?:home|work|root)/)")

// marks find what waits to be done; issueMark is how it may wait.
var (
	marks     = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b(\(#\d+\))?`)
	issueMark = "TO" + "DO(#n)"
)

// CheckText finds paths of a machine and work without its issue, in all files.
func CheckText(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Path == "LICENSE" {
			continue
		}
		for n, line := range strings.Split(f.Text, "\n") {
			where := fmt.Sprintf("%s:%d", f.Path, n+1)
			if m := machinePath.FindStringSubmatch(line); m != nil {
				out = append(out, Finding{"text", where, "the path " + m[1] + "… of some machine", "a path relative to the repository, or t.TempDir()"})
			}
			if m := marks.FindStringSubmatch(quoted.ReplaceAllString(line, "")); m != nil && m[2] == "" {
				out = append(out, Finding{"text", where, m[1] + " without an issue", issueMark + ": …, or do it now"})
			}
		}
	}
	return out
}

// CheckSleep finds tests that sleep on the real clock: a file may call
// time.Sleep only if it uses the bubbles of testing/synctest, where it costs
// nothing and is exact.
func CheckSleep(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.AllGo() {
		if !f.IsTest() || importsPath(f, "testing/synctest") || !importsPath(f, "time") {
			continue
		}
		ast.Inspect(f.Go, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Sleep" {
				return true
			}
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == "time" {
				out = append(out, Finding{"sleep", t.where(f, n.Pos()), "a test that sleeps", "wait for the event itself, or put the test in a bubble of testing/synctest"})
			}
			return true
		})
	}
	return out
}

func importsPath(f *File, want string) bool {
	return slices.ContainsFunc(f.Go.Imports, func(s *ast.ImportSpec) bool {
		path, _ := strconv.Unquote(s.Path.Value)
		return path == want
	})
}
