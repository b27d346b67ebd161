package sim

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Options say what one seed's world is like. They are all drawn from the seed
// by [Swarm]; a kept seed stores them, so that it replays even after the way of
// drawing has changed. Probabilities are in parts per million (ppm).
type Options struct {
	Seed uint64
	// Hosts is the number of machines, 1..[HostsMax].
	Hosts int64
	// Profile is what kind of seed it is.
	Profile Profile

	// Multicast: frames for many go by multicast; else one by one, as with
	// configured peers.
	Multicast int64
	// Star: without multicast, the others are configured with host 1 only.
	Star int64
	// Ordered: host ids rise with the host numbers.
	Ordered int64
	// Loopback: a sender hears its own multicast.
	Loopback int64

	// Scale is how long the timings of core and detector are, and the bounds of
	// liveness with them, in percent of the defaults; 0 means just these.
	Scale int64

	DelayMin, DelayMean time.Duration
	// Loss strikes each receiver by itself, SenderLoss a multicast as a whole.
	Loss, SenderLoss int64
	// Dup frames come again, Replay later on average.
	Dup    int64
	Replay time.Duration
	// Reorder frames may overtake others on their link.
	Reorder int64
	// Inflight is how many frames a link holds, Inbox how many a stopped process's socket holds.
	Inflight, Inbox int64

	DiskMin, DiskMean time.Duration
	// DriftPPM is the most a clock runs wrong.
	DriftPPM int64
	// Tether: the operating system's word on watched processes reaches the
	// watchers; TetherLost of it gets lost.
	Tether, TetherLost int64

	// WorkEvery is the mean time between two acts of the workload.
	WorkEvery time.Duration
	// Burst acts send up to BurstMax messages, State acts change bits or attributes.
	Burst, BurstMax, State int64
	SizeMax, Big, Groups   int64

	// Ports is how many clients a host has at most, Names how many light groups
	// they know. Clients of the acts of the workload are theirs. Of their
	// joins Blocking ask to be asked; of what is asked Mute is not answered. Long
	// of their messages are long. Slow of their acts make a host slow.
	Ports, Names, Clients, Blocking, Mute, Long, Slow int64
	// Window is how many bytes may be under way in a view; 0 for the default.
	Window int64
	// Path is how long a frame may be, 0 for the default. Where it is set hosts say so
	// much of themselves that views go in pieces.
	Path int64
	// Measured: hosts find out what paths carry; else they take it for granted.
	Measured int64
	// LongMax is the length of the longest messages of ports; 0 means longMax.
	LongMax int64
	// States of the joins of clients want the state of the group, which has up to
	// StateMax bytes. Of the transfers Trouble go wrong.
	States, StateMax, Trouble int64

	// Sealed: the hosts have keys. Then an operator changes them every KeysEvery on
	// average, of the evictions KeepKeys leave the keys alone, and an attacker who has
	// recorded frames sends some again every ReplayEvery; 0 for never.
	Sealed, KeepKeys       int64
	KeysEvery, ReplayEvery time.Duration

	// Buggify sites: what a driver may do within its contract, and rarely does.
	SlowPersist, EarlyWake, LateWake, Poison int64

	// Safety is the length of one round of the safety phase, Rates how many
	// instances of each fault kind an hour brings.
	Safety time.Duration
	Rates  [faultKinds]int64
}

// HostsMax bounds the machines of a world, its spare ones for clones included.
const HostsMax = 62

// spares is the number of machines on which clones may come up.
const spares = 1

// HostsMost bounds Options.Hosts: the machines without the spare ones.
const HostsMost = HostsMax - spares

// Profile is a kind of seed.
type Profile int64

// Profiles. Most seeds mix fault classes at random intensities; quiet ones
// have none and demand that nobody is ever removed; single ones have one class.
const (
	Mixed Profile = iota
	Quiet
	Single
)

// Swarm draws the options of a seed. A fixed number of hosts overrides the
// drawn one; 0 leaves it.
func Swarm(seed uint64, hosts int) Options {
	r := newStream(seed, "options", 0)
	o := Options{Seed: seed, Hosts: drawHosts(r), Profile: drawProfile(r)}
	if hosts > 0 {
		o.Hosts = int64(hosts)
	}
	o.Safety = between(r, 9*time.Minute, 12*time.Minute)
	drawTransport(r, &o)
	drawNetwork(r, &o)
	drawHostsNature(r, &o)
	drawWork(r, &o)
	drawFaults(r, &o)
	if o.Profile == Quiet {
		o.calm()
	}
	drawScale(&o)
	drawClients(&o)
	drawPath(&o)
	drawStates(&o)
	drawSealed(&o)
	return o
}

