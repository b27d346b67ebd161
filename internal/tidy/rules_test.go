package tidy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bad is a source that a rule must find something in, and how often.
type bad struct {
	name string
	path string
	text string
	want int
	// says must be in the first finding.
	says string
}

func runBad(t *testing.T, check func(*Tree) []Finding, cases []bad) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tr, err := FromTexts(map[string]string{c.path: c.text})
			if err != nil {
				t.Fatal(err)
			}
			found := check(tr)
			if len(found) != c.want {
				t.Fatalf("%d findings, want %d: %v", len(found), c.want, found)
			}
			if c.want > 0 && !strings.Contains(found[0].String(), c.says) {
				t.Errorf("%s does not say %q", found[0], c.says)
			}
			for _, f := range found {
				if f.Where == "" || f.What == "" || f.Cure == "" {
					t.Errorf("a finding without place, matter or cure: %+v", f)
				}
			}
		})
	}
}

func imports(pkg string, paths ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n", pkg)
	for _, p := range paths {
		fmt.Fprintf(&b, "import _ %q\n", p)
	}
	return b.String()
}

func TestRingsFindsWhatIsBad(t *testing.T) {
	runBad(t, CheckRings, []bad{
		{"down", "internal/engine/a.go", imports("engine", Module+"/views", Module+"/views/vsync", "fmt"), 0, ""},
		{"up", "views/a.go", imports("views", Module+"/views/vsync"), 1, "ring 0 (views) imports ring 1"},
		{"the door to ring 3", "internal/engine/a.go", imports("engine", Module+"/transport"), 1, "imports ring 3"},
		{"siblings", "views/vsync/a.go", imports("vsync", Module+"/failuredetect"), 1, "sibling"},
		{"values into message", "views/message/a.go", imports("message", Module+"/views"), 0, ""},
		{"message into values", "views/a.go", imports("views", Module+"/views/message"), 1, "lower rings only"},
		{"message into trace", "views/trace/a.go", imports("trace", Module+"/views/message"), 1, "lower rings only"},
		{"the library and its doors", "gms/a.go", imports("gms", Module+"/transport", Module+"/transport/mcast", Module+"/internal/stable"), 0, ""},
		{"transport kinds", "transport/mcast/a.go", imports("mcast", Module+"/transport"), 0, ""},
		{"transport kinds of each other", "transport/mcast/a.go", imports("mcast", Module+"/transport/tcp"), 1, "ring 3"},
		{"stable and the library", "internal/stable/a.go", imports("stable", Module+"/gms"), 1, "ring 3"},
		{"a suite", "internal/stable/stabletest/a.go", imports("stabletest", Module+"/internal/stable"), 0, ""},
		{"the simulator inside", "gms/a.go", imports("gms", Module+"/internal/sim"), 1, "for tests"},
		{"the simulator itself", "internal/sim/a.go", imports("sim", Module+"/internal/engine", Module+"/cmd/gmsd"), 0, ""},
		{"tests may all", "views/a_test.go", imports("views", Module+"/internal/sim"), 0, ""},
		{"a library of others", "views/vsync/a.go", imports("vsync", "golang.org/x/sys/unix"), 1, "standard library alone"},
		{"a library of others outside", "transport/mcast/a.go", imports("mcast", "golang.org/x/net/ipv4"), 0, ""},
		{"no ring", "internal/thing/a.go", "package thing", 1, "no ring"},
		{"into no ring", "gms/a.go", imports("gms", Module+"/internal/thing"), 1, "no ring"},
	})
}

