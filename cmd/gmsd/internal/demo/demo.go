package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/tracelog"
)

// Options of a demo.
type Options struct {
	// Binary is the gmsd to run.
	Binary string
	// Hosts is their number, 3 to 32 (1 to 32 with a script of one's own).
	Hosts int
	// Script is the story; empty: DefaultScript.
	Script string
	// Mode is "auto", "netns" or "loopback".
	Mode string
	// Keep leaves the daemons running at the end.
	Keep bool
	// JSON prints one object at the end and nothing before.
	JSON bool
	Out  io.Writer
}

// HostsMax bounds a demo on one machine.
const HostsMax = 32

// ErrStory: something that must follow did not.
var ErrStory = errors.New("the story went wrong")

// OptionsError says that the options or the script cannot be played.
type OptionsError struct{ Err error }

func (e *OptionsError) Error() string { return e.Err.Error() }
func (e *OptionsError) Unwrap() error { return e.Err }

// Outcome is what the demo prints as JSON.
type Outcome struct {
	Links    string   `json:"links"`
	Hosts    int      `json:"hosts"`
	Scenes   []Scene  `json:"scenes"`
	Sent     int      `json:"sent"`
	Received int      `json:"delivered"`
	Verdict  *Verdict `json:"check"`
	Dir      string   `json:"dir,omitempty"`
	PIDs     []int    `json:"pids,omitempty"`
	Seconds  float64  `json:"seconds"`
	Failure  string   `json:"failure,omitempty"`
}

// Run plays the demo. It returns when everything is cleaned up, or, with Keep,
// when the story is told. A ctx that ends stops it at once, with its error.
func Run(ctx context.Context, o Options) error {
	if o.Hosts < 1 || o.Hosts > HostsMax || o.Hosts < 3 && o.Script == "" {
		return &OptionsError{fmt.Errorf("%d hosts: want 3 to %d", o.Hosts, HostsMax)}
	}
	text := o.Script
	if text == "" {
		text = DefaultScript(o.Hosts)
	}
	acts, err := ParseScript(text, o.Hosts)
	if err != nil {
		return &OptionsError{err}
	}
	if _, err := Cleanup(false); err != nil {
		return fmt.Errorf("what an earlier demo left cannot be removed: %w", err)
	}
	p, err := prepare(o)
	if err != nil {
		return err
	}
	outcome, err := p.perform(ctx, acts)
	return p.finish(outcome, err)
}

// production is a demo with its place: directory, links, cast.
type production struct {
	o       Options
	dir     string
	links   links
	story   *story
	remains remains
	begun   time.Time
	// key is the name of the group's.
	key keys.ID
}

