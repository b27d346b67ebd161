package gms_test

import (
	"context"
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
