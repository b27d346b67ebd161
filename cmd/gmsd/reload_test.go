package main

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
)

// A key that the file has got since is a change; the same file again is none.
func TestReloadNamesTheKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ring")
	ring := keys.NewRing(keys.KeyOf([keys.Size]byte{1}), 1)
	if err := keyfile.Create(path, ring); err != nil {
		t.Fatal(err)
	}
	d := newDaemon(t, "--key-file", path, "--name", "h1", "--data-dir", filepath.Join(dir, "h1"), "--bind", "127.0.0.1:0", "--transport", "udp", "--admin", "none", "--clients", "none")
	var log bytes.Buffer
	d.log = slog.New(slog.NewTextHandler(&log, nil)) // reload's alone: the host has another one
	longer, err := ring.Install(keys.KeyOf([keys.Size]byte{2}), 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		ring keys.Ring
		want string
	}{{ring, "changed=[]"}, {longer, "changed=[key-file]"}, {longer, "changed=[]"}} {
		if err := keyfile.Save(path, step.ring); err != nil {
			t.Fatal(err)
		}
		log.Reset()
		d.reload(t.Context())
		if !strings.Contains(log.String(), "msg=reloaded "+step.want) {
			t.Errorf("want %s in %s", step.want, log.String())
		}
	}
}

// newDaemon runs a daemon within this process.
func newDaemon(t *testing.T, args ...string) *daemon {
	t.Helper()
	set := flag.NewFlagSet("run", flag.ContinueOnError)
	d := &daemon{
		flags: settings.NewFlags(set), level: &slog.LevelVar{}, log: slog.New(slog.DiscardHandler),
		signals: make(chan os.Signal, 1), begun: func() {},
	}
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := d.load(); err != nil {
		t.Fatal(err)
	}
	if err := d.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.host.Close()
		_ = d.end(nil)
	})
	return d
}