func TestPurityFindsWhatIsBad(t *testing.T) {
	in := func(text string) string { return "package vsync\n" + text }
	p := "views/vsync/a.go"
	runBad(t, CheckPurity, []bad{
		{"goroutine", p, in("func f() { go f() }"), 1, "goroutine"},
		{"select", p, in("func f() { select {} }"), 1, "select"},
		{"channel", p, in("type t chan<- int"), 1, "channel"},
		{"lock", p, in(`import "sync"; var mu sync.Mutex`), 1, "import of sync"},
		{"atomic", p, in(`import "sync/atomic"; var n atomic.Int32`), 1, "sync/atomic"},
		{"file", p, in(`import "os"; var _ = os.Args`), 1, "import of os"},
		{"socket", p, in(`import "net"; var _ net.Conn`), 1, "net/netip alone"},
		{"address", p, in(`import "net/netip"; var _ netip.Addr`), 0, ""},
		{"clock", p, in(`import "time"; var start = time.Now()`), 1, "time.Now"},
		{"renamed clock", p, in(`import c "time"; func f() { c.Sleep(1) }`), 1, "time.Sleep"},
		{"clock as a value", p, in(`import "time"; var clock = time.After`), 1, "time.After"},
		{"timer", p, in(`import "time"; var t *time.Timer`), 1, "time.Timer"},
		{"length", p, in(`import "time"; const d time.Duration = 3 * time.Second`), 0, ""},
		{"global random", p, in(`import "math/rand/v2"; var n = rand.IntN(3)`), 1, "rand.IntN"},
		{"own random", p, in(`import "math/rand/v2"; func f(r *rand.Rand) int { return rand.New(rand.NewPCG(1, 2)).IntN(3) + r.IntN(3) }`), 0, ""},
		{"secret random", p, in(`import "crypto/rand"; var r = rand.Reader`), 1, "crypto/rand"},
		{"float", p, in("var x float64"), 1, "float64"},
		{"float32", p, in("func f(float32) {}"), 1, "float32"},
		{"float by default", p, in("var x = 1.5\nfunc f() bool { return x*x > 2 }"), 1, "arithmetic in float64"},
		{"print", p, in(`import "fmt"; func f() { fmt.Println(1) }`), 1, "fmt.Println"},
		{"format", p, in(`import "fmt"; func f() string { return fmt.Sprint(1) }`), 0, ""},
		{"log", p, in(`import "log/slog"; func f() { slog.Info("x") }`), 1, "log/slog"},
		{"map", p, in("func f(m map[int]int) { for range m {} }"), 1, "range over a map"},
		{"named map", p, in("type t map[int]int\nfunc f(m t) { for k := range m { _ = k } }"), 1, "range over a map"},
		{"map in a field", p, in("type s struct{ m map[int]int }\nfunc f(x *s) { for k := range x.m { _ = k } }"), 1, "range over a map"},
		{"map from a library", p, in(`import "maps"; func f(m map[int]int) { for k := range maps.Clone(m) { _ = k } }`), 1, "range over a map"},
		{"keys", p, in(`import "maps"; func f(m map[int]int) { for k := range maps.Keys(m) { _ = k } }`), 1, "maps.Keys"},
		{"sorted keys", p, in(`import ("maps"; "slices"); func f(m map[int]int) { for k := range slices.Values(slices.Sorted(maps.Keys(m))) { _ = k } }`), 0, ""},
		{"reason beside", p, in("func f(m map[int]int) (n int) { for _, v := range m { // order-free: a sum\nn += v }\nreturn }"), 0, ""},
		{"reason above", p, in("func f(m map[int]int) (n int) {\n// order-free: a sum, which does not\n// depend on it\nfor _, v := range m {\nn += v }\nreturn }"), 0, ""},
		{"no reason", p, in("func f(m map[int]int) (n int) { for _, v := range m { // order-free:\nn += v }\nreturn }"), 1, "range over a map"},
		{"reason elsewhere", p, in("// order-free: a sum\n\nfunc f(m map[int]int) (n int) {\n\n for _, v := range m {\nn += v }\nreturn }"), 1, "range over a map"},
		{"slice", p, in("func f(m []int) { for range m {} }"), 0, ""},
		{"tests may all", "views/vsync/a_test.go", in("func f() { go f() }"), 0, ""},
		{"ring 3 may all", "gms/a.go", "package gms\nfunc f(m map[int]int) { go f(m); for range m {} }", 0, ""},
	})
}

