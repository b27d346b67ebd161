package scenario

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/sim"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Command is one stanza: its words and its key=value options.
type Command struct {
	Name    string
	Words   []string
	Options map[string]string
}

// Do plays one command and gives what happened, and the expectations that did
// not hold.
func (f *Film) Do(c Command) (output string, faults []string) {
	f.faults = nil
	do, ok := commands[c.Name]
	switch {
	case !ok:
		f.fault("command %q is not known", c.Name)
		return "", f.faults
	case f.over:
		f.fault("%s: the film is over", c.Name)
		return "", f.faults
	case f.w == nil && c.Name != "add-hosts":
		f.fault("%s: the film begins with add-hosts", c.Name)
		return "", f.faults
	}
	text, err := do(f, &c)
	if err != nil {
		f.fault("%s: %v", c.Name, err)
	}
	if f.w != nil && !f.over {
		if failure := f.w.Failure(); failure != nil {
			f.over = true
			f.fault("%v", failure)
		}
		if why := f.w.Over(); why != "" {
			f.over = true
			f.fault("the run ended: %s", why)
		}
	}
	output = f.develop() + text
	for _, fault := range f.faults {
		output += "FAULT: " + fault + "\n"
	}
	return output, f.faults
}

type handler func(f *Film, c *Command) (string, error)

var commands map[string]handler

func init() { //nolint:gochecknoinits // the table names functions that read it
	commands = map[string]handler{
		"add-hosts": addHosts, "advance": advance, "stabilize": stabilize,
		"start": start, "restart": start,
		"partition": partition, "cut": cut, "mend": mend, "heal": heal, "multicast": multicast,
		"crash": crash, "pause": each(func(w *sim.World, n int) { w.Host(n).Pause() }),
		"resume":   each(func(w *sim.World, n int) { w.Host(n).Resume() }),
		"wipe":     each(func(w *sim.World, n int) { w.Host(n).Wipe() }),
		"snapshot": each((*sim.World).Snapshot),
		"rollback": each(func(w *sim.World, n int) { w.Host(n).Rollback() }),
		"leave":    each((*sim.World).Leave), "fail-disk": each((*sim.World).FailDisk),
		"churn": churn, "slow-disk": slowDisk, "clone": clone, "evict": evict, "send": send,
		"set-bits": setBits, "set-attr": setAttr, "evidence": evidence,
		"drop": gate(actDrop), "hold": gate(actHold), "release": release,
		"remember": gate(actRemember), "replay": replay, "crash-when": crashWhen,
		"views": currentViews, "status": status, "show": show(true), "hide": show(false),
		"expect-view": expectView, "expect-alone": expectAlone, "expect-down": expectDown,
		"expect-delivered": expectDelivered, "expect-installs": expectInstalls, "check": check,
	}
}

// word gives the i-th word, or an error that says what is missing.
func (c *Command) word(i int, what string) (string, error) {
	if i >= len(c.Words) {
		return "", fmt.Errorf("%s is missing", what)
	}
	return c.Words[i], nil
}

func (c *Command) duration(key string, otherwise time.Duration) (time.Duration, error) {
	if text, ok := c.Options[key]; ok {
		return time.ParseDuration(text)
	}
	return otherwise, nil
}

func (c *Command) number(key string, otherwise int) (int, error) {
	if text, ok := c.Options[key]; ok {
		return strconv.Atoi(text)
	}
	return otherwise, nil
}

func (c *Command) has(word string) bool {
	for _, w := range c.Words {
		if w == word {
			return true
		}
	}
	return false
}

// set reads a selector.
func (f *Film) set(text string) (sim.HostSet, error) {
	switch text {
	case "all":
		return f.w.All(), nil
	case "spare":
		return sim.HostSet(1) << f.w.Machines(), nil
	case "coord":
		return f.w.Coordinator(), nil
	case "rest":
		return f.w.All() &^ f.w.Coordinator(), nil
	}
	s, err := sim.ParseHosts(text)
	if err == nil && s>>(f.w.Machines()+1) != 0 {
		err = fmt.Errorf("hosts %s: there are %d", text, f.w.Machines())
	}
	return s, err
}

func (f *Film) wordSet(c *Command, i int) (sim.HostSet, error) {
	text, err := c.word(i, "the set of hosts")
	if err != nil {
		return 0, err
	}
	return f.set(text)
}

// link reads SET->SET.
func (f *Film) link(c *Command) (from, to sim.HostSet, err error) {
	text, err := c.word(0, "the link")
	if err != nil {
		return 0, 0, err
	}
	a, b, ok := strings.Cut(text, "->")
	if !ok {
		return 0, 0, fmt.Errorf("link %q: want SET->SET", text)
	}
	if from, err = f.set(a); err == nil {
		to, err = f.set(b)
	}
	return from, to, err
}

// each makes a command that does one thing to every host of a set.
func each(do func(w *sim.World, n int)) handler {
	return func(f *Film, c *Command) (string, error) {
		s, err := f.wordSet(c, 0)
		for _, n := range s.Numbers() {
			do(f.w, n)
		}
		return "", err
	}
}