// drawHosts: seven seeds of ten have 3 to 5 hosts, as most clusters that fail
// in the field; a few are large.
func drawHosts(r *rand.Rand) int64 {
	switch d := r.IntN(100); {
	case d < 70:
		return between[int64](r, 3, 5)
	case d < 97:
		return between[int64](r, 1, 9)
	default:
		return between[int64](r, 12, 40)
	}
}

func drawProfile(r *rand.Rand) Profile {
	switch d := r.IntN(100); {
	case d < 10:
		return Quiet
	case d < 20:
		return Single
	}
	return Mixed
}

func drawTransport(r *rand.Rand, o *Options) {
	o.Multicast = b2i(chance(r, 650_000))
	o.Star = b2i(chance(r, 300_000))
	o.Loopback = b2i(chance(r, 500_000))
	o.Tether = b2i(chance(r, 700_000))
	o.TetherLost = between[int64](r, 0, 300_000) * b2i(chance(r, 500_000))
}

func drawNetwork(r *rand.Rand, o *Options) {
	o.DelayMin = logBetween(r, 20*time.Microsecond, 10*time.Millisecond)
	o.DelayMean = logBetween(r, 10*time.Microsecond, 30*time.Millisecond)
	if chance(r, 500_000) {
		o.Loss = logBetween[int64](r, 1000, 200_000)
		o.SenderLoss = logBetween[int64](r, 100, 50_000)
	}
	if chance(r, 500_000) {
		o.Dup = logBetween[int64](r, 1000, 200_000)
		o.Replay = logBetween(r, time.Millisecond, 5*time.Second)
	}
	if chance(r, 500_000) {
		o.Reorder = logBetween[int64](r, 1000, million)
	}
	o.Inflight = logBetween[int64](r, 64, 4096)
	o.Inbox = logBetween[int64](r, 16, 1024)
}

func drawHostsNature(r *rand.Rand, o *Options) {
	o.DiskMin = logBetween(r, 50*time.Microsecond, 5*time.Millisecond)
	o.DiskMean = logBetween(r, 50*time.Microsecond, 20*time.Millisecond)
	o.DriftPPM = logBetween[int64](r, 1, 10_000)
	o.SlowPersist = drawSite(r)
	o.EarlyWake = drawSite(r)
	o.LateWake = drawSite(r)
	o.Poison = b2i(chance(r, 500_000))
}

// drawSite activates a buggify site in a quarter of the seeds, to fire now and then.
func drawSite(r *rand.Rand) int64 {
	return logBetween[int64](r, 1000, 250_000) * b2i(chance(r, 250_000))
}

func drawWork(r *rand.Rand, o *Options) {
	o.WorkEvery = logBetween(r, 400*time.Millisecond, 3200*time.Millisecond)
	o.Burst = logBetween[int64](r, 1000, 50_000)
	o.BurstMax = logBetween[int64](r, 4, 128)
	o.State = logBetween[int64](r, 5000, 200_000)
	o.SizeMax = logBetween[int64](r, 16, 1400)
	o.Big = drawSite(r) / 8
	o.Groups = between[int64](r, 1, 5)
}

// drawClients gives hosts clients in every second seed. In one of thirty they
// know hundreds of groups.
func drawClients(o *Options) {
	r := newStream(o.Seed, "clients.options", 0)
	if !chance(r, 500_000) {
		return
	}
	o.Ports, o.Names = between[int64](r, 1, 4), between[int64](r, 1, 6)
	if chance(r, 30_000) {
		o.Names = between[int64](r, 100, 400)
	}
	o.Clients = between[int64](r, 150_000, 500_000)
	o.Blocking = between[int64](r, 0, 600_000) * b2i(chance(r, 600_000))
	o.Mute = logBetween[int64](r, 10_000, 500_000) * b2i(chance(r, 500_000))
	o.Long = logBetween[int64](r, 500, 8000) * b2i(chance(r, 600_000))
	if o.Names < 100 && chance(r, 100_000) {
		o.Slow = logBetween[int64](r, 2000, 15_000) / max(1, o.Hosts/4)
		o.Window = logBetween[int64](r, 64<<10, 256<<10)
	}
}

// drawPath gives one seed of five a short path.
func drawPath(o *Options) {
	if r := newStream(o.Seed, "path", 0); chance(r, 200_000) {
		o.Path = between[int64](r, 548, 700)
	}
	r := newStream(o.Seed, "measured", 0)
	o.Measured = b2i(chance(r, 400_000))
}

