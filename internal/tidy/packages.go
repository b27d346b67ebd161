package tidy

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// emptyNames say nothing of what is inside.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "shared", "lib", "base"}

// docLines is the least length of a package comment, in lines.
const docLines = 5

// CheckPackages finds packages without a page of their own and those whose
// name, or whose file's name, says nothing.
func CheckPackages(t *Tree) []Finding {
	var out []Finding
	packages := t.Packages()
	for _, dir := range sortedKeys(packages) {
		files := packages[dir]
		name := files[0].Go.Name.Name
		if slices.Contains(emptyNames, name) || slices.Contains(emptyNames, path.Base(dir)) {
			out = append(out, Finding{"packages", dir, "package " + name, "name it by what it is about, or put its parts where they are used"})
		}
		for _, f := range files {
			if base := strings.TrimSuffix(path.Base(f.Path), ".go"); slices.Contains(emptyNames, base) {
				out = append(out, Finding{"packages", f.Path, "a file named " + base, "name it by its one idea"})
			}
		}
		out = append(out, checkDoc(dir, files)...)
	}
	return out
}

func checkDoc(dir string, files []*File) []Finding {
	i := slices.IndexFunc(files, func(f *File) bool { return path.Base(f.Path) == "doc.go" })
	if i < 0 {
		return []Finding{{"packages", dir, "no doc.go", "write one: what it is, its source, contract, invariants, what it does not do"}}
	}
	doc := files[i].Go.Doc.Text()
	if n := strings.Count(strings.TrimSpace(doc), "\n") + 1; n < docLines {
		return []Finding{{"packages", files[i].Path, "a package comment of fewer than 5 lines", "say what it is, its contract, its invariants, what it does not do"}}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