func addHosts(f *Film, c *Command) (string, error) {
	text, err := c.word(0, "the number of hosts")
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > sim.HostsMax-1 {
		return "", fmt.Errorf("number of hosts %q: want 1..%d", text, sim.HostsMax-1)
	}
	seed, err := c.number("seed", 1)
	if err != nil {
		return "", err
	}
	o := sim.Calm(uint64(seed), n)
	loss, err := c.number("loss", 0)
	o.Loss = int64(loss)
	if err == nil {
		o.DelayMin, err = c.duration("delay", o.DelayMin)
	}
	window, werr := c.number("window", 0)
	o.Window = int64(window)
	if err == nil {
		err = werr
	}
	state, serr := c.number("state", 0)
	o.StateMax = int64(state)
	if err == nil {
		err = serr
	}
	if c.Options["transport"] == "udp" {
		o.Multicast = 0
	}
	if c.has("sealed") {
		o.Sealed = 1
	}
	if c.has("star") {
		o.Star = 1
	}
	if c.Options["tether"] == "off" {
		o.Tether = 0
	}
	f.begin(o)
	f.gates.delay = o.DelayMin
	if err != nil || c.Options["start"] == "off" {
		return "", err
	}
	for i := 1; i <= n; i++ {
		f.w.Start(i)
	}
	f.stabilize(30 * time.Second)
	f.lines = f.lines[:0]
	clear(f.delivered)
	clear(f.installs)
	return currentViews(f, c)
}

func advance(f *Film, c *Command) (string, error) {
	text, err := c.word(0, "the duration")
	if err != nil {
		return "", err
	}
	d, err := time.ParseDuration(text)
	if err == nil {
		f.w.RunFor(d)
	}
	return "", err
}

func stabilize(f *Film, c *Command) (string, error) {
	limit, err := c.duration("max", 30*time.Second)
	if err == nil {
		f.stabilize(limit)
	}
	return "", err
}

func start(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	for _, n := range s.Numbers() {
		f.w.Host(n).Kill(false)
		f.w.Start(n)
	}
	return "", err
}

// churn starts hosts again and again, untold: the views rise so far that whoever
// was not there needs its disk for the next promise.
func churn(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	for range churnTimes {
		for _, n := range s.Numbers() {
			f.w.Host(n).Kill(false)
			f.w.Start(n)
		}
		f.stabilize(30 * time.Second)
	}
	f.lines = f.lines[:0]
	clear(f.installs)
	return "", err
}

// churnTimes is more than how far a host promises ahead.
const churnTimes = 32

func crash(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	for _, n := range s.Numbers() {
		f.w.Host(n).Kill(c.has("power"))
	}
	return "", err
}

func clone(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err == nil && s.Size() == 1 {
		f.w.Clone(s.First(), c.has("twins"))
	}
	return "", err
}

func evict(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	by, err := f.set(c.Options["by"])
	for _, n := range s.Numbers() {
		f.w.Evict(by.First(), n, c.has("keep-keys"))
	}
	return "", err
}

func slowDisk(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	text, err := c.word(1, "the delay")
	if err != nil {
		return "", err
	}
	d, err := time.ParseDuration(text)
	for _, n := range s.Numbers() {
		f.w.SlowDisk(n, d)
	}
	return "", err
}

func send(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	name, err := c.word(1, "the order")
	if err != nil {
		return "", err
	}
	order, ok := views.ParseOrder(name)
	if !ok {
		return "", fmt.Errorf("order %q: want fifo, agreed or safe", name)
	}
	text, err := c.word(2, "the text")
	if err != nil {
		return "", err
	}
	count, err := c.number("count", 1)
	if err != nil {
		return "", err
	}
	group := c.Options["group"]
	if group == "" {
		group = "g"
	}
	port, err := c.number("port", 0)
	if err != nil {
		return "", err
	}
	payload, err := c.payload(text)
	for range count {
		for _, n := range s.Numbers() {
			if !f.w.Send(n, uint32(port), group, order, payload) {
				f.say(n, "is down or stopped")
			}
		}
	}
	return "", err
}

// payload is the text, again and again where it is to be longer.
func (c *Command) payload(text string) ([]byte, error) {
	n, err := c.number("len", len(text))
	return bytes.Repeat([]byte(text), n/len(text)+1)[:n], err
}

func setBits(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	text, err := c.word(1, "the bits")
	var bits views.Bits
	for name := range strings.SplitSeq(text, ",") {
		switch name {
		case "started":
			bits |= views.Started
		case "has-db":
			bits |= views.HasDB
		case "synced":
			bits |= views.Synced
		case "none":
		default:
			err = fmt.Errorf("bit %q: want started, has-db, synced or none", name)
		}
	}
	for _, n := range s.Numbers() {
		f.w.Give(n, engine.SetState{Mask: views.Started | views.HasDB | views.Synced, Bits: bits})
	}
	return "", err
}

func setAttr(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	var attrs []views.Attr
	for key, value := range c.Options {
		attrs = append(attrs, views.Attr{Key: key, Value: value})
	}
	if len(attrs) != 1 {
		return "", fmt.Errorf("want one KEY=VALUE")
	}
	for _, n := range s.Numbers() {
		f.w.Give(n, engine.SetState{SetAttrs: true, Attrs: attrs})
	}
	return "", err
}

var evidenceWords = map[string]message.Evidence{
	"none": message.EvidenceNone, "closed": message.EvidenceClosed,
	"refused": message.EvidenceRefused, "replaced": message.EvidenceReplaced,
}

func evidence(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	of, err := f.set(c.Options["of"])
	if err != nil {
		return "", err
	}
	name, err := c.word(1, "the evidence")
	found, ok := evidenceWords[name]
	if err == nil && !ok {
		err = fmt.Errorf("evidence %q is not known", name)
	}
	for _, n := range s.Numbers() {
		for _, o := range of.Numbers() {
			f.w.Give(n, engine.Evidence{Process: f.w.Host(o).Process(), Found: found})
		}
	}
	return "", err
}
