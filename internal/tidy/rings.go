package tidy

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Free is the ring of what only tests and tools use: it may import anything,
// and nothing of rings 0-4 imports it.
const Free = 5

// Ring is one row of the table of rings (docs/ARCHITECTURE.md).
type Ring struct {
	// Path is a folder, or "folder/**" for everything below it. The longest
	// row that fits a package is the package's.
	Path string
	Ring int
	// May lists packages of its own ring that it may import, in the form of Path.
	May []string
}

// Rings is the table. A package that fits no row is a finding.
var Rings = []Ring{
	{Path: "views", Ring: 0},
	{Path: "views/quorum", Ring: 0, May: []string{"views"}},
	{Path: "views/message", Ring: 0, May: []string{"views"}},
	{Path: "views/trace", Ring: 0, May: []string{"views"}},
	{Path: "internal/keys", Ring: 0, May: []string{"views"}},

	{Path: "views/vsync", Ring: 1},
	{Path: "views/groups", Ring: 1},
	{Path: "views/transfer", Ring: 1},
	{Path: "views/primary", Ring: 1},
	{Path: "failuredetect", Ring: 1},
	{Path: "reconfig", Ring: 1},
	{Path: "internal/wire", Ring: 1},
	{Path: "internal/seal", Ring: 1},
	{Path: "internal/doctor", Ring: 1},
	{Path: "internal/rekey", Ring: 1},

	{Path: "internal/engine", Ring: 2},

	{Path: "discovery", Ring: 3},
	{Path: "discovery/discoverytest", Ring: 3, May: []string{"discovery"}},
	{Path: "transport", Ring: 3},
	{Path: "transport/**", Ring: 3, May: []string{"transport", "transport/internal/**"}},
	{Path: "transport/router", Ring: 3, May: []string{"transport", "transport/tcp", "transport/internal/**"}},
	{Path: "transport/internal/**", Ring: 3, May: []string{"transport", "transport/tether", "transport/internal/**"}},
	{Path: "reconfig/**", Ring: 3},
	{Path: "internal/meta", Ring: 3},
	{Path: "internal/stable", Ring: 3},
	{Path: "internal/stable/stabletest", Ring: 3, May: []string{"internal/stable"}},
	{Path: "internal/tracelog", Ring: 3},
	{Path: "internal/keyfile", Ring: 3},
	{Path: "internal/adminca", Ring: 3, May: []string{"internal/keyfile"}},
	{Path: "internal/figures", Ring: 3},
	{Path: "gms/member", Ring: 3},
	{Path: "internal/clientwire", Ring: 2},
	{Path: "internal/straight", Ring: 3},
	{Path: "internal/socketfile", Ring: 3},
	{Path: "client", Ring: 3, May: []string{"gms/member", "internal/straight"}},
	{Path: "gms/member/membertest", Ring: 3, May: []string{"gms/member"}},
	{Path: "internal/clients", Ring: 4},
	{Path: "examples/**", Ring: Free, May: []string{"**"}},
	{Path: "gms", Ring: 3, May: []string{"gms/member", "discovery", "transport", "transport/**", "internal/stable", "internal/meta", "internal/tracelog", "internal/keyfile", "internal/adminca"}},

	{Path: "internal/admin", Ring: 4},
	{Path: "cmd/**", Ring: 4, May: []string{"internal/admin", "internal/clients", "cmd/**"}},

	// The checkers read event logs, of the simulator and of real processes alike.
	{Path: "internal/sim/check", Ring: 3},

	{Path: "internal/sim", Ring: Free, May: []string{"**"}},
	{Path: "internal/sim/**", Ring: Free, May: []string{"**"}},
	{Path: "internal/netlab", Ring: Free, May: []string{"**"}},
	{Path: "internal/netlab/**", Ring: Free, May: []string{"**"}},
	{Path: "internal/tidy", Ring: Free, May: []string{"**"}},
}

// RingOf gives the row of a package, by its folder.
func RingOf(dir string) (Ring, bool) {
	var best Ring
	for _, r := range Rings {
		if fits(r.Path, dir) && len(r.Path) > len(best.Path) {
			best = r
		}
	}
	return best, best.Path != ""
}

// fits reports whether dir is what pattern names.
func fits(pattern, dir string) bool {
	if pattern == "**" {
		return true
	}
	if below, ok := strings.CutSuffix(pattern, "/**"); ok {
		return strings.HasPrefix(dir, below+"/")
	}
	return pattern == dir
}

// CheckRings finds imports that go up or sideways, packages without a ring, and
// libraries of others in rings 0-2.
func CheckRings(t *Tree) []Finding {
	var out []Finding
	known := make(map[string]bool)
	for _, f := range t.Main() {
		own, ok := RingOf(f.Dir())
		if !ok {
			if !known[f.Dir()] {
				out = append(out, Finding{"rings", f.Path, "package " + f.Dir() + " has no ring", "give it a row in internal/tidy/rings.go and in docs/ARCHITECTURE.md"})
			}
			known[f.Dir()] = true
			continue
		}
		for _, spec := range f.Go.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if what, cure := judgeImport(own, f.Dir(), target); what != "" {
				out = append(out, Finding{"rings", t.where(f, spec.Pos()), what, cure})
			}
		}
	}
	return out
}

func judgeImport(own Ring, dir, target string) (what, cure string) {
	if target != Module && !strings.HasPrefix(target, Module+"/") {
		if own.Ring <= 2 && strings.Contains(strings.SplitN(target, "/", 2)[0], ".") {
			return fmt.Sprintf("ring %d imports %s", own.Ring, target), "rings 0-2 import the standard library alone; do it at an edge (ring 3)"
		}
		return "", ""
	}
	to := strings.TrimPrefix(strings.TrimPrefix(target, Module), "/")
	if to == dir {
		return "", ""
	}
	other, ok := RingOf(to)
	switch {
	case !ok:
		return "imports " + to + ", which has no ring", "give it a row in internal/tidy/rings.go"
	case other.Ring < own.Ring, allowed(own, to):
		return "", ""
	case other.Ring == Free:
		return fmt.Sprintf("ring %d imports %s, which is for tests", own.Ring, to), "move what both need to a lower ring"
	case other.Ring == own.Ring && own.Ring == 1:
		return dir + " imports its sibling " + to, "siblings of ring 1 meet only in internal/engine; speak in values of views or views/message"
	}
	return fmt.Sprintf("ring %d (%s) imports ring %d (%s)", own.Ring, dir, other.Ring, to),
		"a ring imports lower rings only; pass a value or an interface down instead"
}

// allowed reports whether the row permits the import, or to is the package that
// dir is the conformance suite of (x/xtest may import x).
func allowed(own Ring, to string) bool {
	return slices.ContainsFunc(own.May, func(p string) bool { return fits(p, to) }) ||
		own.Path == to+"/"+path.Base(to)+"test"
}
