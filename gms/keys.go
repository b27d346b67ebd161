package gms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// KeyInfo is a key of the group; it holds no secret.
type KeyInfo struct {
	// ID is its name: eight hexadecimal digits.
	ID string
	// Made is when, by the clock of who made it.
	Made time.Time
	// InUse: it is the one that is to seal.
	InUse bool
}

// HostKeys says how far a member is with the keys.
type HostKeys struct {
	Host views.HostID
	Name string
	// Known: it has told; nothing below is set where it has not.
	Known bool
	// Sending is the key that seals what it says, Has are those on its disk.
	Sending string
	Has     []string
	// Current: its ring is the same as this host's.
	Current bool
}

// KeyRing is what is known of the group's keys.
type KeyRing struct {
	// Sealed: frames are sealed and controls signed. Where they are not (InsecureLab)
	// nothing else is set.
	Sealed bool
	// Keys by ID; Removed are the names of those that were, Barred the hosts that
	// were expelled with them.
	Keys    []KeyInfo
	Removed []string
	Barred  []views.HostID
	// Rotating: not all members are as far as this host.
	Rotating bool
	// Fault is why the key file could not be written; empty: it was.
	Fault string
	// Hosts are the members of the view, this host first.
	Hosts []HostKeys
	// Absent are hosts that do not hear of a change: they are known, and not in the view.
	Absent []AbsentHost
}

// How often members are asked how far they are, and how long is waited for answers.
const (
	pollTries = 5
	pollWait  = 200 * time.Millisecond
)

// Keys asks all members how far they are with the keys of the group and gives what is
// known within a second: a member that does not answer is not Known.
func (h *Host) Keys(ctx context.Context) (KeyRing, error) {
	for try := range pollTries {
		ring, err := ask(ctx, h, func(l *loop, reply chan<- answer[KeyRing]) {
			l.step(engine.PollKeys{Again: try > 0})
			reply <- answer[KeyRing]{value: l.keyRing()}
		})
		if err != nil || ring.toldByAll() || try == pollTries-1 {
			return ring, err
		}
		timer := time.NewTimer(pollWait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ring, ctx.Err()
		}
	}
	return KeyRing{}, nil
}

func (r *KeyRing) toldByAll() bool {
	return !slices.ContainsFunc(r.Hosts, func(h HostKeys) bool { return !h.Known })
}

// InstallKey draws a fresh key and gives it to all members, who do not use it yet. It
// returns the key's ID once this host knows it; [Host.Keys] says how far others are.
func (h *Host) InstallKey(ctx context.Context) (string, error) {
	return h.changeKeys(ctx, engine.ChangeKeys{Op: engine.InstallKey, At: time.Now().Unix()})
}

// UseKey names the key that seals. Each member follows once all have it.
func (h *Host) UseKey(ctx context.Context, id string) error {
	return h.changeKey(ctx, engine.UseKey, id)
}

// RemoveKey takes a key out for good. What is sealed under it opens until all members
// seal with another one; a host that is away and has no other cannot come back by
// itself then.
func (h *Host) RemoveKey(ctx context.Context, id string) error {
	return h.changeKey(ctx, engine.RemoveKey, id)
}

// ReloadKeys reads the key file again and adds what it holds, and reports whether that was
// anything new. What was removed from the ring does not come back.
func (h *Host) ReloadKeys(ctx context.Context) (changed bool, err error) {
	if h.keyFile == "" {
		return false, nil
	}
	ring, err := keyfile.Load(h.keyFile)
	if err != nil {
		return false, err
	}
	now := h.keys().Ring
	_, err = h.changeKeys(ctx, engine.ChangeKeys{Op: engine.MergeRing, Ring: ring})
	return err == nil && keys.Merge(now, ring).Digest() != now.Digest(), err
}

func (h *Host) changeKey(ctx context.Context, op engine.KeyOp, id string) error {
	parsed, err := keys.ParseID(id)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	_, err = h.changeKeys(ctx, engine.ChangeKeys{Op: op, ID: parsed})
	return err
}

func (h *Host) changeKeys(ctx context.Context, c engine.ChangeKeys) (string, error) {
	id, err := ask(ctx, h, func(l *loop, reply chan<- answer[keys.ID]) {
		l.calls.token++
		c.Token = l.calls.token
		l.calls.keys = &keyChange{token: c.Token, reply: reply}
		l.step(c)
	})
	if err != nil {
		return "", err
	}
	return id.String(), nil
}

// keyChange is a change of the ring whose answer comes with the same step.
type keyChange struct {
	token uint64
	reply chan<- answer[keys.ID]
}

func (l *loop) keysChanged(d engine.KeysChanged) {
	c := l.calls.keys
	if c == nil || c.token != d.Token {
		return
	}
	l.calls.keys = nil
	err := d.Err
	switch {
	case errors.Is(err, engine.ErrPlain):
		err = fmt.Errorf("%w: it runs with insecure-lab", ErrNoKeys)
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrKey, err)
	}
	c.reply <- answer[keys.ID]{value: d.ID, err: err}
}

