package tidy

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"strings"
)

// claimsPage names what shows that the project does what it says.
const claimsPage = "docs/VERIFICATION.md"

// claimed is a test, a fuzz target, or a file of testdata, by its name.
var claimed = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*|[a-z0-9_]+\\.(?:txt|txtar))`")

// CheckClaims finds tests and films that the page of claims names and nobody wrote.
func CheckClaims(t *Tree) []Finding {
	have := shown(t)
	var out []Finding
	for _, f := range t.Files {
		if f.Path != claimsPage {
			continue
		}
		for n, line := range strings.Split(f.Text, "\n") {
			for _, m := range claimed.FindAllStringSubmatch(line, -1) {
				if !have[m[1]] {
					out = append(out, Finding{
						"claims", fmt.Sprintf("%s:%d", f.Path, n+1), m[1] + " does not exist",
						"the name of the test that shows it now, or no claim",
					})
				}
			}
		}
	}
	return out
}

// shown are the names of all tests and of all files of testdata.
func shown(t *Tree) map[string]bool {
	have := map[string]bool{}
	for _, f := range t.Files {
		if strings.Contains("/"+f.Path, "/testdata/") {
			have[path.Base(f.Path)] = true
		}
	}
	for _, f := range t.AllGo() {
		for _, d := range f.Go.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.IsTest() {
				have[fn.Name.Name] = true
			}
		}
	}
	return have
}
