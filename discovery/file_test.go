package discovery_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/discovery"
)

// again has a file looked at once more.
func again(f *discovery.File) {
	time.Sleep(2 * time.Second)
	f.Addresses()
	synctest.Wait()
	f.Addresses() // the names that were new
}

func TestBrokenLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, log, n := filepath.Join(t.TempDir(), "peers"), new(bytes.Buffer), newService()
		n.hosts["h1"] = addrs("10.0.0.1")
		fill(t, path, "\n# all of them\n10.0.0.9 # the ninth\r\nh1:80\n  10.0.0.8:1\nh1:0\nno line:1:2\n10.0.0.9\n")
		f := discovery.OpenFile(path, discovery.Options{Resolver: n, Logger: logTo(log)})
		defer f.Close()
		wantAddresses(t, f, "10.0.0.9:7749", "10.0.0.8:1", "10.0.0.1:80")
		for _, want := range []string{"peers:6: ", "peers:7: "} {
			if strings.Count(log.String(), want) != 1 || !strings.Contains(f.Trouble(), want) {
				t.Errorf("%q is not said once; in trouble: %s\n%s", want, f.Trouble(), log)
			}
		}
		for range 3 {
			again(f)
		}
		if strings.Count(log.String(), "peers:6: ") != 1 {
			t.Errorf("an old fault is said again:\n%s", log)
		}
		fill(t, path, "h1:80 # in another line\n10.0.0.2")
		n.fail() // what the name meant stays
		again(f)
		wantAddresses(t, f, "10.0.0.2:7749", "10.0.0.1:80")
		if why := f.Addresses()[1].Why; why != "h1:80 (line 1)" || strings.Contains(f.Trouble(), "peers:") {
			t.Errorf("why %q, in trouble: %s", why, f.Trouble())
		}
	})
}

// A file that is written in place, in the same moment and to the same length, is read.
func TestWrittenInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "peers")
		fill(t, path, "10.0.0.1\n")
		f := discovery.OpenFile(path, discovery.Options{})
		defer f.Close()
		for _, text := range []string{"10.0.0.2", "10.0.0.3"} {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.WriteString(text); err != nil || file.Close() != nil {
				t.Fatal(err)
			}
			again(f)
			wantAddresses(t, f, text+":7749")
		}
	})
}

func TestAFileThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, log := filepath.Join(t.TempDir(), "peers"), new(bytes.Buffer)
		f := discovery.OpenFile(path, discovery.Options{Logger: logTo(log)})
		defer f.Close()
		for range 3 {
			again(f)
		}
		if strings.Count(log.String(), "cannot read") != 1 || f.Trouble() == "" {
			t.Errorf("that it is missing is not said once:\n%s", log)
		}
		fill(t, path, "10.0.0.1")
		again(f)
		wantAddresses(t, f, "10.0.0.1:7749")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		again(f)
		wantAddresses(t, f, "10.0.0.1:7749")
		fill(t, path, "10.0.0.1") // as it was
		again(f)
		if f.Trouble() != "" {
			t.Errorf("it is back, and still in trouble: %s", f.Trouble())
		}
	})
}

// What is no file must not keep anybody waiting, nor take memory.
func TestNoFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		pipe := filepath.Join(dir, "pipe")
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		large := filepath.Join(dir, "large")
		if err := os.WriteFile(large, make([]byte, 2<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{dir, pipe, large} {
			f := discovery.OpenFile(path, discovery.Options{})
			if f.Trouble() == "" || len(f.Addresses()) != 0 {
				t.Errorf("%s is taken for a file of peers", path)
			}
			_ = f.Close()
		}
	})
}
