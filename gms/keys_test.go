package gms

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/gmsd/gmsd/internal/engine"
)

// That the ring cannot be written is said once, though it is tried twice a second, and so
// is that it can be again.
func TestUnwritableRingIsSaidOnce(t *testing.T) {
	lines := &logLines{}
	inBubble(t, func(r *rig) { r.cfg.Logger = slog.New(lines) }, func(t *testing.T, _ *rig, h *Host) {
		const failed, mended = "the key ring was changed and could not be written; this host does not say that it has it, and tries again", "the key ring is written now"
		for outage := range 2 {
			inLoop(h, func(l *loop) {
				for try := range 10 {
					l.takeSaved(engine.RingSaved{Err: fmt.Errorf("open .keys.%d: %w", try, errors.ErrUnsupported)})
				}
				for range 3 {
					l.takeSaved(engine.RingSaved{})
				}
			})
			if n, m := lines.count(failed), lines.count(mended); n != outage+1 || m != outage+1 {
				t.Errorf("after %d outages: said %d times that it failed, and %d that it is mended", outage+1, n, m)
			}
		}
	})
}
