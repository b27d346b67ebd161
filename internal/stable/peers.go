package stable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/views"
)

const (
	peersName = "peers.json"
	// PeersMax bounds the peers that are kept.
	PeersMax = views.MembersMax
	// peersBytes bounds the file: PeersMax entries of the longest name and address
	// stay below it.
	peersBytes  = 768 << 10
	peersFormat = 1
)

// Peer is a host that this one was with in a view.
type Peer struct {
	views.Process
	Name string
	Addr netip.AddrPort
	// Seen is when they were together last, to the second; zero: nobody wrote it down.
	Seen time.Time
}

type peersFile struct {
	Format int        `json:"format"`
	Peers  []peerLine `json:"peers"`
}

// peerLine is a peer in the file. Seen came later: a file without it is read, and
// an older gmsd reads one with it.
type peerLine struct {
	Host        views.HostID      `json:"host"`
	Incarnation views.Incarnation `json:"incarnation"`
	Name        string            `json:"name"`
	Addr        netip.AddrPort    `json:"addr"`
	Seen        time.Time         `json:"seen,omitzero"`
}

// SavePeers replaces what is written of whom this host was with, the first
// [PeersMax] of peers. It is not synced, since nothing is promised on it. An error
// is for the log and changes nothing else. It may be called by any goroutine, but
// waits for a SaveSeq under way.
func (s *Store) SavePeers(peers []Peer) error {
	out := peersFile{Format: peersFormat}
	for i := range peers[:min(len(peers), PeersMax)] {
		p := &peers[i]
		seen := p.Seen.UTC().Truncate(time.Second)
		out.Peers = append(out.Peers, peerLine{p.Host, p.Incarnation, p.Name, p.Addr, seen})
	}
	data, err := encodePeers(&out)
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

// encodePeers writes a peer a line, for people.
func encodePeers(out *peersFile) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"format":%d,"peers":[`, out.Format)
	for i := range out.Peers {
		line, err := json.Marshal(&out.Peers[i])
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n")
		b.Write(line)
	}
	b.WriteString("\n]}")
	return b.Bytes(), nil
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

// Peers gives what was saved last before this Open, in its order; the caller owns
// the slice. It is empty where there is no file or it cannot be read, which then
// stands in [Store.Notices].
func (s *Store) Peers() []Peer { return append([]Peer(nil), s.peers...) }

// readPeers never fails: it gives what it can and a notice.
func readPeers(d Disk) (peers []Peer, notice string) {
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
		if len(peers) == PeersMax {
			break
		}
		if p.Host.IsZero() || !p.Addr.IsValid() || len(p.Name) > views.NameMax {
			continue
		}
		peers = append(peers, Peer{
			Process: views.Process{Host: p.Host, Incarnation: p.Incarnation}, Name: p.Name, Addr: p.Addr, Seen: p.Seen,
		})
	}
	return peers, ""
}
