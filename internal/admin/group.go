package admin

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/adminca"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Group is what this package needs of a running host. [ForHost] makes one from
// a *gms.Host; tests bring their own. All methods are safe for concurrent use.
type Group interface {
	Self() views.Member
	// View is never nil.
	View() *gms.Snapshot
	WaitView(ctx context.Context, above views.Seq) (*gms.Snapshot, error)
	// History is oldest first.
	History() []*gms.Snapshot
	Events(ctx context.Context, since uint64) iter.Seq2[trace.Record, error]
	LastEvents(since uint64) []trace.Record
	// Changes is what led to the views of History.
	Changes() []trace.Record
	Send(ctx context.Context, group string, order views.Order, payload []byte) (gms.Receipt, error)
	Listen(group string) (Listener, error)
	// Open gives a port to join light groups with.
	Open(name string) (member.Port, error)
	Groups(ctx context.Context) ([]gms.GroupStatus, error)
	SetBits(ctx context.Context, mask, bits views.Bits) error
	SetAttrs(ctx context.Context, attrs map[string]string) error
	Leave(ctx context.Context) error
	Evict(ctx context.Context, host views.HostID, keepKeys bool) error
	Keys(ctx context.Context) (gms.KeyRing, error)
	Diagnose(ctx context.Context, full bool) (gms.Diagnosis, error)
	InstallKey(ctx context.Context) (string, error)
	UseKey(ctx context.Context, id string) error
	RemoveKey(ctx context.Context, id string) error
	// AdminTrust is what admin-tls shows and believes, as of now.
	AdminTrust() (*adminca.Trust, error)
	Status(ctx context.Context) (gms.Status, error)
	Stats() gms.Stats
	LabCut(addrs []netip.AddrPort, dir string) error
	LabHeal() error
	LabDelay(addrs []netip.AddrPort, delay time.Duration) error
}

// Listener gives one process group's events.
type Listener interface {
	// Next waits for events; they are the caller's until the next call. At the
	// end the error says why.
	Next(ctx context.Context) ([]gms.GroupEvent, error)
	Close()
}

// ForHost is h as a Group.
func ForHost(h *gms.Host) Group { return hostGroup{h} }

type hostGroup struct{ *gms.Host }

// Listen differs from gms.Host's in its result type only.
func (g hostGroup) Listen(group string) (Listener, error) {
	l, err := g.Host.Listen(group)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Open differs from gms.Host's OpenPort in its result type only.
func (g hostGroup) Open(name string) (member.Port, error) {
	p, err := g.OpenPort(name)
	if err != nil {
		return nil, err // not a nil *gms.Port as a port
	}
	return p, nil
}
