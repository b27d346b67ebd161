package gms_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
)

// What keeps a host from starting the doctor says before it, in the same words: a key file
// that others can read, too.
func TestBeforeSeesAnOpenKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	if err := keyfile.Create(path, keys.NewRing(keys.KeyOf([keys.Size]byte{1}), 1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := gms.Config{Name: "a", DataDir: filepath.Join(dir, "a"), KeyFile: path, Transport: gms.TransportUDP, Bind: netip.MustParseAddrPort("127.0.0.1:0")}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	h, started := gms.Start(ctx, cfg)
	if started == nil {
		h.Close()
		t.Fatal("it starts")
	}
	if _, err := gms.ExamineBefore(ctx, cfg); err == nil || err.Error() != started.Error() {
		t.Errorf("the doctor says %v, gmsd run %v", err, started)
	}
}

// So it says what is wrong with the data directory, which it leaves as it is.
func TestBeforeSeesTheDataDirectory(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, c := range []struct {
		name  string
		spoil func(h *gms.Host, dir string) error
	}{
		{"in use", func(*gms.Host, string) error { return nil }},
		{"damaged", func(h *gms.Host, dir string) error {
			return errors.Join(h.Close(), os.Truncate(filepath.Join(dir, "state"), 9))
		}},
		{"open to others", func(h *gms.Host, dir string) error {
			return errors.Join(h.Close(), os.Chmod(dir, 0o755)) //nolint:gosec // that is the fault
		}},
	} {
		dir := filepath.Join(t.TempDir(), "a")
		cfg := gms.Config{Name: "a", DataDir: dir, InsecureLab: true, Transport: gms.TransportUDP, Bind: netip.MustParseAddrPort("127.0.0.1:0")}
		h, err := gms.Start(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if err := c.spoil(h, dir); err != nil {
			t.Fatal(err)
		}
		_, before := gms.ExamineBefore(ctx, cfg)
		if second, err := gms.Start(ctx, cfg); err == nil {
			second.Close()
			t.Errorf("%s: it starts", c.name)
		} else if before == nil || before.Error() != err.Error() {
			t.Errorf("%s: the doctor says %v, Start %v", c.name, before, err)
		}
	}
}