func prepare(o Options) (*production, error) {
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	p := &production{o: o, dir: dir, begun: time.Now(), remains: remains{Owner: os.Getpid()}}
	for h := 1; h <= o.Hosts; h++ {
		p.remains.Namespaces = append(p.remains.Namespaces, namespacePrefix(os.Getpid())+hostName(h))
	}
	p.remains.Namespaces = append(p.remains.Namespaces, namespacePrefix(os.Getpid())+"sw")
	if err := p.remains.write(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if p.key, err = makeKeys(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if p.links, err = makeLinks(o, dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	out := &narrator{out: o.Out}
	if o.JSON {
		out.out = nil
	}
	c := &cast{binary: o.Binary, dir: dir, group: filepath.Base(dir), links: p.links, keep: o.Keep, players: make([]*player, o.Hosts)}
	p.story = &story{stage: newStage(o.Hosts), cast: c, links: p.links, out: out}
	for h := 1; h <= o.Hosts; h++ {
		p.story.logs = append(p.story.logs, tracelog.Follow(eventLogOf(dir, h), nil))
	}
	return p, nil
}

// makeKeys makes the key file that all daemons share.
func makeKeys(dir string) (keys.ID, error) {
	k, err := keys.NewKey(rand.Reader)
	if err != nil {
		return 0, err
	}
	return k.ID(), keyfile.Create(keyFileIn(dir), keys.NewRing(k, time.Now().Unix()))
}

func makeLinks(o Options, dir string) (links, error) {
	var why error
	switch o.Mode {
	case "netns":
		return newNamespaces(os.Getpid(), o.Hosts)
	case "auto", "":
		n, err := newNamespaces(os.Getpid(), o.Hosts)
		if err == nil {
			return n, nil
		}
		why = err
	case "loopback":
		why = errors.New("not asked for")
	default:
		return nil, &OptionsError{fmt.Errorf("--links %q: want auto, netns or loopback", o.Mode)}
	}
	return newLoopback(dir, o.Hosts, why)
}

// perform plays the acts, with chatter in the background.
func (p *production) perform(ctx context.Context, acts []Act) (*Outcome, error) {
	s := p.story
	s.out.printf("gmsd demo: %d daemons, sealed with key %s, %s\nlogs: %s (%s)\n", p.o.Hosts, p.key, p.links.describe(), p.dir, fateOfLogs(p.o.Keep))
	talking, quiet := context.WithCancel(ctx)
	silent := make(chan struct{})
	go func() {
		defer close(silent)
		chatter(talking, p.dir, p.o.Hosts)
	}()
	var err error
	for _, a := range acts {
		if err = s.play(ctx, a); err != nil {
			break
		}
	}
	quiet()
	<-silent
	outcome := &Outcome{Links: p.links.describe(), Hosts: p.o.Hosts, Scenes: s.scenes}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrStory, err)
	}
	return outcome, err
}

func fateOfLogs(keep bool) string {
	if keep {
		return "they stay until gmsd demo --cleanup"
	}
	return "removed at the end, unless something goes wrong; --keep leaves them"
}

// finish stops the daemons, judges their logs, prints, and cleans up.
func (p *production) finish(outcome *Outcome, err error) error {
	s := p.story
	interrupted := errors.Is(err, context.Canceled)
	if p.o.Keep && err == nil {
		outcome.Dir, outcome.PIDs = p.dir, s.cast.pids()
		p.remains.Keep, p.remains.PIDs = true, outcome.PIDs
		err = p.remains.write(p.dir)
	} else {
		err = errors.Join(err, s.cast.stop(!interrupted))
	}
	if !interrupted {
		err = errors.Join(err, p.judge(outcome))
	}
	for _, l := range s.logs {
		l.Close()
	}
	outcome.Seconds = time.Since(p.begun).Seconds()
	if err != nil {
		outcome.Failure = err.Error()
	}
	if !interrupted {
		err = errors.Join(err, p.print(outcome))
	}
	switch {
	case outcome.PIDs != nil: // kept
	case err != nil && !interrupted:
		err = errors.Join(err, p.keepLogs())
	default:
		err = errors.Join(err, p.links.close(), os.RemoveAll(p.dir))
	}
	return err
}

// keepLogs leaves what the reader of a failure needs; the next --cleanup takes it.
func (p *production) keepLogs() error {
	p.remains.Keep, p.remains.PIDs = true, nil
	p.story.out.printf("the logs of this failure stay in %s until gmsd demo --cleanup\n", p.dir)
	return errors.Join(p.links.close(), p.remains.write(p.dir))
}

func (p *production) judge(outcome *Outcome) error {
	for _, l := range p.story.logs {
		if err := l.Poll(); err != nil {
			return err
		}
		outcome.Sent += l.Sent
		outcome.Received += l.Delivered
	}
	var err error
	if outcome.Verdict, err = judge(p.dir, p.o.Hosts); err != nil {
		return fmt.Errorf("the event logs cannot be checked: %w", err)
	}
	if n := len(outcome.Verdict.Violations); n > 0 {
		return fmt.Errorf("%w: %d promises broken, the first: %s", ErrStory, n, outcome.Verdict.Violations[0])
	}
	return nil
}

func (p *production) print(outcome *Outcome) error {
	if p.o.JSON {
		raw, err := json.Marshal(outcome)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.o.Out, "%s\n", raw)
		return err
	}
	drawPicture(p.o.Out, outcome.Scenes)
	drawTable(p.o.Out, outcome.Scenes)
	out := p.story.out
	out.printf("\n%d messages were sent meanwhile, %d deliveries\n", outcome.Sent, outcome.Received)
	if v := outcome.Verdict; v != nil {
		out.printf("checked: %d properties, %d violations (over %d lines of the event logs)\n", v.Properties, len(v.Violations), v.Records)
		for _, x := range v.Violations {
			out.printf("  %s\n", x)
		}
	}
	if outcome.PIDs != nil {
		p.printKept(outcome)
	}
	out.printf("done in %.1f s\n", outcome.Seconds)
	return nil
}

func (p *production) printKept(outcome *Outcome) {
	out := p.story.out
	out.printf("\nThe daemons go on (pids %s). Talk to them:\n", pidText(outcome.PIDs))
	for h := 1; h <= p.o.Hosts; h++ {
		if p.story.stage.lives[h-1] == running {
			out.printf("  gmsd view --admin %s\n", socketOf(p.dir, h))
		}
	}
	out.printf("End them with: gmsd demo --cleanup\n")
}
