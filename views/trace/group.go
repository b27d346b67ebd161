package trace

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/gmsd/gmsd/views"
)

// The events of light groups. Ids and members are strings, so that a line stays
// short where a thousand groups change at once: an id is seq/coordinator/k/side,
// a member host/inc/port/join.

func appendGroupView(dst []byte, e *GroupView) []byte {
	dst = appendText(dst, "group", e.Group)
	dst = appendGroupID(appendKey(dst, "id"), e.ID)
	dst = appendGroupID(appendKey(dst, "was"), e.Prev)
	dst = append(appendKey(dst, "ports"), '[')
	for i, p := range e.Ports {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(p), 10)
	}
	dst = append(dst, ']')
	dst = appendPorts(dst, "with", e.Members)
	return appendPorts(dst, "along", e.Trans)
}

func appendGroupID(dst []byte, id GroupID) []byte {
	if id == (GroupID{}) {
		return append(dst, "null"...)
	}
	dst = strconv.AppendUint(append(dst, '"'), uint64(id.View.Seq), 10)
	dst = appendHex(append(dst, '/'), id.View.Coordinator[:])
	dst = strconv.AppendUint(append(dst, '/'), uint64(id.K), 10)
	return append(strconv.AppendUint(append(dst, '/'), uint64(id.Side), 10), '"')
}

func appendPorts(dst []byte, key string, ports []Port) []byte {
	dst = append(appendKey(dst, key), '[')
	for i := range ports {
		if i > 0 {
			dst = append(dst, ',')
		}
		p := &ports[i]
		dst = appendHex(append(dst, '"'), p.Host[:])
		dst = strconv.AppendUint(append(dst, '/'), uint64(p.Incarnation), 10)
		dst = strconv.AppendUint(append(dst, '/'), uint64(p.Port), 10)
		dst = append(strconv.AppendUint(append(dst, '/'), p.Join, 10), '"')
	}
	return append(dst, ']')
}

func (w *wireLine) groupView() (Event, error) {
	e := GroupView{Group: w.Group, Ports: w.Ports}
	var err error
	if e.ID, err = parseGroupID(w.ID); err != nil {
		return nil, err
	}
	if e.Prev, err = parseGroupID(w.Was); err != nil {
		return nil, err
	}
	if e.Members, err = parsePorts(w.With); err != nil {
		return nil, err
	}
	if e.Trans, err = parsePorts(w.Along); err != nil {
		return nil, err
	}
	return e, nil
}

// parseGroupID reads seq/coordinator/k/side; nil is the zero id.
func parseGroupID(s *string) (GroupID, error) {
	if s == nil {
		return GroupID{}, nil
	}
	host, n, err := splitID(*s, 1)
	if err != nil || n[2] > 1<<16-1 {
		return GroupID{}, fmt.Errorf("group view id %q: want seq/coordinator/k/side", *s)
	}
	return GroupID{
		View: views.ViewID{Seq: views.Seq(n[0]), Coordinator: host}, K: views.Position(n[1]), Side: uint16(n[2]),
	}, nil
}

func parsePorts(list []string) ([]Port, error) {
	var ports []Port
	for _, s := range list {
		host, n, err := splitID(s, 0)
		if err != nil || n[0] > 1<<32-1 || n[1] > 1<<32-1 {
			return nil, fmt.Errorf("member %q: want host/inc/port/join", s)
		}
		ports = append(ports, Port{
			Process: views.Process{Host: host, Incarnation: views.Incarnation(n[0])}, Port: uint32(n[1]), Join: n[2],
		})
	}
	return ports, nil
}

// splitID reads four parts between slashes: a host at place at, three numbers.
func splitID(s string, at int) (host views.HostID, n [3]uint64, err error) {
	parts := strings.Split(s, "/")
	if len(parts) != 4 || len(parts[at]) != 2*len(host) {
		return host, n, strconv.ErrSyntax
	}
	if _, err = hex.Decode(host[:], []byte(parts[at])); err != nil {
		return host, n, err
	}
	parts = append(parts[:at:at], parts[at+1:]...)
	for i := range n {
		if n[i], err = strconv.ParseUint(parts[i], 10, 64); err != nil {
			return host, n, err
		}
	}
	return host, n, nil
}
