package clients

import (
	"errors"
	"testing"

	"github.com/gmsd/gmsd/client"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// Each error of a port is the same error at the client.
func TestErrorsCrossTheWire(t *testing.T) {
	for _, c := range codes {
		s := serve(t, membertest.NewFake(1, membertest.FakeOptions{}), 0, func(cfg *Config) {
			cfg.Open = func(string) (member.Port, error) { return nil, c.err }
		})
		_, err := client.Dial(t.Context(), address(s), client.Options{})
		// An end of time is a cancellation at the other side.
		if !errors.Is(err, c.err) && c.code != clientwire.CodeCanceled {
			t.Errorf("%v became %v", c.err, err)
		}
	}
	s := serve(t, membertest.NewFake(1, membertest.FakeOptions{}), 0, func(cfg *Config) {
		cfg.Open = func(string) (member.Port, error) { return nil, errors.New("something else") }
	})
	if _, err := client.Dial(t.Context(), address(s), client.Options{}); !errors.Is(err, client.ErrDaemon) {
		t.Errorf("another error became %v", err)
	}
}
