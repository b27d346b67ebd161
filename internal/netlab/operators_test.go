package netlab_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
)

// Two groups of one name and other keys on one network stay two, and one without a key
// is a third; each says why.
func TestOtherKeys(t *testing.T) { onEach(t, otherKeysOn) }

func otherKeysOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 5)
	s.must(s.OtherKeys(3, 4))
	_, err := s.StartAll(netlab.All(4))
	s.must(err)
	_, err = s.Start(5, "--insecure-lab")
	s.must(err)
	s.serves([]int{1, 2}, []int{3, 4}, []int{5})
	s.refuseEachOther(views.RefuseKey, []int{1, 2}, []int{3, 4})
	s.must(s.WaitFor(generous, "the sealed and the plain to say why they stay apart", func() bool {
		return said(s, views.RefusePlain, 1, 2, 3, 4) && said(s, views.RefuseSealed, 5)
	}))
}

// refuseEachOther waits until somebody on either side has said why it does not read the
// other.
func (s *stage) refuseEachOther(why views.RefuseCode, one, other []int) {
	s.Helper()
	s.must(s.WaitFor(generous, "both sides to say why they stay apart", func() bool {
		return said(s, why, one...) && said(s, why, other...)
	}))
}

// said reports whether one of some hosts has told its log of frames that are not read.
func said(s *stage, why views.RefuseCode, hosts ...int) bool {
	for _, i := range hosts {
		if strings.Contains(s.Stderr(i), fmt.Sprintf("why=%v", why)) {
			return true
		}
	}
	return false
}

// A rotation while a host is cut off reaches it when it is back, as long as its key
// was not removed; and no view changes for it.
func TestRotationWithAHostAway(t *testing.T) { onEachAndRelayed(t, rotationOn) }

func rotationOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	s.changes(3)
	hole := &netlab.BlackHole{Host: 4}
	s.impose(hole)
	s.settle(without(4, 4), []int{4})
	s.flow(usual)
	began := s.Now()
	id := s.rotate(1, 2)
	s.flow(usual)
	s.undisturbed(3, began, "because of a rotation")
	s.lift(hole)
	s.serves(netlab.All(4))
	s.must(s.WaitFor(generous, "h4 to seal with the new key", func() bool {
		return keyInUse(s.keys(4, "list")) == id
	}))
	s.flow(usual)
}

// rotate installs a new key at one host, and has it used from another on.
func (s *stage) rotate(installs, uses int) string {
	s.Helper()
	id := strings.Fields(s.keys(installs, "install"))[1]
	s.keys(uses, "use", id)
	return id
}

// A host that comes back with a key which was removed meanwhile is refused, and both
// sides say so; with the key file of a member it is let in.
func TestRemovedKey(t *testing.T) { onEach(t, removedKeyOn) }

func removedKeyOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	s.changes(5)
	s.kill(4)
	s.settle(without(4, 4))
	old := keyInUse(s.keys(1, "list"))
	s.rotate(1, 2)
	s.keys(3, "remove", old)
	began := s.Now()
	s.start(4)
	s.serves(without(4, 4), []int{4})
	s.refuseEachOther(views.RefuseOldKey, without(4, 4), []int{4})
	s.undisturbed(3, began, "because of a host with an old key")
	s.kill(4)
	s.must(s.CopyKeys(1, 4))
	s.start(4)
	s.serves(netlab.All(4))
}

// keys changes the keys of the group, or lists them, at a host.
func (s *stage) keys(host int, args ...string) string {
	s.Helper()
	return s.command(host, append([]string{"keys"}, args...)...)
}

// command runs one of gmsd at a host, and gives what it prints.
func (s *stage) command(host int, args ...string) string {
	s.Helper()
	out, err := s.Execute(host, generous, append(args, "--data-dir", s.DataDir(host))...)
	s.must(err)
	if out.Code != 0 {
		s.Fatalf("%v ended with code %d: %s", args, out.Code, out.Stderr)
	}
	return out.Stdout
}

// keyInUse reads from a list of keys which one is used.
func keyInUse(list string) string {
	for _, line := range strings.Split(list, "\n") {
		if words := strings.Fields(line); strings.HasSuffix(line, "in use") && len(words) > 0 {
			return words[0]
		}
	}
	return ""
}

// Who was put out by an operator's word is out: it has no key, as often as it starts,
// until it is given one.
func TestEvicted(t *testing.T) { onEach(t, evictedOn) }

func evictedOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	s.changes(7)
	s.must(s.Disturb())
	s.command(1, "evict", "h4")
	s.exit(4, exitDenied)
	s.serves(without(4, 4))
	s.start(4)
	s.serves(without(4, 4), []int{4})
	s.refuseEachOther(views.RefuseOldKey, without(4, 4), []int{4})
	s.kill(4)
	s.must(s.CopyKeys(2, 4))
	s.start(4)
	s.serves(netlab.All(4))
}

// A machine that was put back to an older copy of its disk is refused: what it promised
// since it does not know.
func TestRolledBack(t *testing.T) { onEach(t, rolledBackOn) }

func rolledBackOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 5)
	s.changes(6)
	s.form(4)
	s.flow(usual)
	s.kill(4)
	s.must(s.Clone(4, 5))
	for range 2 {
		s.start(4)
		s.serves(netlab.All(4))
		s.kill(4)
	}
	s.serves(netlab.All(3))
	s.start(5)
	s.exit(5, exitDamaged)
	s.serves(netlab.All(3))
	if line := lastLine(s.Stderr(5)); !strings.Contains(line, views.RefuseRolledBack.String()) {
		s.Errorf("it does not say why: %s", line)
	}
}

// nextVersion is a daemon whose protocol is one version ahead.
var nextVersion = sync.OnceValues(func() (string, error) {
	return netlab.BuildVersion(context.Background(), filepath.Dir(binary), wire.Version+1)
})

// Daemons of two versions of the protocol make two groups, which say so.
func TestTwoVersions(t *testing.T) { onEach(t, twoVersionsOn) }

func twoVersionsOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 4)
	next, err := nextVersion()
	s.must(err)
	s.Binary(3, next)
	s.Binary(4, next)
	_, err = s.StartAll(netlab.All(4))
	s.must(err)
	s.serves([]int{1, 2}, []int{3, 4})
	s.must(s.Hold(2 * time.Second))
	s.refuseEachOther(views.RefuseVersion, []int{1, 2}, []int{3, 4})
}
