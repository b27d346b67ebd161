package stable_test

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/internal/stable"
)

// childVar makes this test binary one of the processes that a test needs.
const (
	childVar = "STABLE_TEST_CHILD"
	dirVar   = "STABLE_TEST_DIR"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childVar) {
	case "":
		os.Exit(m.Run())
	case "save":
		os.Exit(childSave(os.Getenv(dirVar)))
	case "full":
		os.Exit(childFull(os.Getenv(dirVar)))
	}
	os.Exit(99)
}

func child(t *testing.T, what, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+what, dirVar+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

func openDir(t *testing.T, dir string) *stable.Store {
	t.Helper()
	s, err := stable.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestOpenMakesAPrivateDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "var", "gmsd")
	s := openDir(t, dir)
	if err := s.SavePeers([]stable.Peer{{}}); err != nil {
		t.Fatal(err)
	}
	wantMode(t, dir, 0o700)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		wantMode(t, filepath.Join(dir, e.Name()), 0o600)
	}
	if got := strings.Join(names, " "); got != "identity lock peers.json state" {
		t.Errorf("the directory holds %q", got)
	}
	text, err := os.ReadFile(filepath.Join(dir, "identity"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("identity is no PEM: %q", text)
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		t.Errorf("identity is no PKCS#8: %v", err)
	}
}

func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %04o, want %04o", path, got, want)
	}
}

func TestWiderModesAreRefused(t *testing.T) {
	for _, c := range []struct {
		path string
		mode os.FileMode
	}{{"", 0o750}, {"", 0o701}, {"identity", 0o640}, {"identity", 0o604}, {"state", 0o660}} {
		dir := t.TempDir() + "/data"
		_ = openDir(t, dir).Close()
		path := filepath.Join(dir, c.path)
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := stable.Open(dir)
		if !errors.Is(err, stable.ErrMode) || !strings.Contains(err.Error(), "chmod 0") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s with mode %04o: %v, want ErrMode with its cure", path, c.mode, err)
		}
	}
}

func TestAForeignOwnerIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	dir := t.TempDir() + "/data"
	_ = openDir(t, dir).Close()
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := stable.Open(dir); !errors.Is(err, stable.ErrOwner) || errors.Is(err, stable.ErrMode) || !strings.Contains(err.Error(), "of another user: "+dir+": it belongs to user 12345 and this process runs as 0; run as that user, or chown") {
		t.Errorf("%v, want ErrOwner with its cure", err)
	}
}

// What Open refuses Check says before it, in the same words, and changes nothing.
func TestCheckSaysWhatOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(dir string) error
		want  error
	}{
		{"in order", func(string) error { return nil }, nil},
		{"open to others", func(dir string) error { return os.Chmod(dir, 0o755) }, stable.ErrMode},
		{"an open file", func(dir string) error { return os.Chmod(filepath.Join(dir, "identity"), 0o644) }, stable.ErrMode},
		{"cut off", func(dir string) error { return os.Truncate(filepath.Join(dir, "state"), 9) }, stable.ErrDamaged},
		{"no identity", func(dir string) error { return os.Remove(filepath.Join(dir, "identity")) }, stable.ErrDamaged},
		{"gone", os.RemoveAll, nil},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		_ = openDir(t, dir).Close()
		if err := c.spoil(dir); err != nil {
			t.Fatal(err)
		}
		before := remains(t, dir)
		said := stable.Check(dir)
		if !errors.Is(said, c.want) {
			t.Errorf("%s: %v, want %v", c.name, said, c.want)
		}
		if after := remains(t, dir); after != before {
			t.Errorf("%s: there was %s and is %s", c.name, before, after)
		}
		s, err := stable.Open(dir)
		if err == nil {
			_ = s.Close()
		}
		if fmt.Sprint(said) != fmt.Sprint(err) {
			t.Errorf("%s: %v, and Open says %v", c.name, said, err)
		}
	}
}

// remains is all that is in a directory, with its bytes.
func remains(t *testing.T, dir string) (all string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintf("%s %x\n", e.Name(), text)
	}
	return all
}

