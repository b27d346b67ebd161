package netlab_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/gmsd/gmsd/internal/netlab"
)

// newcomer is the machine on which no daemon runs yet.
const newcomer = doctored + 1

// beforehand are tests of what one host says before its daemon runs, of a group that does.
func beforehand() (all []bed) {
	c := cast{host: newcomer, other: 1, stranger: newcomer, members: doctored}
	find := func(name string) *experiment {
		list := experiments(c)
		return &list[slices.IndexFunc(list, func(x experiment) bool { return x.name == name })]
	}
	down := &experiment{name: "process-down", want: []named{{"process-down", "10.77.0.4:7749", ""}}}
	down.bring = func(s *stage) { s.kill(4); s.settle(netlab.All(3)) }
	foreign := &experiment{name: "key-differs", want: refusing("key-differs")}
	foreign.bring = func(s *stage) {
		_, err := s.Execute(newcomer, generous, "keys", "gen", "--out", filepath.Join(s.Dir(), "other.keys"))
		s.must(err)
		foreign.flags = []string{"--key-file", filepath.Join(s.Dir(), "other.keys")}
	}
	for _, x := range []*experiment{
		{name: "nothing", bring: func(*stage) {}}, find("multicast-deaf"), find("multicast-no-loopback"), find("udp-blocked"), find("mtu-black-hole"), down, foreign,
	} {
		all = append(all, bed{"before/" + x.name, func(t *testing.T) { lookBefore(t, x) }})
	}
	return all
}

// lookBefore has the newcomer look, and wants that nobody notices.
func lookBefore(t *testing.T, x *experiment) {
	s := newPatient(t, "mcast", []cast{{stranger: newcomer, members: doctored}}, &experiment{})
	s.start(newcomer) // the checkers want to have seen it
	s.settle(netlab.All(newcomer))
	s.leave(newcomer)
	s.settle(netlab.All(doctored))
	x.bring(s)
	began := s.Now()
	flags := append([]string{"--before"}, s.Settings(newcomer)...)
	got := s.askWith(newcomer, append(append(flags, "--peers", netlab.Peers(doctored)), x.flags...)...)
	t.Logf("before it runs:\n%s", got.words)
	if x.want == nil && len(got.list) > 0 {
		t.Errorf("gmsd doctor --before names %v", got.list)
	}
	if x.want != nil {
		s.checkNamed("gmsd doctor --before", got, x)
	}
	for i := 1; i <= doctored; i++ {
		if n := len(s.InstallsSince(i, began)); n > 0 {
			t.Errorf("h%d has installed %d views since it was looked at", i, n)
		}
	}
}
