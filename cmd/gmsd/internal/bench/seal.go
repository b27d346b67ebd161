package bench

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"time"

	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
)

// sealSize is the payload of the seal phase, in bytes.
const sealSize = 1024

// seal floods a group without a key and one with a key in turn, both in this run and
// each first once, so that what the machine does meanwhile meets both.
func (b *bench) seal(ctx context.Context, plain *group) error {
	if !b.does(PhaseSeal) || plain.hosts == nil {
		return nil
	}
	keyFile, err := newKeyFile(b.dir)
	if err != nil {
		return err
	}
	b.tell("form with a key")
	sealed, _, err := form(ctx, stage{
		transport: b.Transport, hosts: len(plain.hosts), dir: filepath.Join(b.dir, "sealed"), keyFile: keyFile,
	})
	if err != nil {
		return err
	}
	defer sealed.close()
	came := map[*group]uint64{}
	for _, g := range []*group{plain, sealed, sealed, plain} {
		n, err := b.load(ctx, g, cell{size: sealSize, senders: len(g.hosts), order: views.Agreed})
		if err != nil {
			return err
		}
		came[g] += n
	}
	cost := 100 * (1 - float64(came[sealed])/float64(max(came[plain], 1)))
	b.report.Records.Add(cfgSealed, b.Hosts, "sealing_cost_pct", cost, b.run)
	return nil
}

// newKeyFile makes a key for hosts of this process.
func newKeyFile(dir string) (string, error) {
	k, err := keys.NewKey(rand.Reader)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "keys")
	return path, keyfile.Create(path, keys.NewRing(k, time.Now().Unix()))
}
