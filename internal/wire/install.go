package wire

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

const (
	spanLeast         = 2
	installGroupLeast = viewLeast + 1 + 8
)

func writeInstall(w *writer, m *message.Install) {
	if m.Kind > views.Merge {
		w.fail("Kind", ErrEnum)
	}
	if !m.Reason.Valid() {
		w.fail("Reason", ErrEnum)
	}
	if err := checkLayout(m); err != nil {
		w.fail("Layout", err)
	}
	if !groupsFit(m.Groups) {
		w.fail("Groups", ErrLimit)
	}
	w.view(m.View)
	w.byte(byte(m.Kind))
	w.byte(byte(m.Reason))
	w.view(m.Parent)
	writeLayout(w, m.Layout)
	w.members("Members", m.Members)
	writeGroups(w, m.Groups)
	w.bool(!m.Signature.IsZero())
	if !m.Signature.IsZero() {
		w.signature(&m.Signature)
	}
}

// AppendView appends what a coordinator signs of a view: the install that gives it
// whole, without the signature.
func AppendView(dst []byte, h message.Header, whole *message.Install) ([]byte, error) {
	m := *whole
	m.Signature = message.Signature{}
	w := writer{b: append(dst, "gmsd view 1\x00"...)}
	w.fixed64(h.Group)
	writeInstall(&w, &m)
	if w.err != nil {
		return dst, &Error{Type: message.TypeInstall, Field: w.field, Err: w.err}
	}
	return w.b, nil
}

func readInstall(r *reader) *message.Install {
	m := new(message.Install)
	m.View = r.view("View")
	m.Kind = views.Kind(r.byte("Kind"))
	if m.Kind > views.Merge {
		r.fail("Kind", ErrEnum)
	}
	m.Reason = views.Reason(r.byte("Reason"))
	if !m.Reason.Valid() {
		r.fail("Reason", ErrEnum)
	}
	m.Parent = r.view("Parent")
	m.Layout = readLayout(r)
	m.Members = r.members("Members")
	m.Groups = readGroups(r)
	if r.bool("Signature") {
		r.signature("Signature", &m.Signature)
	}
	if r.err != nil {
		return nil
	}
	if err := checkLayout(m); err != nil {
		r.fail("Layout", err)
	}
	if !groupsFit(m.Groups) {
		r.fail("Groups", ErrLimit)
	}
	return m
}

// checkLayout makes a layout safe to follow as far as it can be known without
// the parent view: the spans place at most a view's members, and the explicit
// ones no more than there are.
func checkLayout(m *message.Install) error {
	var all, explicit int
	for _, s := range m.Layout {
		all += int(s.Count)
		switch {
		case s.Explicit:
			explicit += int(s.Count)
		case int(s.First)+int(s.Count) > views.MembersMax:
			return ErrLimit
		}
	}
	if all > views.MembersMax {
		return ErrLimit
	}
	if explicit > len(m.Members) {
		return ErrForm
	}
	return nil
}

func groupsFit(groups []message.InstallGroup) bool {
	all := 0
	for _, g := range groups {
		all += int(g.Count)
	}
	return all <= views.MembersMax
}

func writeLayout(w *writer, layout []message.MemberSpan) {
	if !w.count("Layout", len(layout), views.MembersMax) {
		return
	}
	for _, s := range layout {
		v := uint64(s.Count) << 1
		if s.Explicit {
			v |= 1
		}
		w.upTo("Layout", v, 2*views.MembersMax+1)
		w.rank("Layout", s.First)
	}
}

func readLayout(r *reader) []message.MemberSpan {
	n := r.count("Layout", views.MembersMax, spanLeast)
	if n == 0 {
		return nil
	}
	layout := make([]message.MemberSpan, n)
	for i := range layout {
		v := r.upTo("Layout", 2*views.MembersMax+1)
		layout[i] = message.MemberSpan{
			Explicit: v&1 != 0,
			First:    r.rank("Layout"),
			Count:    uint16(v >> 1), //nolint:gosec // bounded by MembersMax
		}
	}
	return layout
}

func writeGroups(w *writer, groups []message.InstallGroup) {
	if !w.count("Groups", len(groups), views.SubgroupsMax) {
		return
	}
	for _, g := range groups {
		w.view(g.From)
		v := uint64(g.Count) << 1
		if g.Bare {
			v |= 1
		}
		w.upTo("Groups", v, 2*views.MembersMax+1)
		w.fixed64(g.Digest)
	}
}

func readGroups(r *reader) []message.InstallGroup {
	n := r.count("Groups", views.SubgroupsMax, installGroupLeast)
	if n == 0 {
		return nil
	}
	groups := make([]message.InstallGroup, n)
	for i := range groups {
		from, v := r.view("Groups"), r.upTo("Groups", 2*views.MembersMax+1)
		groups[i] = message.InstallGroup{
			From: from, Count: uint16(v >> 1), Bare: v&1 != 0, //nolint:gosec // bounded by MembersMax
			Digest: r.fixed64("Groups"),
		}
	}
	return groups
}