// A map that a package of ours returns is known as one across packages.
func TestPuritySeesMapsAcrossPackages(t *testing.T) {
	tr, err := FromTexts(map[string]string{
		"views/a.go":       "package views\ntype Set map[int]bool\nfunc All() Set { return nil }",
		"views/vsync/a.go": "package vsync\nimport \"" + Module + "/views\"\nfunc f() { for range views.All() {} }",
	})
	if err != nil {
		t.Fatal(err)
	}
	if found := CheckPurity(tr); len(found) != 1 {
		t.Errorf("findings %v, want one", found)
	}
}

const goodDoc = "// Package x is\n// what it is,\n// by whom,\n// for whom\n// and why.\n"

func TestPackagesFindsWhatIsBad(t *testing.T) {
	runBad(t, CheckPackages, []bad{
		{"good", "views/doc.go", goodDoc + "package views", 0, ""},
		{"no page", "views/a.go", "package views", 1, "no doc.go"},
		{"a short page", "views/doc.go", "// Package views is short.\npackage views", 1, "fewer than 5 lines"},
		{"a detached page", "views/doc.go", goodDoc + "\npackage views", 1, "fewer than 5 lines"},
		{"an empty name", "internal/util/doc.go", goodDoc + "package util", 1, "package util"},
		{"an empty folder name", "internal/helpers/doc.go", goodDoc + "package x", 1, "package x"},
		{"tests need none", "views/a_test.go", "package views", 0, ""},
	})
	tr, err := FromTexts(map[string]string{"views/doc.go": goodDoc + "package views", "views/helpers.go": "package views"})
	if err != nil {
		t.Fatal(err)
	}
	if found := CheckPackages(tr); len(found) != 1 || !strings.Contains(found[0].What, "helpers") {
		t.Errorf("a file named helpers.go: %v", found)
	}
}

func TestWordsFindsWhatIsBad(t *testing.T) {
	runBad(t, CheckWords, []bad{
		{"func", "a.go", "package a\nfunc markNodeUp() {}", 1, "host"},
		{"type", "a.go", "package a\ntype HTTPLeader int", 1, "coordinator"},
		{"field", "a.go", "package a\ntype t struct{ isDead bool }", 1, "suspected"},
		{"parameter", "a.go", "package a\nfunc f(master int) {}", 1, "primary"},
		{"local", "a.go", "package a\nfunc f() { node_1 := 1; _ = node_1 }", 1, "host"},
		{"range", "a.go", "package a\nfunc f() { for _, slave := range \"\" { _ = slave } }", 1, "joiner"},
		{"package", "nodes/a.go", "package nodes", 1, "hosts"},
		{"comment", "a.go", "package a\n// The leader does it.\nvar x int", 1, "a.go:2"},
		{"second line of a comment", "a.go", "package a\n/* The\nleader does it. */\nvar x int", 1, "a.go:3"},
		{"the truth in the simulator", "internal/sim/a.go", "package sim\nvar dead int", 0, ""},
		{"other words in the simulator", "internal/sim/a.go", "package sim\nvar leader int", 1, "coordinator"},
		{"the truth in a test", "gms/a_test.go", "package gms\nvar dead int", 0, ""},
		{"comment in a test", "a_test.go", "package a\n// The leader does it.\nvar x int", 1, "a_test.go:2"},
		{"page", "docs/A.md", "# A\n\nEvery Node says so.\n", 1, "docs/A.md:3"},
		{"scenario", "testdata/scenarios/a.txt", "# the master dies\n", 1, "a.txt:1"},
		{"quoted", "docs/A.md", "In Raft's words a `leader`, a \"master\" or “slave”.\n", 0, ""},
		{"other words", "a.go", "package a\n// deadline, deadlock, mastered, dead-letter, misleader\nvar deadline, deadLock2 int", 1, "deadLock2"},
		{"of somebody else", "a.go", "package a\ntype t interface{ IsLeader() bool }", 0, ""},
		{"uses of other names", "a.go", "package a\nimport \"go/ast\"\nvar x ast.Node", 0, ""},
		{"a getter", "a.go", "package a\nfunc GetView() {}", 1, "no Get"},
		{"not a getter", "a.go", "package a\nfunc Getaway() {}", 0, ""},
		{"other files", "a.json", "leader", 0, ""},
	})
}

