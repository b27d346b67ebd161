package gms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/views"
)

func TestTheCheckDecidesOverStarted(t *testing.T) {
	var set []views.Bits
	var result, refusal error
	c := &checker{
		log: slog.New(slog.DiscardHandler),
		try: func(context.Context) error { return result },
		set: func(_ context.Context, _, bits views.Bits) error {
			if refusal == nil {
				set = append(set, bits)
			}
			return refusal
		},
	}
	bad := errors.New("exit status 1")
	for _, result = range []error{bad, bad, bad, bad, nil, nil, bad, bad, nil, bad, bad, bad, bad, nil} {
		c.once(t.Context())
	}
	if got := fmt.Sprintf("%v", set); got != "[S.. ... S..]" {
		t.Errorf("set %v", got)
	}
	c.started, refusal = false, errors.New("blocked")
	c.once(t.Context())
	refusal = nil
	c.once(t.Context())
	if !c.started || len(set) != 4 {
		t.Error("a bit that could not be set was not tried again")
	}
}

func TestAHostStartedByItsCheck(t *testing.T) {
	var answers chan error
	bad := errors.New("exit status 1")
	inBubble(t, func(r *rig) {
		answers = make(chan error) // of the bubble
		r.cfg.Started = "check: test -f /ready"
		r.cfg.seams.check = func(ctx context.Context, command string) error {
			if command != "test -f /ready" {
				t.Errorf("asked %q", command)
			}
			select {
			case found := <-answers:
				return found
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}, func(t *testing.T, _ *rig, h *Host) {
		began := time.Now()
		for i, c := range []struct {
			found   error
			started bool
		}{{bad, false}, {nil, true}, {nil, true}, {bad, true}, {bad, true}, {bad, false}, {nil, true}} {
			answers <- c.found
			synctest.Wait()
			if got := h.Self().Bits.Has(views.Started); got != c.started {
				t.Errorf("after check %d, which found %v: started %v", i, c.found, got)
			}
		}
		if took := time.Since(began); took != 6*checkEvery {
			t.Errorf("seven checks took %s of virtual time, want %s", took, 6*checkEvery)
		}
	})
}

// A check that hangs does not keep the host from ending.
func TestCloseEndsTheCheck(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.cfg.Started = "check:sleep"
		r.cfg.seams.check = func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
	}, func(_ *testing.T, _ *rig, h *Host) { h.Close() })
}

func TestRunShell(t *testing.T) {
	for command, ok := range map[string]bool{"true": true, "exit 3": false, "test -d / && test -d /": true} {
		if err := runShell(t.Context(), command); (err == nil) != ok {
			t.Errorf("%s: %v", command, err)
		}
	}
	// What the command has started ends with it.
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runShell(ctx, "(sleep 1000 > "+fifo+") & wait") }()
	f, err := os.Open(fifo) // when the other end is open
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cancel()
	if err := <-done; err == nil {
		t.Error("it was not ended")
	}
	_ = f.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the other end: %v, want its end", err)
	}
}
