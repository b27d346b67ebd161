package gms

import (
	"errors"
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/transport/lab"
)

// LabCut cuts the links to these addresses inside this process, for
// demonstrations and game days: direction "in" is what comes from them, "out"
// what goes to them, "both" or empty both. Tethers to them fall silent, too. Port
// 0 stands for every port. Cuts add up until LabHeal. The error is [ErrLab]
// where the host was started without Config.LabFaults.
func (h *Host) LabCut(addrs []netip.AddrPort, direction string) error {
	if h.lab == nil {
		return ErrLab
	}
	d, err := lab.ParseDirection(direction)
	for _, a := range addrs {
		if err == nil {
			err = h.lab.Cut(a, d)
		}
	}
	return err
}

// LabDelay holds back by delay, up to lab.DelayMax, what comes from and goes to
// these addresses, each way; 0 ends that.
func (h *Host) LabDelay(addrs []netip.AddrPort, delay time.Duration) error {
	if h.lab == nil {
		return ErrLab
	}
	var faults []error
	for _, a := range addrs {
		faults = append(faults, h.lab.Delay(a, lab.Both, delay))
	}
	return errors.Join(faults...)
}

// LabHeal ends all cuts and delays.
func (h *Host) LabHeal() error {
	if h.lab == nil {
		return ErrLab
	}
	h.lab.HealAll()
	return nil
}
