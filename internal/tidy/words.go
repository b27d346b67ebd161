package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Word is a word of another vocabulary, and ours for it (docs/GLOSSARY.md).
type Word struct {
	Not, Say string
	// Where it may be said: folders with a slash behind, or endings of names.
	Except []string
}

// Words are the "do not say" words that a program can judge without knowing
// what is meant; the glossary has more.
var Words = []Word{
	{Not: "node", Say: "host (the machine), process (one run), member (in a view)"},
	{Not: "nodes", Say: "hosts, processes, members"},
	{Not: "master", Say: "primary (component), coordinator (of a view), or the writer (of a database)"},
	{Not: "masters", Say: "primary, coordinator, writer"},
	{Not: "slave", Say: "joiner or standby"},
	{Not: "slaves", Say: "joiners or standbys"},
	{Not: "leader", Say: "coordinator"},
	{Not: "leaders", Say: "coordinators"},
	{Not: "leadership", Say: "coordinator"},
	{Not: "follower", Say: "member"},
	{Not: "followers", Say: "members"},
	{
		Not: "dead", Say: "suspected (an opinion), failed or gone (a view says so), stopped (a process)",
		// There it is the truth, known from outside, and no opinion.
		Except: []string{"internal/sim/", "internal/netlab/", "testdata/", "bench/", "_test.go"},
	},
	{Not: "workflow", Say: "plan"},
}

// Phrases are uses of those words that mean something else; they are taken out
// before a text is judged.
var Phrases = []string{
	"dead-letter", "dead letter", "dead code", "dead peer detection", "raft leader", "raft's leader",
}

// namesAllowed are identifiers that belong to somebody else.
var namesAllowed = []string{"IsLeader", "LeaderID"}

// quoted takes out what a text mentions and does not say: in quotes of any kind.
var quoted = regexp.MustCompile("`[^`\n]*`|\"[^\"\n]*\"|“[^”\n]*”")

// CheckWords finds those words in the names that Go files declare, in their
// comments, and in the project's pages and scenarios; and names with a Get.
func CheckWords(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		switch {
		case f.Go != nil && !f.IsGenerated():
			out = append(out, wordsInGo(t, f)...)
		case isProse(f.Path):
			out = append(out, wordsInText(f.Path, 1, f.Text)...)
		}
	}
	return out
}

// isProse: pages, scenario films, scripts. LICENSE is somebody else's.
func isProse(p string) bool {
	return slices.Contains([]string{".md", ".txt", ".txtar", ".toml", ".yml", ".sh"}, path.Ext(p)) || path.Base(p) == "Makefile"
}

func wordsInGo(t *Tree, f *File) []Finding {
	var out []Finding
	for _, group := range f.Go.Comments {
		for _, c := range group.List {
			out = append(out, wordsInText(f.Path, t.line(c.Pos()), c.Text)...)
		}
	}
	for _, id := range declared(f.Go) {
		if slices.Contains(namesAllowed, id.Name) {
			continue
		}
		for _, part := range split(id.Name) {
			if say, ok := banned(f.Path, part); ok {
				out = append(out, Finding{"words", t.where(f, id.Pos()), fmt.Sprintf("%q in the name %s", part, id.Name), say})
			}
		}
	}
	for _, decl := range f.Go.Decls {
		if d, ok := decl.(*ast.FuncDecl); ok && hasGet(d.Name.Name) {
			out = append(out, Finding{"words", t.where(f, d.Pos()), "the name " + d.Name.Name, strings.TrimPrefix(d.Name.Name, "Get") + ": a getter has no Get"})
		}
	}
	return out
}

func hasGet(name string) bool {
	rest, ok := strings.CutPrefix(name, "Get")
	return ok && rest != "" && unicode.IsUpper(rune(rest[0]))
}

// wordsInText judges prose that starts at the given line of a file.
func wordsInText(file string, first int, text string) []Finding {
	var out []Finding
	for n, line := range strings.Split(text, "\n") {
		line = strings.ToLower(quoted.ReplaceAllString(line, " "))
		for _, p := range Phrases {
			line = strings.ReplaceAll(line, p, " ")
		}
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return !unicode.IsLetter(r) }) {
			if say, ok := banned(file, word); ok {
				out = append(out, Finding{"words", fmt.Sprintf("%s:%d", file, first+n), fmt.Sprintf("%q", word), say + `; if you quote, use "quotes"`})
			}
		}
	}
	return out
}

func banned(file, word string) (say string, ok bool) {
	word = strings.ToLower(word)
	i := slices.IndexFunc(Words, func(w Word) bool { return w.Not == word })
	if i < 0 || slices.ContainsFunc(Words[i].Except, func(where string) bool {
		return strings.HasPrefix(file, where) || strings.HasSuffix(file, where)
	}) {
		return "", false
	}
	return Words[i].Say, true
}

// declared gives the names that a file brings into the world.
func declared(f *ast.File) []*ast.Ident {
	ids := []*ast.Ident{f.Name}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			ids = append(ids, n.Name)
		case *ast.TypeSpec:
			ids = append(ids, n.Name)
		case *ast.ValueSpec:
			ids = append(ids, n.Names...)
		case *ast.Field:
			ids = append(ids, n.Names...)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				ids = append(ids, idents(n.Lhs...)...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				ids = append(ids, idents(n.Key, n.Value)...)
			}
		}
		return true
	})
	return ids
}

func idents(exprs ...ast.Expr) []*ast.Ident {
	var out []*ast.Ident
	for _, e := range exprs {
		if id, ok := e.(*ast.Ident); ok {
			out = append(out, id)
		}
	}
	return out
}

// split cuts a name at capitals, digits and underscores: HTTPHeader2x is HTTP,
// Header, x.
func split(name string) []string {
	var parts []string
	runes := []rune(name)
	start := 0
	cut := func(end int) {
		if end > start {
			parts = append(parts, string(runes[start:end]))
		}
		start = end
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			cut(i)
			start = i + 1
		case unicode.IsUpper(r) && i > start && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			cut(i)
		}
	}
	cut(len(runes))
	return parts
}
