package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/doctor"
)

// beforeAnswer is the JSON of `gmsd doctor --before`.
type beforeAnswer struct {
	*admin.DoctorAnswer
	// Peers are the addresses that were examined, Heard those of whom multicast came.
	Peers []netip.AddrPort `json:"peers"`
	Heard []netip.AddrPort `json:"heard"`
	// Notes say what does not keep the host from starting, and will be missed later.
	Notes []string `json:"notes"`
}

// wanted are the settings of a daemon of this host, with what keeps it from starting.
func (c *call) wanted() (*settings.Daemon, error) {
	s, _ := c.settings.Load(os.Environ(), openFile) // startable gives these faults, too
	return startable(s, slog.New(slog.DiscardHandler))
}

// canStart reports whether the settings are those of a daemon that can start.
func (c *call) canStart() bool {
	s, _ := c.settings.Load(os.Environ(), openFile) // as above
	_, err := s.Daemon(version(), slog.New(slog.DiscardHandler))
	return err == nil
}

func (c *call) doctorBefore() error {
	d, err := c.wanted()
	if err != nil {
		return err
	}
	found, err := gms.ExamineBefore(c.ctx, d.Host)
	if err != nil {
		return err
	}
	a := &beforeAnswer{
		DoctorAnswer: admin.NewDoctorAnswer(&found.Diagnosis),
		Peers:        append([]netip.AddrPort{}, found.Peers...), Heard: append([]netip.AddrPort{}, found.Heard...),
		Notes: append([]string{}, found.Notes...),
	}
	if !c.json {
		c.printBefore(a, &found.Reports[0], d.Host.Transport)
	} else if err := c.printJSON(a); err != nil {
		return err
	}
	return verdictsFound(a.DoctorAnswer)
}

func (c *call) printBefore(a *beforeAnswer, own *doctor.Report, by string) {
	fmt.Fprintf(c.out, "%s can start at %v: settings, keys, address and port are in order (%.1f s)\n", own.Name, own.Addr, a.TookSeconds)
	for _, n := range a.Notes {
		fmt.Fprintln(c.out, "note: "+n)
	}
	if by == gms.TransportMulticast {
		fmt.Fprintf(c.out, "%s heard by multicast\n", countOf(len(a.Heard), "host"))
	}
	switch {
	case len(a.Peers) > 0 || len(a.Heard) > 0:
	case by == gms.TransportRouter:
		fmt.Fprintln(c.out, "it knows no peers; who is registered at the routers it does not ask")
	default:
		fmt.Fprintln(c.out, "it knows no peers and hears nobody: it would be the first of its group")
	}
	tab := newTable(c.out, 3)
	for _, l := range a.Links {
		at, err := netip.ParseAddrPort(l.Addr)
		heard := ""
		if err == nil && slices.Contains(a.Heard, at) {
			heard = "heard by multicast"
		}
		fmt.Fprintf(tab, "peer %s\tTCP %s\t%s\t%s\n", l.Addr, l.TCP, describeAnswers(&l), heard)
	}
	_ = tab.Flush() // c.out keeps its error
	c.printVerdicts(a.DoctorAnswer)
}

func describeAnswers(l *admin.LinkAnswer) string {
	switch {
	case l.LossPercent < 0:
		return "not asked"
	case l.LossPercent == 100:
		return "no answers"
	}
	answers := fmt.Sprintf("answers, %.0f us", l.RTTMicros)
	if l.MTU > 0 { // over streams no length is tested
		answers += fmt.Sprintf(", up to %d bytes", l.MTU)
	}
	return answers
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
