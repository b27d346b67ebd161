package netlab

import (
	"crypto/rand"
	"errors"
	"os"

	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
)

// OtherKeys gives some hosts, which do not run, the key file of another group.
func (l *Lab) OtherKeys(hosts ...int) error {
	key, err := keys.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	var faults []error
	for _, h := range hosts {
		faults = append(faults, keyfile.Save(l.KeyFile(h), keys.NewRing(key, 0)))
	}
	return errors.Join(faults...)
}

// CopyKeys gives a host, which does not run, the key file of another, as an operator
// would.
func (l *Lab) CopyKeys(from, to int) error {
	raw, err := os.ReadFile(l.KeyFile(from))
	if err != nil {
		return err
	}
	return os.WriteFile(l.KeyFile(to), raw, 0o600)
}
