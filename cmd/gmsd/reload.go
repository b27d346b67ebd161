package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/gms"
)

// reload takes what a running daemon can take from environment and file, and
// names the rest. It runs beside live, so that a blocked group cannot hold up a
// signal; one at a time.
func (d *daemon) reload(ctx context.Context) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	s, _ := d.flags.Load(os.Environ(), openFile) // as in load
	setup, err := s.Daemon(version(), d.log)
	if err != nil {
		for _, line := range settings.Lines(err) {
			d.log.Error("reload refused, nothing was changed", "fault", line)
		}
		return
	}
	before := d.current.Load()
	taken, restart := before.Changed(s)
	if len(restart) > 0 {
		d.log.Warn("these settings need a restart", "keys", restart)
	}
	if slices.ContainsFunc(taken, func(key string) bool { return strings.HasPrefix(key, "peers") }) {
		peers := gms.Peers{List: setup.Host.Peers, File: setup.Host.PeersFile, DNS: setup.Host.PeersDNS}
		if err := d.host.SetPeers(ctx, peers); err != nil {
			d.log.Error("reload failed, nothing was changed", "key", "peers", "error", err)
			return
		}
	}
	if slices.Contains(taken, "attrs") {
		changing, cancel := context.WithTimeout(ctx, leaveTimeout)
		defer cancel()
		if err := d.host.SetAttrs(changing, setup.Host.Attrs); err != nil {
			d.log.Error("reload failed, attrs and log-level stay as they were", "key", "attrs", "error", err)
			return
		}
	}
	switch changed, err := d.host.ReloadKeys(ctx); {
	case err != nil:
		d.log.Error("the key file was not read again", "error", err)
	case changed:
		taken = append(taken, "key-file")
	}
	d.level.Set(setup.LogLevel)
	d.current.Store(before.Reloaded(s))
	d.log.Info("reloaded", "changed", taken)
}
