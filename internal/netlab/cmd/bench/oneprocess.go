package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"sync"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/figures"
	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// cfgCrowd names the records of many hosts in one process.
const cfgCrowd = "oneprocess"

// crowdPatience bounds the formation of a crowd.
const crowdPatience = 40 * time.Second

// crowdFigures is what the process of a crowd prints.
type crowdFigures struct{ FirstSeconds, LastSeconds, Views, MedianViews, CPUSeconds float64 }

// crowdOf runs this program again inside a namespace, so that the crowd's
// traffic is on a loopback interface of its own.
func (b *bench) crowdOf(ctx context.Context, n, run int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	l, err := netlab.New(netlab.Options{Binary: self, Hosts: 1})
	if err != nil {
		return err
	}
	// The directory is ours to remove: the crowd ends at once when it has spoken.
	dir, err := os.MkdirTemp(b.dir, "crowd-")
	if err != nil {
		return err
	}
	args := []string{"-crowd", fmt.Sprint(n), "-dir", dir}
	if b.profile != "" {
		args = append(args, "-profile", b.profile)
	}
	o, err := l.Execute(1, crowdPatience+time.Minute, args...)
	if err := errors.Join(err, ctx.Err(), l.Close(), l.Remove()); err != nil {
		return err
	}
	var f crowdFigures
	if o.Code != 0 || json.Unmarshal([]byte(o.Stdout), &f) != nil {
		return fmt.Errorf("the process of %d hosts ended with code %d: %s%s", n, o.Code, o.Stdout, o.Stderr)
	}
	b.add(cfgCrowd, n, "form_all_s", f.LastSeconds, run)
	b.add(cfgCrowd, n, "form_first_s", f.FirstSeconds, run)
	b.add(cfgCrowd, n, "form_views_host", f.Views, run)
	b.add(cfgCrowd, n, "form_views_host_p50", f.MedianViews, run)
	b.add(cfgCrowd, n, "form_cpu_s", f.CPUSeconds, run)
	return nil
}

// crowdPort is the member port of all hosts of a crowd; each has an address.
const crowdPort = 7749

// beCrowd is the process of n hosts.
func beCrowd(n int, dir, profile string) error {
	if profile != "" {
		var raw bytes.Buffer
		if err := pprof.StartCPUProfile(&raw); err != nil {
			return err
		}
		defer func() {
			pprof.StopCPUProfile()
			_ = os.WriteFile(profile, raw.Bytes(), 0o600) // the figures count
		}()
	}
	c := &crowd{members: make([]*member, n)}
	f, err := c.form(dir)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// crowd are many hosts in this process.
type crowd struct {
	mu      sync.Mutex
	members []*member // nil: not started yet
}

// member is one of them.
type member struct {
	host    *gms.Host
	started views.Instant // when Start returned
	whole   views.Instant // when it first installed the view of all
	views   int           // until then, that one included
}

func (c *crowd) form(dir string) (*crowdFigures, error) {
	ctx, cancel := context.WithTimeout(context.Background(), crowdPatience)
	defer cancel()
	began, cpu := tracelog.Now(), processorTime()
	faults := make(chan error, len(c.members))
	var all sync.WaitGroup
	for i := range c.members {
		all.Go(func() { faults <- c.start(ctx, dir, i) })
	}
	all.Wait()
	close(faults)
	var found []error
	for err := range faults {
		found = append(found, err)
	}
	if err := c.failure(found); err != nil {
		return nil, err
	}
	f := &crowdFigures{CPUSeconds: (processorTime() - cpu).Seconds()}
	c.summarise(began, f)
	return f, nil
}

// start starts host i and waits until it is in the view of all.
func (c *crowd) start(ctx context.Context, dir string, i int) error {
	data := filepath.Join(dir, fmt.Sprint(i))
	addr := netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
	if i&0xff == 0 {
		addr = netip.AddrFrom4([4]byte{127, 2, byte(i >> 8), 1})
	}
	h, err := gms.Start(ctx, gms.Config{
		Name: fmt.Sprintf("h%d", i), DataDir: data, Bind: netip.AddrPortFrom(addr, crowdPort), InsecureLab: true,
	})
	if err != nil {
		return err
	}
	m := &member{host: h, started: tracelog.Now()}
	c.mu.Lock()
	c.members[i] = m
	c.mu.Unlock()
	for s := h.View(); s.View.Size() != len(c.members); {
		if s, err = h.WaitView(ctx, s.View.ID.Seq); err != nil {
			return fmt.Errorf("host %d, in view %v of %d: %w", i, h.View().View.ID, h.View().View.Size(), err)
		}
	}
	for _, r := range h.LastEvents(0) {
		v, ok := r.Event.(trace.Install)
		if !ok {
			continue
		}
		m.views++
		if len(v.Members) == len(c.members) {
			m.whole = r.T
			break
		}
	}
	return nil
}

func (c *crowd) summarise(began views.Instant, f *crowdFigures) {
	var lastStart, lastView views.Instant
	counts := make([]float64, 0, len(c.members))
	for _, m := range c.members {
		lastStart, lastView = max(lastStart, m.started), max(lastView, m.whole)
		counts = append(counts, float64(m.views))
		f.Views = max(f.Views, float64(m.views))
	}
	f.FirstSeconds, f.LastSeconds = lastView.Sub(began).Seconds(), lastView.Sub(lastStart).Seconds()
	f.MedianViews = figures.Median(counts)
}

// failure gives the first of some errors and, for a crowd that did not form,
// where its hosts stood and what they were busy with.
func (c *crowd) failure(faults []error) error {
	faults = slices.DeleteFunc(faults, func(err error) bool { return err == nil })
	if len(faults) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	sizes, frames, installs := map[int]int{}, map[string]uint64{}, 0
	var all sync.WaitGroup
	for _, m := range c.members {
		if m == nil {
			sizes[0]++
			continue
		}
		sizes[m.host.View().View.Size()]++
		installs += len(m.host.History())
		all.Go(func() {
			st, err := m.host.Status(ctx)
			c.mu.Lock()
			defer c.mu.Unlock()
			if err == nil { // else it has ended; that is among the faults
				countFrames(&st, frames)
			}
		})
	}
	all.Wait()
	return fmt.Errorf("%d of %d hosts did not come into the view of all: %w\nhosts by the size of their view: %v\nviews in memory: %d\nframes: %v",
		len(faults), len(c.members), faults[0], sizes, installs, frames)
}

// countFrames adds what a host has received, sent and lost, by type and reason.
func countFrames(st *gms.Status, into map[string]uint64) {
	for i, n := range st.Engine.Traffic.In {
		if n > 0 {
			into["in "+message.Type(i).String()] += n
		}
	}
	for i, n := range st.Engine.Traffic.Out {
		if n > 0 {
			into["out "+message.Type(i).String()] += n
		}
	}
	st.Stats.Transport.EachDropped(func(reason transport.Drop, n uint64) {
		if n > 0 {
			into["dropped "+reason.String()] += n
		}
	})
	into["hosts that answered"]++
}
