package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

const (
	// documentedUpTo is the last ring whose exported names are counted.
	documentedUpTo = 3
	// documentedPercent is the share that must have a comment.
	documentedPercent = 95
)

// CheckExported counts the exported names of rings 0-3 that have a comment. It
// gives the bare ones where their share is too large.
func CheckExported(t *Tree) []Finding {
	bare, total := Undocumented(t)
	if total == 0 || (total-len(bare))*100 >= total*documentedPercent {
		return nil
	}
	return append(bare, Finding{
		"exported", "rings 0-3", fmt.Sprintf("%d of %d exported names have no comment", len(bare), total),
		fmt.Sprintf("%d %% must: shapes, units, zero meaning, ownership, errors", documentedPercent),
	})
}

// Undocumented gives a finding for each bare exported name, and how many
// exported names there are.
func Undocumented(t *Tree) (bare []Finding, total int) {
	promised := promises(t)
	for _, f := range t.Main() {
		if r, ok := RingOf(f.Dir()); !ok || r.Ring > documentedUpTo {
			continue
		}
		note := func(id *ast.Ident, documented bool) {
			if !id.IsExported() {
				return
			}
			total++
			if !documented {
				bare = append(bare, Finding{"exported", t.where(f, id.Pos()), id.Name + " has no comment", "say what it is, its unit, what zero means"})
			}
		}
		for _, decl := range f.Go.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if exportedReceiver(d) {
					note(d.Name, d.Doc != nil || d.Recv != nil && promised[f.Dir()+" "+d.Name.Name])
				}
			case *ast.GenDecl:
				noteSpecs(d, note)
			}
		}
	}
	return bare, total
}

// promises gives the methods of the interfaces of each package, as "folder
// Method": what such a method does is said at the interface.
func promises(t *Tree) map[string]bool {
	out := make(map[string]bool)
	for _, f := range t.Main() {
		ast.Inspect(f.Go, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok {
				for _, m := range i.Methods.List {
					for _, id := range m.Names {
						out[f.Dir()+" "+id.Name] = true
					}
				}
			}
			return true
		})
	}
	return out
}

func noteSpecs(d *ast.GenDecl, note func(*ast.Ident, bool)) {
	if d.Tok == token.IMPORT {
		return
	}
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			note(s.Name, d.Doc != nil || s.Doc != nil || s.Comment != nil)
		case *ast.ValueSpec:
			for _, id := range s.Names {
				note(id, d.Doc != nil || s.Doc != nil || s.Comment != nil)
			}
		}
	}
}

// exportedReceiver reports whether d is a function, or a method of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	return d.Recv == nil || ast.IsExported(receiver(d))
}

// receiver gives the name of a method's type, or "".
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// funcName gives "Store.SaveSeq" or "Open".
func funcName(d *ast.FuncDecl) string {
	return strings.TrimPrefix(receiver(d)+"."+d.Name.Name, ".")
}