// drawSealed gives one seed of four keys, and every second of these an attacker.
func drawSealed(o *Options) {
	r := newStream(o.Seed, "sealed.options", 0)
	if !chance(r, 250_000) {
		o.Rates[FaultCorrupt] = 0 // a checksum is no protection
		return
	}
	o.seal(r)
}

// EnsureSealed makes a world that was drawn plain a sealed one.
func (o *Options) EnsureSealed() {
	if o.Sealed == 0 {
		o.seal(newStream(o.Seed, "sealed.anyway", 0))
	}
}

func (o *Options) seal(r *rand.Rand) {
	o.Sealed = 1
	if o.Profile == Mixed {
		o.Rates[FaultCorrupt] = logBetween(r, 1, faultTable[FaultCorrupt].perHourMax) * b2i(chance(r, 500_000))
	}
	o.KeepKeys = between[int64](r, 0, million)
	o.KeysEvery = logBetween(r, 4*time.Second, 2*time.Minute)
	if chance(r, 500_000) {
		o.ReplayEvery = logBetween(r, 50*time.Millisecond, 5*time.Second)
	}
}

// drawStates lets ports want the state of their group in two of five seeds with
// clients, and makes long messages longer in one of thirty.
func drawStates(o *Options) {
	r := newStream(o.Seed, "states.options", 0)
	if o.Ports == 0 {
		return
	}
	if o.Long > 0 && chance(r, 60_000) {
		o.LongMax = between[int64](r, 300<<10, 700<<10)
	}
	if o.Names >= 100 || !chance(r, 400_000) {
		return
	}
	o.States = between[int64](r, 200_000, million)
	o.StateMax = logBetween[int64](r, 256, 1<<20)
	if chance(r, 50_000) {
		o.StateMax = stateMost
	}
	o.Trouble = logBetween[int64](r, 20_000, 500_000) * b2i(chance(r, 750_000))
}

// states reports whether the applications of ports have states.
func (o *Options) states() bool { return o.StateMax > 0 }

func (o *Options) longMax() int {
	if o.LongMax > 0 {
		return int(o.LongMax)
	}
	return longMax
}

// drawFaults lets each class in with p = 1/2, and each kind of a class that is
// in by an intensity of its own.
func drawFaults(r *rand.Rand, o *Options) {
	var in [classes]bool
	for c := range in {
		in[c] = chance(r, 500_000)
	}
	only := faultClass(r.IntN(int(classes)))
	for k := range faultTable {
		f := &faultTable[k]
		rate := logBetween(r, 1, f.perHourMax)
		if o.Profile == Single && f.class != only || o.Profile == Mixed && !in[f.class] {
			rate = 0
		}
		o.Rates[k] = rate
	}
}

// calm turns a seed quiet: a network as it should be, and no fault. What stays
// is what operators do in good order: leave and start again.
func (o *Options) calm() {
	o.DelayMin, o.DelayMean = min(o.DelayMin, time.Millisecond), min(o.DelayMean, 5*time.Millisecond)
	o.Loss, o.SenderLoss = min(o.Loss, 50_000), min(o.SenderLoss, 10_000)
	o.DiskMin, o.DiskMean = min(o.DiskMin, time.Millisecond), min(o.DiskMean, 2*time.Millisecond)
	o.LateWake = 0
	o.Inflight, o.Inbox = 4096, 1024
	for k := range o.Rates {
		o.Rates[k] = 0
	}
	o.Rates[FaultLeave] = 60
}

// livelier brings about more view changes, for a seed that had too few.
func (o *Options) livelier() {
	o.Rates[FaultLeave] = max(o.Rates[FaultLeave], 60)
	if o.Profile != Quiet {
		o.Rates[FaultKill] = max(o.Rates[FaultKill], 60)
	}
}

// Calm options are for scenarios and tests of the world: a LAN without any fault.
func Calm(seed uint64, hosts int) Options {
	return Options{
		Seed: seed, Hosts: int64(hosts), Ordered: 1, Multicast: 1, Tether: 1,
		DelayMin: time.Millisecond, Inflight: 4096, Inbox: 1024,
		DiskMin: time.Millisecond, WorkEvery: time.Second, SizeMax: 64, Groups: 1,
		Safety: time.Minute,
	}
}

