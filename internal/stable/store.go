package stable

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"sync"

	"github.com/gmsd/gmsd/views"
)

const stateName = "state"

// Store is an open state directory. It is safe for concurrent use; SaveSeq and
// SavePeers wait for each other and for the disk, everything else answers at
// once from memory.
type Store struct {
	key ed25519.PrivateKey
	// peers and notices are set by Open and constant then.
	peers   []Peer
	notices []string

	mu   sync.Mutex // held over disk writes
	disk Disk
	// slot holds the last record; the next goes to the other.
	slot   int
	failed error // rule 3: set once, for good
	closed bool

	memo sync.Mutex // guards last; never held over a disk write
	last record
}

// Open opens the state directory, making it at a host's first start, and begins
// a new incarnation, which is durable when Open returns. Errors are [*Error].
func Open(dir string) (*Store, error) {
	d, err := OpenFile(dir)
	if err != nil {
		return nil, err
	}
	return OpenDisk(d, rand.Reader)
}

// Check says why [Open] would refuse dir, as far as reading tells; a directory that is not
// there yet it would make. It changes nothing, and whoever holds the directory goes on:
// the lock is asked for, shared, and given back at once.
func Check(dir string) error {
	d, err := openFile(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }() // nothing was written
	if err := d.askLock(); err != nil {
		return err
	}
	_, err = (&Store{disk: d}).read()
	return err
}

