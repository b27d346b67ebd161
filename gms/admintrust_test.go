package gms_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
)

// What the admin interface believes follows the ring, at every host, and one that was
// asked before says that it is stale.
func TestAdminTrustFollowsTheRing(t *testing.T) {
	first := keys.KeyOf([keys.Size]byte{1})
	file := func(cfg *gms.Config) string { return filepath.Join(filepath.Dir(cfg.DataDir), cfg.Name+".keys") }
	onLANWith(t, 2, func(cfg *gms.Config) {
		cfg.InsecureLab, cfg.KeyFile = false, file(cfg)
		if err := keyfile.Create(cfg.KeyFile, keys.NewRing(first, 0)); err != nil {
			t.Fatal(err)
		}
	}, func(t *testing.T, l *lan) {
		before, err := l.hosts[1].AdminTrust()
		if err != nil || !before.Lives(first.ID()) {
			t.Fatalf("%+v, %v", before, err)
		}
		if again, _ := l.hosts[1].AdminTrust(); again != before {
			t.Error("it is made anew though nothing has changed")
		}
		ctx := t.Context()
		id, err := l.hosts[0].InstallKey(ctx)
		if err != nil {
			t.Fatal(err)
		}
		<-before.Stale() // at the other host
		if err := errors.Join(l.hosts[0].UseKey(ctx, id), l.hosts[0].RemoveKey(ctx, first.ID().String())); err != nil {
			t.Fatal(err)
		}
		fresh, err := keys.ParseID(id)
		if err != nil {
			t.Fatal(err)
		}
		for {
			now, err := l.hosts[1].AdminTrust()
			if err != nil {
				t.Fatal(err)
			}
			if now.Lives(fresh) && !now.Lives(first.ID()) {
				return
			}
			<-now.Stale()
		}
	})
}

func TestNoTrustWithoutKeys(t *testing.T) {
	onLAN(t, 1, func(t *testing.T, l *lan) {
		if _, err := l.hosts[0].AdminTrust(); !errors.Is(err, gms.ErrNoKeys) {
			t.Errorf("got %v", err)
		}
	})
}
