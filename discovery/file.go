package discovery

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// fileBytes bounds the file.
	fileBytes = 1 << 20
	// checkEvery is the least time between two looks at it.
	checkEvery = time.Second
	// faultsTold bounds the broken lines that are named.
	faultsTold = 8
)

// File is a file of peers: host[:port] a line; what follows # is a comment. Its
// names are looked up as those of a [List].
type File struct {
	path     string
	log      *slog.Logger
	resolver Resolver
	names    *names
	wg       sync.WaitGroup

	mu      sync.Mutex
	fixed   []Found
	text    string
	last    stamp
	read    time.Time // when it was, last
	looked  time.Time
	busy    bool
	closed  bool
	missing string // why it cannot be read
	broken  string // its bad lines
}

var _ Source = (*File)(nil)

// stamp changes whenever the file does: written in place, or replaced.
type stamp struct {
	id      any
	size    int64
	changed time.Time
}

// OpenFile reads the file, now and whenever it has changed. That it is not there
// is said once and is no error: it may come.
func OpenFile(path string, o Options) *File {
	o.setDefaults()
	f := &File{path: path, log: o.Logger, resolver: o.Resolver, names: newNames(o.Logger)}
	f.busy, f.looked = true, time.Now()
	f.check()
	return f
}

// Name is peers-file.
func (f *File) Name() string { return "peers-file" }

// Addresses are those of the file as it was read last; it is looked at again in
// the background.
func (f *File) Addresses() []Found {
	f.mu.Lock()
	if !f.busy && !f.closed && time.Since(f.looked) >= checkEvery {
		f.busy, f.looked = true, time.Now()
		f.wg.Go(f.check)
	}
	found := append([]Found(nil), f.fixed...)
	f.mu.Unlock()
	return tidy(append(found, f.names.addresses()...))
}

// Trouble says why the file cannot be read, which lines are broken, and which
// names do not resolve.
func (f *File) Trouble() string {
	f.mu.Lock()
	faults := []string{f.missing, f.broken, f.names.trouble()}
	f.mu.Unlock()
	var out []string
	for _, s := range faults {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, "; ")
}

// Close ends what goes on.
func (f *File) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.wg.Wait()
	f.names.close()
	return nil
}

// check reads the file if it is not what was read last. Only one check runs.
func (f *File) check() {
	text, now, err := f.load()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = false
	switch {
	case err != nil:
		f.lose(err)
	case now == f.last && f.missing == "" && text == "": // not read
	default:
		fresh := text != f.text || f.missing != "" || f.last == (stamp{})
		f.text, f.last, f.read, f.missing = text, now, time.Now(), ""
		if fresh {
			f.take(text)
		}
	}
}

// load gives the whole file, or nothing where its stamp says that it is as it was.
func (f *File) load() (string, stamp, error) {
	file, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would keep us waiting
	if err != nil {
		return "", stamp{}, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return "", stamp{}, err
	}
	if !info.Mode().IsRegular() {
		return "", stamp{}, fmt.Errorf("%s: not a file", f.path)
	}
	now := stamp{id: inode(info), size: info.Size(), changed: info.ModTime()}
	if f.unchanged(now) {
		return "", now, nil
	}
	if info.Size() > fileBytes {
		return "", stamp{}, fmt.Errorf("%s: %d bytes, at most %d can be", f.path, info.Size(), fileBytes)
	}
	text, err := io.ReadAll(io.LimitReader(file, fileBytes))
	return string(text), now, err
}

// unchanged reports whether the file need not be read. One that was written in
// the moment before it was read may have been written again in the same tick of
// the file system's clock.
func (f *File) unchanged(now stamp) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now == f.last && f.missing == "" && f.read.Sub(now.changed) > checkEvery
}

// lose notes that there is nothing to read, and keeps what is known. The caller
// holds f.mu.
func (f *File) lose(err error) {
	if err.Error() != f.missing {
		f.missing = err.Error()
		f.log.Warn("cannot read the file of peers; what it said before still counts", "err", err)
	}
}

// take reads the lines: a broken one is told and passed over. The caller holds f.mu.
func (f *File) take(text string) {
	var peers []peer
	var faults []string
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		p, err := parsePeer(line)
		switch {
		case err != nil:
			faults = append(faults, fmt.Sprintf("%s:%d: %v", f.path, n, err))
		case len(peers) == AddressesMax:
			faults = append(faults, fmt.Sprintf("%s:%d: beyond the %d peers that can be", f.path, n, AddressesMax))
		default:
			p.why = fmt.Sprintf("%s (line %d)", line, n)
			peers = append(peers, p)
		}
	}
	f.tell(faults, len(peers))
	var list []*name
	f.fixed, list = split(peers, f.resolver)
	f.names.set(list)
}

// tell says what a reading found. The caller holds f.mu.
func (f *File) tell(faults []string, peers int) {
	if more := len(faults) - faultsTold; more > 0 {
		faults = append(faults[:faultsTold:faultsTold], fmt.Sprintf("and %d more lines", more))
	}
	f.broken = strings.Join(faults, "; ")
	for _, fault := range faults {
		f.log.Warn("a line of the file of peers is passed over", "fault", fault, "cure", "host or host:port, # begins a comment")
	}
	f.log.Info("read the file of peers", "file", f.path, "peers", peers)
}