// OpenDisk does what [Open] does, on any Disk. A first start draws its key from
// random. The Store takes d over: it closes it, also where OpenDisk fails.
func OpenDisk(d Disk, random io.Reader) (*Store, error) {
	s := &Store{disk: d}
	if err := s.open(random); err != nil {
		_ = d.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(random io.Reader) error {
	if err := s.disk.Lock(); err != nil {
		return diskError(s.disk.Path(""), "cannot lock", err)
	}
	rd, err := s.read()
	if err == nil && s.key == nil {
		rd, err = s.create(random)
	}
	if err != nil {
		return err
	}
	peers, notice := readPeers(s.disk)
	s.peers = peers
	if notice != "" {
		s.notices = append(s.notices, notice)
	}
	return s.begin(rd)
}

// read takes the key of an existing host and gives its state. Without a key there is no
// host yet, and nothing is in the way of one.
func (s *Store) read() (rd reading, err error) {
	s.key, err = s.readIdentity()
	if errors.Is(err, fs.ErrNotExist) {
		return rd, s.checkUnborn()
	}
	if err != nil {
		return rd, err
	}
	return s.readState(views.HostIDOf(s.key.Public().(ed25519.PublicKey)))
}

// readIdentity gives the key; fs.ErrNotExist where there is none.
func (s *Store) readIdentity() (ed25519.PrivateKey, error) {
	where := s.disk.Path(identityName)
	data, err := s.disk.ReadFile(identityName, identityBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, diskError(where, "cannot read", err)
	}
	key, err := parseKey(data)
	if err != nil {
		return nil, damaged(where, err.Error(), cureKey)
	}
	return key, nil
}

// create makes a new host: state first, then identity (S4).
func (s *Store) create(random io.Reader) (rd reading, err error) {
	key, err := newKey(random)
	if err != nil {
		return rd, diskError(s.disk.Path(identityName), "cannot draw a key", err)
	}
	text, err := marshalKey(key)
	if err != nil {
		return rd, diskError(s.disk.Path(identityName), "cannot encode the key", err)
	}
	host := views.HostIDOf(key.Public().(ed25519.PublicKey))
	if err := s.createState(host); err != nil {
		return rd, diskError(s.disk.Path(stateName), "cannot make it", err)
	}
	if err := s.install(identityName, func(fresh string) error { return s.disk.WriteAt(fresh, text, 0) }); err != nil {
		return rd, diskError(s.disk.Path(identityName), "cannot write", err)
	}
	s.key = key
	return s.readState(host)
}

// checkUnborn makes sure that a directory without an identity never had one.
func (s *Store) checkUnborn() error {
	where := s.disk.Path(stateName)
	file, err := s.disk.ReadFile(stateName, stateSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return diskError(where, "cannot read", err)
	}
	rd, ok, newer := readState(file)
	switch {
	case newer:
		return newerError(where)
	case !ok:
		return damaged(where, "no record in it is whole, and there is no identity beside it", cureKey)
	case rd.record.incarnation != 0:
		return damaged(s.disk.Path(identityName), fmt.Sprintf(
			"missing, but this directory belongs to host %s, incarnation %d", rd.record.host.Short(), rd.record.incarnation), cureKey)
	}
	return nil
}

// createState writes a whole state file of incarnation zero. Its blocks are
// reserved, so that no later write of a record needs space.
func (s *Store) createState(host views.HostID) error {
	return s.install(stateName, func(fresh string) error {
		if err := s.disk.Allocate(fresh, stateSize); err != nil {
			return err
		}
		for slot := range slotCount {
			if err := s.writeSlot(fresh, slot, record{host: host, write: uint64(slot) + 1}); err != nil {
				return err
			}
		}
		return nil
	})
}

// install makes a file appear whole and durable under its name, or not at all.
func (s *Store) install(name string, write func(fresh string) error) error {
	fresh := name + ".new"
	if err := s.disk.Remove(fresh); err != nil {
		return err
	}
	if err := write(fresh); err != nil {
		return err
	}
	if err := s.disk.Sync(fresh); err != nil {
		return err
	}
	if err := s.disk.Rename(fresh, name); err != nil {
		return err
	}
	return s.disk.SyncDir()
}

// readState reads the state file of an existing host.
func (s *Store) readState(host views.HostID) (reading, error) {
	where := s.disk.Path(stateName)
	file, err := s.disk.ReadFile(stateName, stateSize)
	if errors.Is(err, fs.ErrNotExist) {
		return reading{}, damaged(where, "missing beside the identity of host "+host.Short(), cureNewHost)
	}
	if err != nil {
		return reading{}, diskError(where, "cannot read", err)
	}
	rd, ok, newer := readState(file)
	switch {
	case newer:
		return reading{}, newerError(where)
	case !ok:
		return reading{}, damaged(where, fmt.Sprintf("none of its %d blocks is whole (%d of %d bytes; first: %s)",
			slotCount*copyCount, len(file), stateSize, rd.notices[0]), cureNewHost)
	case rd.record.host != host:
		return reading{}, damaged(where, fmt.Sprintf("it is of host %s, and the identity beside it is of host %s",
			rd.record.host.Short(), host.Short()), "put the two files of one host together again, or move the directory aside")
	case rd.record.incarnation >= math.MaxUint32-1:
		return reading{}, damaged(where, "the incarnations are used up", cureNewHost)
	}
	return rd, nil
}

func newerError(where string) error {
	return &Error{Kind: ErrNewer, Where: where, What: "written by a later gmsd", Cure: "run that version, or a later one"}
}

// lostSeqs is more than the seq of a group rises between two records, so that a
// host that lost the later one promises none again.
const lostSeqs = 1 << 20

// begin makes the new incarnation durable. Where the file had been damaged both
// slots are written, so that it is whole again.
func (s *Store) begin(rd reading) error {
	for _, n := range rd.notices {
		s.notices = append(s.notices, "repaired: "+s.disk.Path(stateName)+": "+n)
	}
	s.slot, s.last = rd.slot, rd.record
	// What was just read may be in memory only: the process before may have been
	// killed between a write and its sync. Writing over the other slot before
	// this one is durable would break S1, and likewise for the names (S4).
	if err := s.disk.Sync(stateName); err != nil {
		return diskError(s.disk.Path(stateName), "cannot sync", err)
	}
	if err := s.disk.SyncDir(); err != nil {
		return diskError(s.disk.Path(""), "cannot sync", err)
	}
	next := rd.record
	next.incarnation++
	if rd.lostSlot { // S2
		next.incarnation++
		next.seq += lostSeqs
	}
	times := 1
	if len(rd.notices) > 0 {
		times = slotCount
		// A cut-off file gets its length, and its reserved blocks, back.
		if err := s.disk.Allocate(stateName, stateSize); err != nil {
			return diskError(s.disk.Path(stateName), "cannot repair", err)
		}
	}
	for range times {
		if err := s.save(next); err != nil {
			return err
		}
	}
	return nil
}

// Self gives this life of the host, and the host's key, which the caller must
// not modify.
func (s *Store) Self() (views.Process, ed25519.PrivateKey) {
	s.memo.Lock()
	defer s.memo.Unlock()
	return views.Process{Host: s.last.host, Incarnation: s.last.incarnation}, s.key
}

// Seq gives the highest durable view seq; zero at a host's first start.
func (s *Store) Seq() views.Seq {
	s.memo.Lock()
	defer s.memo.Unlock()
	return s.last.seq
}

// Notices says what Open found bad and repaired or ignored, a line each, for
// the log. It is empty for a directory in order.
func (s *Store) Notices() []string { return append([]string(nil), s.notices...) }

// SaveSeq makes it durable that this host has seen seq. A lower or equal seq
// than the last is durable already and costs nothing. After an error the Store
// has failed and every later SaveSeq returns it: the host must stop, and must
// not act on what it wanted to save.
func (s *Store) SaveSeq(seq views.Seq) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return s.closedError()
	case s.failed != nil:
		return s.failed
	case seq <= s.last.seq:
		return nil
	}
	next := s.last
	next.seq = seq
	return s.save(next)
}

// save writes r to the slot that does not hold the last record, and syncs.
// s.mu is held, or the Store is not yet shared.
func (s *Store) save(r record) error {
	r.write = s.last.write + 1
	slot := (s.slot + 1) % slotCount
	err := s.writeSlot(stateName, slot, r)
	if err == nil {
		err = s.disk.Sync(stateName)
	}
	if err != nil {
		s.failed = diskError(s.disk.Path(stateName), "cannot write durably, so this host must stop", err)
		return s.failed
	}
	s.memo.Lock()
	defer s.memo.Unlock()
	s.slot, s.last = slot, r
	return nil
}

func (s *Store) writeSlot(name string, slot int, r record) error {
	for copyNo := range copyCount {
		if err := s.disk.WriteAt(name, r.encode(slot, copyNo), blockOffset(slot, copyNo)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) closedError() error {
	return &Error{Kind: ErrClosed, Where: s.disk.Path("")}
}

// Close gives the directory back. It is idempotent.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.disk.Close()
}
