package stable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"

	"github.com/gmsd/gmsd/views"
)

const (
	peersName = "peers.json"
	// peersBytes bounds the file: MembersMax entries of the longest name and
	// address stay below it.
	peersBytes  = 512 << 10
	peersFormat = 1
)

type peersFile struct {
	Format int        `json:"format"`
	Peers  []peerLine `json:"peers"`
}

type peerLine struct {
	Host        views.HostID      `json:"host"`
	Incarnation views.Incarnation `json:"incarnation"`
	Name        string            `json:"name"`
	Addr        netip.AddrPort    `json:"addr"`
}

// SavePeers writes down whom this host was with: process, name and address of
// each; beyond [views.MembersMax] the rest is left out. It is not synced, since
// nothing is promised on it. An error is for the log and changes nothing else.
// It may be called by any goroutine, but waits for a SaveSeq under way.
func (s *Store) SavePeers(members []views.Member) error {
	out := peersFile{Format: peersFormat}
	for i := range members[:min(len(members), views.MembersMax)] {
		m := &members[i]
		out.Peers = append(out.Peers, peerLine{m.Host, m.Incarnation, m.Name, m.Addr})
	}
	data, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("stable: peers: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.closedError()
	}
	if err := s.replacePeers(append(data, '\n')); err != nil {
		return diskError(s.disk.Path(peersName), "cannot write", err)
	}
	return nil
}

func (s *Store) replacePeers(data []byte) error {
	const fresh = peersName + ".new"
	if err := s.disk.Remove(fresh); err != nil {
		return err
	}
	if err := s.disk.WriteAt(fresh, data, 0); err != nil {
		return err
	}
	return s.disk.Rename(fresh, peersName)
}

// Peers gives the members that were saved last before this Open, with process,
// name and address; the caller owns the slice. It is empty where there is no
// file or it cannot be read, which then stands in [Store.Notices].
func (s *Store) Peers() []views.Member { return append([]views.Member(nil), s.peers...) }

// readPeers never fails: it gives what it can and a notice.
func readPeers(d Disk) (peers []views.Member, notice string) {
	data, err := d.ReadFile(peersName, peersBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ""
	}
	if err != nil {
		return nil, "ignored: " + diskError(d.Path(peersName), "cannot read", err).Error()
	}
	var in peersFile
	if err := json.Unmarshal(data, &in); err != nil || in.Format != peersFormat {
		return nil, fmt.Sprintf("ignored: %s: not a list of peers (%d bytes)", d.Path(peersName), len(data))
	}
	for _, p := range in.Peers {
		if len(peers) == views.MembersMax {
			break
		}
		if p.Host.IsZero() || !p.Addr.IsValid() || len(p.Name) > views.NameMax {
			continue
		}
		peers = append(peers, views.Member{
			Process: views.Process{Host: p.Host, Incarnation: p.Incarnation}, Name: p.Name, Addr: p.Addr,
		})
	}
	return peers, ""
}