// keyRing is what the engine knows, without secrets.
func (l *loop) keyRing() KeyRing {
	s := l.engine.Status().Keys
	if !s.Sealed {
		return KeyRing{}
	}
	out := KeyRing{Sealed: true, Rotating: s.Rotating, Barred: s.Ring.BarredHosts()}
	for _, e := range s.Ring.Keys() {
		out.Keys = append(out.Keys, KeyInfo{ID: e.Key.ID().String(), Made: time.Unix(e.Made, 0).UTC(), InUse: e.Key == s.Ring.Using()})
	}
	for _, id := range s.Ring.RemovedIDs() {
		out.Removed = append(out.Removed, id.String())
	}
	if s.Fault != nil {
		out.Fault = s.Fault.Error()
	}
	out.Absent = l.absentHosts(out.Barred)
	view := l.view()
	for i, m := range s.Members {
		h := HostKeys{Host: m.Host, Known: m.Known, Current: m.Known && m.Digest == s.Ring.Digest()}
		if i == 0 {
			h.Name = l.host.start.Name
		} else if r := view.RankOf(m.Process); r >= 0 {
			h.Name = view.Members[r].Name
		}
		if m.Known {
			h.Sending = m.Sending.String()
		}
		for _, id := range m.Has {
			h.Has = append(h.Has, id.String())
		}
		out.Hosts = append(out.Hosts, h)
	}
	return out
}

// keeper lets one goroutine write the key file while the loop goes on.
type keeper struct {
	path string
	// store puts a ring into the file.
	store func(path string, r keys.Ring) error
	// next is what to write; who puts a newer ring there takes the older one out.
	next chan engine.SaveRing
	done chan engine.RingSaved
	// failing: the last write failed, and that was said. The loop's.
	failing bool
}

func newKeeper(path string, save func(path string, r keys.Ring) error) *keeper {
	return &keeper{path: path, store: save, next: make(chan engine.SaveRing, 1), done: make(chan engine.RingSaved, 1)}
}

// save is for the loop alone.
func (k *keeper) save(r engine.SaveRing) {
	select {
	case <-k.next:
	default:
	}
	k.next <- r
}

// write writes what comes until next is closed.
func (k *keeper) write(quit <-chan struct{}) {
	for r := range k.next {
		select {
		case k.done <- engine.RingSaved{Token: r.Token, Err: k.store(k.path, r.Ring)}:
		case <-quit: // nobody is told any more; what is left is written
		}
	}
}

// takeSaved passes the end of a write on. It is tried again twice a second, and said once.
func (l *loop) takeSaved(s engine.RingSaved) {
	k := l.keeper
	switch was := k.failing; {
	case s.Err == nil && was:
		l.log.Info("the key ring is written now")
	case s.Err != nil && !was:
		l.log.Error("the key ring was changed and could not be written; this host does not say that it has it, and tries again", "err", s.Err,
			"cure", "let the user of gmsd write the key file and its directory")
	}
	k.failing = s.Err != nil
	l.step(s)
}

// cures say what to do where a host and this one cannot read each other.
var cures = map[views.RefuseCode]string{
	views.RefuseVersion:   "run versions that speak with each other on all hosts",
	views.RefuseKey:       "give both hosts the key file of one group",
	views.RefuseOldKey:    "that key was removed: copy the current key file of a member",
	views.RefusePlain:     "give it the key file; it runs with insecure-lab",
	views.RefuseSealed:    "start all hosts with the key file, or none",
	views.RefuseGroup:     "check group and peers: two groups never mix",
	views.RefuseTransport: "set transport alike on all hosts of the group",
}

// takeRefused tells people that frames are not read, by whom and why.
func (l *loop) takeRefused(r engine.Refused) {
	l.noteRefusal(doctor.Refusal{Ours: r.Ours, Who: r.Who, Addr: r.From, Code: r.Code})
	if r.Again {
		return // it was said
	}
	l.log.Warn(refusedWhat(r.Ours), "why", r.Code.String(), "host", r.Who.Short(), "at", r.From, "cure", cures[r.Code])
}

// keys gives those in use; any goroutine may ask.
func (h *Host) keys() transport.Keys {
	if k := h.inUse.Load(); k != nil {
		return *k
	}
	return transport.Keys{}
}

// refusalsEvery is the least time between two lines about greetings for one reason, and
// refusalsNoted between two that the doctor hears of.
const refusalsEvery, refusalsNoted = 10 * time.Second, time.Second

// greetingRefused says who cannot be understood over a stream, not too often.
func (h *Host) greetingRefused(log *slog.Logger) func(ours bool, code views.RefuseCode, addr string) {
	var mu sync.Mutex
	told, noted := map[views.RefuseCode]time.Time{}, map[views.RefuseCode]time.Time{}
	due := func(last map[views.RefuseCode]time.Time, code views.RefuseCode, every time.Duration) bool {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last[code]) < every {
			return false
		}
		last[code] = time.Now()
		return true
	}
	return func(ours bool, code views.RefuseCode, addr string) {
		if due(told, code, refusalsEvery) {
			log.Warn(refusedWhat(ours), "why", code.String(), "at", addr, "cure", cures[code])
		}
		if due(noted, code, refusalsNoted) {
			h.tellDoctor(ours, code, addr)
		}
	}
}

func refusedWhat(ours bool) string {
	if ours {
		return "another host cannot read what we send"
	}
	return "cannot read what another host sends"
}