func TestTextFindsWhatIsBad(t *testing.T) {
	mark := "TO" + "DO"
	runBad(t, CheckText, []bad{
		{"home", "a.sh", "cd /" + "home/me/src", 1, "of some machine"},
		{"in quotes", "a.go", "package a\nvar p = \"/" + "work/main\"", 1, "a.go:2"},
		{"at the start", "Makefile", "/" + "root/go/bin/x", 1, "Makefile:1"},
		{"in an address", "a.md", "see https://example.org/" + "work/here and a/" + "root/b", 0, ""},
		{"words", "a.md", "a home/work balance", 0, ""},
		{"put off", "a.go", "package a // " + mark + ": later", 1, "without an issue"},
		{"put off with an issue", "a.go", "package a // " + mark + "(#12): later", 0, ""},
		{"put off with a name", "a.go", "package a // " + mark + "(me): later", 1, "without an issue"},
		{"mentioned", "a.md", "a `" + mark + "` has an issue", 0, ""},
		{"another word", "a.md", "TODOS", 0, ""},
	})
}

func TestClaimsFindsWhatIsBad(t *testing.T) {
	for _, c := range []struct {
		claim string
		want  int
	}{
		{"`TestThere` of `views`, `FuzzThere`, `film.txt`", 0},
		{"`TestGone`", 1},
		{"`gone.txt` and `TestNoTest`", 2},
		{"TestGone without a mark, `make test`", 0},
	} {
		tr, err := FromTexts(map[string]string{
			claimsPage: "# Claims\n" + c.claim, "testdata/scenarios/film.txt": "",
			"views/a_test.go": "package views\nfunc TestThere() {}\nfunc FuzzThere() {}\n", "views/a.go": "package views\nfunc TestNoTest() {}\n",
		})
		if err != nil {
			t.Fatal(err)
		}
		if found := CheckClaims(tr); len(found) != c.want {
			t.Errorf("%s: %v, want %d findings", c.claim, found, c.want)
		}
	}
}

func TestSleepFindsWhatIsBad(t *testing.T) {
	runBad(t, CheckSleep, []bad{
		{"a test", "a_test.go", "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }", 1, "bubble"},
		{"as a value", "a_test.go", "package a\nimport \"time\"\nvar f = time.Sleep", 1, "bubble"},
		{"in a bubble", "a_test.go", "package a\nimport (\"time\"; _ \"testing/synctest\")\nfunc f() { time.Sleep(1) }", 0, ""},
		{"no test", "a.go", "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }", 0, ""},
		{"other words", "a_test.go", "package a\nimport \"time\"\nvar s struct{ Sleep time.Duration }\nvar t = s.Sleep", 0, ""},
	})
}

func longFunc(lines int) string {
	return "package a\nfunc f() {" + strings.Repeat("\n", lines-1) + "}"
}

