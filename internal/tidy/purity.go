package tidy

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// pureUpTo is the last ring that is pure.
const pureUpTo = 2

// bannedImports of rings 0-2, with what to do instead. A path ending in "/"
// bans everything below it.
var bannedImports = []struct{ path, cure string }{
	{"sync", "there is one caller: the driver owns the machine"},
	{"sync/", "there is one caller: the driver owns the machine"},
	{"os", "what is on disk comes as an Input; what must be written goes out in Output.Persist"},
	{"os/", "what happens outside comes as an Input"},
	{"syscall", "what happens outside comes as an Input"},
	{"io/fs", "what is on disk comes as an Input"},
	{"net/http", "what happens outside comes as an Input"},
	{"crypto/rand", "draw from the seeded source in Config"},
	{"log", "emit a views/trace event; the driver prints it"},
	{"log/", "emit a views/trace event; the driver prints it"},
	{"context", "a deadline is an Instant, a cancel is an Input"},
	{"unsafe", "write it safely"},
	{"runtime", "nothing here may depend on the machine"},
	{"runtime/", "nothing here may depend on the machine"},
	{"testing", "move it to a _test.go file"},
}

// timeAllowed is what rings 0-2 may take from package time: lengths, no clock.
var timeAllowed = []string{"Duration", "ParseDuration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"}

// randAllowed is what they may take from math/rand and math/rand/v2: makers of
// own sources and the types of those.
var randAllowed = []string{"New", "NewSource", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "PCG", "ChaCha8", "Zipf"}

// printers of package fmt write to the process's standard output.
var printers = []string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"}

// mapRangers give a map's entries in no order.
var mapRangers = []string{"Keys", "Values", "All"}

// orderFree is the remark by which a range over a map says why it may be one.
const orderFree = "order-free:"

// CheckPurity finds what would make rings 0-2 depend on anything but inputs.
func CheckPurity(t *Tree) []Finding {
	var out []Finding
	tc := &typer{tree: t, done: make(map[string]*types.Package), std: importer.Default()}
	packages := t.Packages()
	for _, dir := range sortedKeys(packages) {
		if r, ok := RingOf(dir); !ok || r.Ring > pureUpTo {
			continue
		}
		info := tc.check(dir)
		for _, f := range packages[dir] {
			p := &purity{tree: t, file: f, info: info, remarks: remarks(t, f)}
			p.imports()
			ast.Inspect(f.Go, p.visit)
			out = append(out, p.found...)
		}
	}
	return out
}

// typer checks types, well enough to tell a map from a slice: what it cannot
// resolve it leaves out.
type typer struct {
	tree  *Tree
	std   types.Importer
	done  map[string]*types.Package
	infos map[string]*types.Info
}

// Import lets the packages of the tree import each other.
func (c *typer) Import(p string) (*types.Package, error) {
	if p != Module && !strings.HasPrefix(p, Module+"/") {
		return c.std.Import(p)
	}
	dir := strings.TrimPrefix(p, Module+"/")
	c.check(dir)
	if pkg := c.done[dir]; pkg != nil {
		return pkg, nil
	}
	return nil, fmt.Errorf("no package %s", p)
}

