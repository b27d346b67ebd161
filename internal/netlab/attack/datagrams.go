package attack

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// One in groupOf changed datagrams goes to the multicast group, one in ownOf of those
// in the name of a member to that member itself.
const (
	groupOf = 5
	ownOf   = 16
)

// sendMutated sends changed datagrams, half of them in the name of members.
func (a *attacker) sendMutated(ctx context.Context) error {
	c, err := openCard(a.Interface)
	if err != nil {
		return err
	}
	defer c.close()
	random := a.random(1)
	frame := make([]byte, 0, frameMax)
	return paced(ctx, a.Datagrams, a.Over, func() error {
		payload, kind := a.material.mutate(random)
		to := random.IntN(len(a.Targets))
		src, from := a.source(random, to)
		dst, hw, all := netip.AddrPortFrom(a.Targets[to].Addr, a.Port), mac(a.Targets[to].MAC), false
		if a.Group.IsValid() && random.IntN(groupOf) == 0 {
			dst, hw, all = a.Group, groupMAC(a.Group.Addr()), true
		}
		frame = appendDatagram(frame[:0], c.mac, hw, src, dst, payload)
		if err := c.send(frame); err != nil {
			return err
		}
		a.note(func(r *Report) {
			r.Datagrams++
			r.Mutations[mutations[kind].name]++
			a.reached(r, to, all, from, false)
		})
		return nil
	})
}

// source draws whom a datagram claims to be from: its place among the targets, -1:
// ourselves.
func (a *attacker) source(random *rand.Rand, to int) (netip.AddrPort, int) {
	if random.IntN(2) == 0 {
		return netip.AddrPortFrom(a.Self, uint16(1024+random.IntN(60000))), -1 //nolint:gosec // a port
	}
	from := random.IntN(len(a.Targets))
	if from == to && random.IntN(ownOf) > 0 {
		from = (to + 1) % len(a.Targets)
	}
	return netip.AddrPortFrom(a.Targets[from].Addr, a.Port), from
}

// reached counts a datagram for one target or all, in the name of one of them or, -1,
// of somebody else.
func (a *attacker) reached(r *Report, to int, all bool, from int, again bool) {
	for i := range r.Targets {
		d := &r.Targets[i]
		switch {
		case !all && i != to:
		case i == from:
			d.Own++
		default:
			d.Datagrams++
			if again {
				d.Again++
			}
		}
	}
}

// placeOf gives the target that has an address; -1: none.
func (a *attacker) placeOf(addr netip.Addr) int {
	for i, t := range a.Targets {
		if t.Addr == addr {
			return i
		}
	}
	return -1
}

// replay sends the recording again: each datagram from our address, as it was, and now
// and then to a member that it was not for; each segment of TCP as it was.
func (a *attacker) replay(ctx context.Context) error {
	c, err := openCard(a.Interface)
	if err != nil {
		return err
	}
	defer c.close()
	p := &player{attacker: a, card: c, random: a.random(2)}
	for loop := 0; loop < a.Loops && ctx.Err() == nil; loop++ {
		began := time.Now()
		err := each(a.Recording, func(at time.Duration, frame []byte) bool {
			if wait := at/time.Duration(a.Speed) - time.Since(began); wait > tick {
				time.Sleep(wait) // this process has nothing to wait for but time
			}
			p.fault = p.again(frame)
			return p.fault == nil && ctx.Err() == nil
		})
		if err != nil || p.fault != nil {
			return cmp.Or(err, p.fault)
		}
	}
	return nil
}

// player sends recorded frames.
type player struct {
	*attacker
	card   *card
	random *rand.Rand
	frame  []byte
	fault  error
}

// astrayOf: one datagram in so many also goes to somebody else.
const astrayOf = 4

func (p *player) again(frame []byte) error {
	rec, ok := parse(frame)
	if !ok {
		return nil
	}
	from, to, all := p.placeOf(rec.src.Addr()), p.placeOf(rec.dst.Addr()), rec.dst.Addr().IsMulticast()
	if to < 0 && !all {
		return nil
	}
	p.frame = appendAgain(p.frame[:0], p.card.mac, &rec, netip.AddrPort{})
	if err := p.card.send(p.frame); err != nil {
		return err
	}
	if rec.protocol == unix.IPPROTO_TCP {
		p.note(func(r *Report) { r.Replayed++; r.Targets[to].Segments++ })
		return nil
	}
	p.note(func(r *Report) { r.Replayed++; p.reached(r, to, all, from, true) })
	p.frame = appendAgain(p.frame[:0], p.card.mac, &rec, netip.AddrPortFrom(p.Self, p.Port))
	if err := p.card.send(p.frame); err != nil {
		return err
	}
	p.note(func(r *Report) { r.Replayed++; p.reached(r, to, all, -1, true) })
	if p.random.IntN(astrayOf) > 0 {
		return nil
	}
	return p.astray(&rec, from)
}

// astray sends a datagram to any member, in the name of who sent it first.
func (p *player) astray(rec *packet, from int) error {
	to := p.random.IntN(len(p.Targets))
	dst := netip.AddrPortFrom(p.Targets[to].Addr, p.Port)
	p.frame = appendDatagram(p.frame[:0], p.card.mac, p.Targets[to].MAC, rec.src, dst, rec.payload)
	if err := p.card.send(p.frame); err != nil {
		return err
	}
	p.note(func(r *Report) {
		r.Replayed++
		r.Astray++
		if p.reached(r, to, false, from, true); to != from {
			r.Targets[to].Astray++
		}
	})
	return nil
}