func TestLengthIsARatchet(t *testing.T) {
	for _, c := range []struct {
		name string
		code string
		list string
		says string
	}{
		{"short", longFunc(70), "", ""},
		{"long", longFunc(71), "", "has 71 lines"},
		{"listed", longFunc(80), "a.go f 80", ""},
		{"grown", longFunc(81), "a.go f 80", "has 81 lines"},
		{"shrunk", longFunc(79), "a.go f 80", "smaller number"},
		{"short now", longFunc(70), "a.go f 80", "take its line out"},
		{"gone", longFunc(3), "a.go g 80", "does not exist"},
		{"nonsense", longFunc(3), "a.go f", "not a line"},
		{"remark", longFunc(3), "# a.go f 80\n\n", ""},
	} {
		tr, err := FromTexts(map[string]string{"a.go": c.code, LongList: c.list})
		if err != nil {
			t.Fatal(err)
		}
		found := CheckLength(tr)
		if c.says == "" && len(found) != 0 || c.says != "" && (len(found) != 1 || !strings.Contains(found[0].String(), c.says)) {
			t.Errorf("%s: %v, want %q", c.name, found, c.says)
		}
	}
}

func TestLengthNamesMethods(t *testing.T) {
	tr, err := FromTexts(map[string]string{"a.go": "package a\nfunc (t *T[K]) f() {\n}\nfunc g() {}"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Func{{"a.go", "T.f", 2}, {"a.go", "g", 1}}
	if got := Funcs(tr); !slices.Equal(got, want) {
		t.Errorf("Funcs = %v, want %v", got, want)
	}
}

func TestExportedCounts(t *testing.T) {
	text := "package views\n// A is.\ntype A int\ntype B int\n// F does.\nfunc F() {}\nfunc (A) M() {}\nfunc (b) M() {}\nfunc (A) P() {}\n// I is.\ntype I interface{ P() }\ntype b int\nfunc g() {}\n" +
		"// C and D.\nconst (\nC = 1\nD = 2\n)\nvar E int // E is.\nvar G int\n"
	tr, err := FromTexts(map[string]string{"views/a.go": text})
	if err != nil {
		t.Fatal(err)
	}
	bare, total := Undocumented(tr)
	var names []string
	for _, f := range bare {
		names = append(names, strings.Fields(f.What)[0])
	}
	if total != 10 || strings.Join(names, " ") != "B M G" {
		t.Errorf("%d names, bare %v; want 10, B M G", total, names)
	}
	if found := CheckExported(tr); len(found) != 4 {
		t.Errorf("findings %v, want three names and the sum", found)
	}
}

func TestSplit(t *testing.T) {
	for name, want := range map[string]string{
		"markNodeDead": "mark Node Dead", "HTTPLeader": "HTTP Leader", "deadline": "deadline", "x_node2y": "x node y", "ID": "ID", "_": "",
	} {
		if got := strings.Join(split(name), " "); got != want {
			t.Errorf("split(%q) = %q, want %q", name, got, want)
		}
	}
}

// Every row of the table is sound: it names a ring, and what it permits is of
// the same ring.
func TestTheTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rings {
		if seen[r.Path] {
			t.Errorf("%s stands twice", r.Path)
		}
		seen[r.Path] = true
		for _, may := range r.May {
			if other, ok := RingOf(strings.TrimSuffix(may, "/**")); ok && other.Ring != r.Ring {
				t.Errorf("%s may import %s, which is ring %d, not %d", r.Path, may, other.Ring, r.Ring)
			}
		}
		if r.Ring == 1 && len(r.May) > 0 {
			t.Errorf("%s is ring 1 and may import %v: siblings never do", r.Path, r.May)
		}
	}
}

// Without git every file is read; with it, what it ignores is not.
func TestLoadWithAndWithoutGit(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module " + Module + "\n", "views/a.go": "package views\n", "ignored/a.go": "package ignored\n",
		".gitignore": "ignored/\n", "binary": "\x00\x01",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	names := func() string {
		tr, err := Load(filepath.Join(dir, "views"))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range tr.Files {
			out = append(out, f.Path)
		}
		return strings.Join(out, " ")
	}
	if got, want := names(), ".gitignore go.mod ignored/a.go views/a.go"; got != want {
		t.Errorf("without git: %s, want %s", got, want)
	}
	if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no git here: %v %s", err, out)
	}
	if got, want := names(), ".gitignore go.mod views/a.go"; got != want {
		t.Errorf("with git: %s, want %s", got, want)
	}
}