// Who holds the directory keeps it.
func TestCheckOfADirectoryInUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := openDir(t, dir)
	var e *stable.Error
	if err := stable.Check(dir); !errors.Is(err, stable.ErrLocked) || !errors.As(err, &e) || e.PID != os.Getpid() {
		t.Errorf("%v, want ErrLocked with our pid", err)
	}
	if err := s.SaveSeq(7); err != nil {
		t.Error(err)
	}
	if _, err := stable.Open(dir); !errors.Is(err, stable.ErrLocked) {
		t.Errorf("after it: %v", err)
	}
}

func TestThingsThatAreNoFilesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		put  func(path string) error
	}{
		{"a pipe", func(p string) error { return unix.Mkfifo(p, 0o600) }},
		{"a link", func(p string) error { return os.Symlink("lock", p) }},
		{"a directory", func(p string) error { return os.Mkdir(p, 0o700) }},
	} {
		dir := t.TempDir() + "/data"
		_ = openDir(t, dir).Close()
		path := filepath.Join(dir, "identity")
		if err := errors.Join(os.Remove(path), c.put(path)); err != nil {
			t.Fatal(err)
		}
		if _, err := stable.Open(dir); !errors.Is(err, stable.ErrDamaged) {
			t.Errorf("%s for the identity: %v, want ErrDamaged", c.name, err)
		}
	}
}

func TestAFileForADirectoryIsRefused(t *testing.T) {
	path := t.TempDir() + "/data"
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var e *stable.Error
	if _, err := stable.Open(path); !errors.As(err, &e) || e.Where != path {
		t.Errorf("%v, want an *Error that names %s", err, path)
	}
}

// childSave saves rising seqs and prints each that was acknowledged, until it
// is killed.
func childSave(dir string) int {
	s, err := stable.Open(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	self, _ := s.Self()
	fmt.Printf("inc %d\n", self.Incarnation)
	for seq := s.Seq() + 1; ; seq++ {
		if err := s.SaveSeq(seq); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Printf("seq %d\n", seq)
	}
}

// A real process is killed with -9 in the middle of its writes; meanwhile a
// second daemon on its directory is told who has it.
func TestKilledProcess(t *testing.T) {
	dir := t.TempDir() + "/data"
	for life := 1; life <= 5; life++ {
		cmd := child(t, "save", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var inc, seq int
		lines := bufio.NewScanner(out)
		for n := 0; n < 20+life && lines.Scan(); n++ {
			readLine(t, lines.Text(), &inc, &seq)
		}
		_, err = stable.Open(dir)
		var e *stable.Error
		if !errors.Is(err, stable.ErrLocked) || !errors.As(err, &e) || e.PID != cmd.Process.Pid {
			t.Errorf("a second daemon: %v, want ErrLocked naming process %d", err, cmd.Process.Pid)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			readLine(t, lines.Text(), &inc, &seq)
		}
		_ = cmd.Wait()
		s := openDir(t, dir)
		self, _ := s.Self()
		if int(self.Incarnation) != inc+1 || int(s.Seq()) < seq {
			t.Errorf("after life %d: incarnation %d seq %d; the one killed had %d and acknowledged %d",
				life, self.Incarnation, s.Seq(), inc, seq)
		}
		_ = s.Close()
	}
}

func readLine(t *testing.T, line string, inc, seq *int) {
	t.Helper()
	word, number, _ := strings.Cut(line, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return // cut off by the kill
	}
	switch word {
	case "inc":
		*inc = n
	case "seq":
		*seq = n
	}
}

// childFull runs in a mount namespace of its own, so what it mounts goes with it.
func childFull(dir string) int {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		fmt.Println("cannot", err)
		return 0
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8k,mode=0700"); err != nil {
		fmt.Println("cannot", err)
		return 0
	}
	_, err := stable.Open(dir)
	fmt.Println(errors.Is(err, stable.ErrFull), err)
	return 0
}

func TestARealFullDisk(t *testing.T) {
	cmd := child(t, "full", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.Output()
	if errors.Is(err, syscall.EPERM) || strings.HasPrefix(string(out), "cannot") {
		t.Skipf("SKIPPED: no mount namespace here: %v %s", err, out)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(out), "true") || !strings.Contains(string(out), "free at least") {
		t.Errorf("a full disk gives %s", out)
	}
	t.Logf("%s", out)
}

func BenchmarkSaveSeq(b *testing.B) {
	s, err := stable.Open(b.TempDir() + "/data")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	seq := s.Seq()
	for b.Loop() {
		seq++
		if err := s.SaveSeq(seq); err != nil {
			b.Fatal(err)
		}
	}
}
