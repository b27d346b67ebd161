package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Module is the path of the main module; everything below it is ours.
const Module = "github.com/gmsd/gmsd"

// Finding is one breach of a rule.
type Finding struct {
	Rule string
	// Where is "path:line", or a path.
	Where string
	What  string
	// Cure says what to write instead.
	Cure string
}

// String gives one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: [%s] %s -> %s", f.Where, f.Rule, f.What, f.Cure)
}

// File is a tracked text file.
type File struct {
	// Path is relative to the root, with slashes.
	Path string
	Text string
	// Go is set for Go files.
	Go *ast.File
}

// Dir is the file's folder, "." for the root.
func (f *File) Dir() string { return path.Dir(f.Path) }

// IsTest reports whether f is a Go test file.
func (f *File) IsTest() bool { return strings.HasSuffix(f.Path, "_test.go") }

// IsGenerated reports whether f says that a program wrote it.
func (f *File) IsGenerated() bool { return f.Go != nil && ast.IsGenerated(f.Go) }

// Tree is the tracked text of the repository.
type Tree struct {
	Fset *token.FileSet
	// Files are sorted by path. Files of other modules of the repository
	// (those below a go.mod that is not the root's) are among them.
	Files []*File
	// foreign are the folders of those modules, with a slash behind.
	foreign []string
}

// Main gives the Go files of the main module that are not tests.
func (t *Tree) Main() []*File {
	return t.goFiles(func(f *File) bool { return !f.IsTest() && !f.IsGenerated() && !t.isForeign(f.Path) })
}

// AllGo gives every Go file.
func (t *Tree) AllGo() []*File { return t.goFiles(func(*File) bool { return true }) }

func (t *Tree) goFiles(want func(*File) bool) []*File {
	var out []*File
	for _, f := range t.Files {
		if f.Go != nil && want(f) {
			out = append(out, f)
		}
	}
	return out
}

// Packages groups Main by folder.
func (t *Tree) Packages() map[string][]*File {
	out := make(map[string][]*File)
	for _, f := range t.Main() {
		out[f.Dir()] = append(out[f.Dir()], f)
	}
	return out
}

func (t *Tree) isForeign(p string) bool {
	return slices.ContainsFunc(t.foreign, func(dir string) bool { return strings.HasPrefix(p, dir) })
}

// where gives "path:line".
func (t *Tree) where(f *File, pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.Path, t.Fset.Position(pos).Line)
}

// line gives the number of the line at pos.
func (t *Tree) line(pos token.Pos) int { return t.Fset.Position(pos).Line }

// Load reads the tracked files of the repository around dir.
func Load(dir string) (*Tree, error) {
	root, err := findRoot(dir)
	if err != nil {
		return nil, err
	}
	names, err := list(root)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string)
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			continue // tracked and deleted, not yet committed
		}
		if err != nil {
			return nil, err
		}
		if isText(data) {
			texts[name] = string(data)
		}
	}
	return FromTexts(texts)
}

// FromTexts makes a tree of path -> content; tests of the rules use it.
func FromTexts(texts map[string]string) (*Tree, error) {
	t := &Tree{Fset: token.NewFileSet()}
	for name, text := range texts { // order-free: sorted below
		f := &File{Path: name, Text: text}
		t.Files = append(t.Files, f)
		if path.Base(name) == "go.mod" && f.Dir() != "." {
			t.foreign = append(t.foreign, f.Dir()+"/")
		}
	}
	slices.SortFunc(t.Files, func(a, b *File) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range t.Files {
		if !strings.HasSuffix(f.Path, ".go") || strings.Contains("/"+f.Path, "/testdata/") {
			continue
		}
		parsed, err := parser.ParseFile(t.Fset, f.Path, f.Text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		f.Go = parsed
	}
	return t, nil
}

// findRoot walks up to the folder whose go.mod is the main module's.
func findRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(data, []byte("module "+Module+"\n")) {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod of %s above", Module)
		}
		dir = up
	}
}

// list gives what git tracks or would track; without git, every file.
func list(root string) ([]string, error) {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil {
		names := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		slices.Sort(names)
		return slices.Compact(names), nil
	}
	var names []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		rel, err := filepath.Rel(root, p)
		names = append(names, filepath.ToSlash(rel))
		return err
	})
	return names, err
}

// isText tells sources from binaries that lie about where git cannot say.
func isText(data []byte) bool {
	head := data[:min(len(data), 8<<10)]
	return !bytes.ContainsRune(head, 0) && (utf8.Valid(data) || len(data) > len(head))
}
