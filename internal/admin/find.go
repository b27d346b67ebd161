package admin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

// idPrefixMin is the shortest part of a host id that names a host: what people
// are shown.
const idPrefixMin = 8

// findToEvict finds the member that word names, else who has the name in a view
// before, else who has that host id. A word for several is refused: an eviction of
// the wrong host cannot be taken back.
func (s *Server) findToEvict(word string) (*views.Member, error) {
	now := s.group.View().View
	if now == nil {
		return nil, failure(CodeNotReady, "this host is in no view", "gmsd status tells more")
	}
	for _, among := range [][]*views.Member{namedIn(now, word), namedBefore(s.group.History(), word)} {
		switch len(among) {
		case 0:
			continue
		case 1:
			return among[0], nil
		}
		return nil, ambiguous(word, among)
	}
	if host, err := views.ParseHostID(word); err == nil && !host.IsZero() {
		return &views.Member{Process: views.Process{Host: host}}, nil
	}
	return nil, failure(CodeNotFound, fmt.Sprintf("no member %q in view %s", word, now.ID), "gmsd view lists names and host ids")
}

// namedIn gives the members that word names: by host id, by name, or by the
// beginning of a host id. The first of these ways that finds any is the one meant.
func namedIn(v *views.View, word string) []*views.Member {
	id := strings.ToLower(word)
	for _, is := range []func(*views.Member) bool{
		func(m *views.Member) bool { return m.Host.String() == id },
		func(m *views.Member) bool { return m.Name == word },
		func(m *views.Member) bool { return len(word) >= idPrefixMin && strings.HasPrefix(m.Host.String(), id) },
	} {
		var found []*views.Member
		for i := range v.Members {
			if m := &v.Members[i]; is(m) {
				found = append(found, m)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// namedBefore gives all hosts that word has named in the last views, each as it was
// there last.
func namedBefore(history []*gms.Snapshot, word string) []*views.Member {
	var found []*views.Member
	for _, snap := range slices.Backward(history) {
		if snap.View == nil {
			continue
		}
		for _, m := range namedIn(snap.View, word) {
			if !slices.ContainsFunc(found, func(f *views.Member) bool { return f.Host == m.Host }) {
				found = append(found, m)
			}
		}
	}
	return found
}

func ambiguous(word string, among []*views.Member) *Error {
	list := make([]string, 0, len(among))
	for _, m := range among {
		list = append(list, fmt.Sprintf("%s at %s", m.Host, m.Addr))
	}
	return failure(CodeBadRequest, fmt.Sprintf("%q may be any of %d hosts: %s", word, len(among), strings.Join(list, ", ")),
		"nothing was done: name the one you mean by its host id")
}
