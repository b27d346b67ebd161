package stable_test

import (
	"testing"

	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/internal/stable/stabletest"
)

func TestFileConforms(t *testing.T) {
	stabletest.Run(t, func(t *testing.T) func() stable.Disk {
		dir := t.TempDir() + "/data"
		return func() stable.Disk {
			d, err := stable.OpenFile(dir)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
	})
}

func TestMemConforms(t *testing.T) {
	stabletest.Run(t, func(*testing.T) func() stable.Disk {
		m := &stable.Mem{}
		return m.Mount
	})
}