func (c *typer) check(dir string) *types.Info {
	if info := c.infos[dir]; info != nil {
		return info
	}
	if c.infos == nil {
		c.infos = make(map[string]*types.Info)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	c.infos[dir] = info
	var files []*ast.File
	for _, f := range c.tree.Packages()[dir] {
		files = append(files, f.Go)
	}
	conf := types.Config{Importer: c, Error: func(error) {}, FakeImportC: true}
	c.done[dir], _ = conf.Check(Module+"/"+dir, c.tree.Fset, files, info)
	return info
}

// remarks gives the lines of f that carry an order-free remark with a reason.
func remarks(t *Tree, f *File) map[int]bool {
	lines := make(map[int]bool)
	for _, group := range f.Go.Comments {
		for _, c := range group.List {
			if _, why, ok := strings.Cut(c.Text, orderFree); ok && strings.TrimSpace(why) != "" {
				// A remark may go on; what counts is where its group ends.
				lines[t.line(c.Pos())] = true
				lines[t.line(group.End())] = true
			}
		}
	}
	return lines
}

type purity struct {
	tree    *Tree
	file    *File
	info    *types.Info
	remarks map[int]bool
	found   []Finding
}

func (p *purity) report(pos token.Pos, what, cure string) {
	p.found = append(p.found, Finding{"purity", p.tree.where(p.file, pos), what, cure})
}

func (p *purity) imports() {
	for _, spec := range p.file.Go.Imports {
		target, _ := strconv.Unquote(spec.Path.Value)
		for _, b := range bannedImports {
			below := strings.HasSuffix(b.path, "/") && strings.HasPrefix(target, b.path)
			if target == b.path || below {
				p.report(spec.Pos(), "import of "+target, b.cure)
			}
		}
		if target == "net" || strings.HasPrefix(target, "net/") && target != "net/netip" && target != "net/http" {
			p.report(spec.Pos(), "import of "+target, "net/netip alone: addresses are values, sockets are ring 3")
		}
	}
}

func (p *purity) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		p.report(n.Pos(), "a goroutine", "the driver runs the machine; return an Output")
	case *ast.SelectStmt:
		p.report(n.Pos(), "a select", "the driver waits; give a Deadline")
	case *ast.ChanType:
		p.report(n.Pos(), "a channel", "give a slice in Output, take an Input")
	case *ast.RangeStmt:
		p.rangeOver(n)
	case *ast.SelectorExpr:
		p.selector(n)
	case *ast.CallExpr:
		return p.call(n)
	case *ast.Ident:
		if obj := p.info.Uses[n]; (n.Name == "float32" || n.Name == "float64") && (obj == nil || obj.Parent() == types.Universe) {
			p.report(n.Pos(), "a "+n.Name, "count in integers: parts per million, shifted averages")
		}
	}
	if e, ok := n.(ast.Expr); ok {
		p.float(e)
	}
	return true
}

// float finds values that became floats without saying so.
func (p *purity) float(e ast.Expr) {
	if _, ok := e.(*ast.BinaryExpr); !ok {
		return
	}
	basic, ok := underlying(p.info.Types[e].Type).(*types.Basic)
	if ok && (basic.Kind() == types.Float32 || basic.Kind() == types.Float64) {
		p.report(e.Pos(), "arithmetic in "+basic.Name(), "count in integers")
	}
}

func underlying(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	return t.Underlying()
}

func (p *purity) rangeOver(n *ast.RangeStmt) {
	if _, ok := underlying(p.info.Types[n.X].Type).(*types.Map); ok && !p.excused(n.Pos()) {
		p.report(n.Pos(), "a range over a map", "keep a sorted slice, or range over slices.Sorted(maps.Keys(m)); where order cannot reach an output, say so: // "+orderFree+" why")
	}
}

func (p *purity) excused(pos token.Pos) bool {
	line := p.tree.line(pos)
	return p.remarks[line] || p.remarks[line-1]
}

// call looks at calls of maps.Keys and its kin; inside a sort they are fine.
func (p *purity) call(n *ast.CallExpr) bool {
	pkg, name := p.callee(n)
	switch {
	case pkg == "slices" && strings.HasPrefix(name, "Sorted"):
		for _, arg := range n.Args {
			if inner, ok := arg.(*ast.CallExpr); ok {
				if pkg, name := p.callee(inner); pkg == "maps" && slices.Contains(mapRangers, name) {
					ast.Inspect(inner.Args[0], p.visit)
					continue
				}
			}
			ast.Inspect(arg, p.visit)
		}
		return false
	case pkg == "maps" && slices.Contains(mapRangers, name) && !p.excused(n.Pos()):
		p.report(n.Pos(), "maps."+name+" outside slices.Sorted", "slices.Sorted(maps."+name+"(m)), or // "+orderFree+" why")
	}
	return true
}

func (p *purity) callee(n *ast.CallExpr) (pkg, name string) {
	if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
		return p.packageOf(sel), sel.Sel.Name
	}
	return "", ""
}

// packageOf gives the path of the package that sel selects from, or "".
func (p *purity) packageOf(sel *ast.SelectorExpr) string {
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	if name, ok := p.info.Uses[id].(*types.PkgName); ok {
		return name.Imported().Path()
	}
	return ""
}

func (p *purity) selector(n *ast.SelectorExpr) {
	name := n.Sel.Name
	switch p.packageOf(n) {
	case "time":
		if !slices.Contains(timeAllowed, name) {
			p.report(n.Pos(), "time."+name, "take `now views.Instant` as an argument; wait by giving a Deadline")
		}
	case "math/rand", "math/rand/v2":
		if !slices.Contains(randAllowed, name) {
			p.report(n.Pos(), "the global rand."+name, "draw from the seeded *rand.Rand of the Config")
		}
	case "fmt":
		if slices.Contains(printers, name) {
			p.report(n.Pos(), "fmt."+name, "emit a views/trace event; the driver prints it")
		}
	}
}