// gentle reports whether nothing in the nature of the world could make a view
// change fail or a host look dead.
func (o *Options) gentle() bool {
	return o.Loss <= 50_000 && o.SenderLoss <= 10_000 && o.LateWake == 0 && o.SlowPersist == 0 &&
		o.DelayMin+o.DelayMean <= o.scaled(10*time.Millisecond) && o.DiskMin+o.DiskMean <= o.scaled(20*time.Millisecond) &&
		o.Inflight >= 1024 && o.Inbox >= 256
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// optionField names one number of the options for the text form.
type optionField struct {
	name string
	p    *int64
}

func (o *Options) fields() []optionField {
	list := []optionField{
		{"hosts", &o.Hosts},
		{"profile", (*int64)(&o.Profile)},
		{"multicast", &o.Multicast},
		{"star", &o.Star},
		{"ordered", &o.Ordered},
		{"loopback", &o.Loopback},
		{"scale", &o.Scale},
		{"delay-min", (*int64)(&o.DelayMin)},
		{"delay-mean", (*int64)(&o.DelayMean)},
		{"loss", &o.Loss},
		{"sender-loss", &o.SenderLoss},
		{"dup", &o.Dup},
		{"replay", (*int64)(&o.Replay)},
		{"reorder", &o.Reorder},
		{"inflight", &o.Inflight},
		{"inbox", &o.Inbox},
		{"disk-min", (*int64)(&o.DiskMin)},
		{"disk-mean", (*int64)(&o.DiskMean)},
		{"drift", &o.DriftPPM},
		{"tether", &o.Tether},
		{"tether-lost", &o.TetherLost},
		{"work-every", (*int64)(&o.WorkEvery)},
		{"burst", &o.Burst},
		{"burst-max", &o.BurstMax},
		{"state", &o.State},
		{"size-max", &o.SizeMax},
		{"big", &o.Big},
		{"groups", &o.Groups},
		{"ports", &o.Ports},
		{"names", &o.Names},
		{"clients", &o.Clients},
		{"blocking", &o.Blocking},
		{"mute", &o.Mute},
		{"long", &o.Long},
		{"slow", &o.Slow},
		{"window", &o.Window},
		{"path", &o.Path},
		{"measured", &o.Measured},
		{"long-max", &o.LongMax},
		{"states", &o.States},
		{"state-max", &o.StateMax},
		{"trouble", &o.Trouble},
		{"sealed", &o.Sealed},
		{"keep-keys", &o.KeepKeys},
		{"keys-every", (*int64)(&o.KeysEvery)},
		{"replay-every", (*int64)(&o.ReplayEvery)},
		{"slow-persist", &o.SlowPersist},
		{"early-wake", &o.EarlyWake},
		{"late-wake", &o.LateWake},
		{"poison", &o.Poison},
		{"safety", (*int64)(&o.Safety)},
	}
	for k := range o.Rates {
		list = append(list, optionField{"rate." + faultTable[k].name, &o.Rates[k]})
	}
	return list
}

// String writes the options that are not zero as "key=value" words; durations
// are in nanoseconds.
func (o Options) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed=%d", o.Seed)
	for _, f := range o.fields() {
		if *f.p != 0 {
			fmt.Fprintf(&b, " %s=%d", f.name, *f.p)
		}
	}
	return b.String()
}

// ParseOptions reads what String wrote. What is not named is zero.
func ParseOptions(s string) (Options, error) {
	var o Options
	fields := o.fields()
	for word := range strings.FieldsSeq(s) {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return o, fmt.Errorf("option %q: want key=value", word)
		}
		if key == "seed" {
			n, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				return o, fmt.Errorf("option %q: %w", word, err)
			}
			o.Seed = n
			continue
		}
		if err := setOption(fields, key, value); err != nil {
			return o, err
		}
	}
	return o, o.validate()
}

func setOption(fields []optionField, key, value string) error {
	for _, f := range fields {
		if f.name != key {
			continue
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("option %s=%q: %w", key, value, err)
		}
		*f.p = n
		return nil
	}
	return fmt.Errorf("option %q is not known", key)
}

func (o *Options) validate() error {
	if o.Hosts < 1 || o.Hosts > HostsMax-spares {
		return fmt.Errorf("hosts=%d: want 1..%d", o.Hosts, HostsMax-spares)
	}
	for _, f := range o.fields() {
		if *f.p < 0 {
			return fmt.Errorf("option %s=%d is below 0", f.name, *f.p)
		}
	}
	if o.Scale != 0 && (o.Scale < scaleMin || o.Scale > scaleMax) {
		return fmt.Errorf("scale=%d: want 0 or %d..%d", o.Scale, scaleMin, scaleMax)
	}
	return nil
}
