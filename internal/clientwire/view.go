package clientwire

import (
	"github.com/gmsd/gmsd/views/groups"
)

// AppendGroupView appends what a View frame carries. Trans and Joined must be
// parts of Members, in their order, as package groups gives them. Group and
// Ports are not in it.
func AppendGroupView(dst []byte, v *groups.GroupView) []byte {
	dst = appendGroupViewID(appendGroupViewID(dst, v.ID), v.Prev)
	dst = appendCount(dst, len(v.Members))
	trans, joined := v.Trans, v.Joined
	for i := range v.Members {
		m := &v.Members[i]
		dst = appendMember(dst, m, take(&trans, m, memberTrans)|take(&joined, m, memberJoined))
	}
	dst = appendCount(dst, len(v.Left))
	for i := range v.Left {
		dst = append(appendMember(dst, &v.Left[i].Member, 0), byte(v.Left[i].Why))
	}
	return dst
}

// take removes m from the front of list, and gives flag if it stood there.
func take(list *[]groups.Member, m *groups.Member, flag byte) byte {
	l := *list
	if len(l) == 0 || l[0].Join != m.Join || l[0].Port != m.Port || l[0].Process != m.Process {
		return 0
	}
	*list = l[1:]
	return flag
}

// ParseGroupView reads what [AppendGroupView] wrote. Members, Trans and Joined
// share nothing with b.
func ParseGroupView(b []byte) (groups.GroupView, error) {
	r := reader{b: b}
	v := groups.GroupView{ID: r.groupViewID(), Prev: r.groupViewID()}
	if n := r.count(groups.EntriesMax, memberLeast); n > 0 {
		v.Members = make([]groups.Member, n)
	}
	for i := range v.Members {
		m, f := r.member(memberTrans | memberJoined)
		v.Members[i] = m
		if f&memberTrans != 0 {
			v.Trans = append(v.Trans, m)
		}
		if f&memberJoined != 0 {
			v.Joined = append(v.Joined, m)
		}
	}
	if n := r.count(groups.EntriesMax, memberLeast+1); n > 0 {
		v.Left = make([]groups.Departure, n)
	}
	for i := range v.Left {
		v.Left[i].Member, _ = r.member(0)
		v.Left[i].Why = groups.Why(r.byte())
	}
	return v, r.end()
}
