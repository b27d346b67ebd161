package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
)

var keysCommand = &command{
	name: "keys", args: "gen|list|install|use ID|remove ID|client [--out FILE] [--json] [--admin ADDR]",
	short: "make, show and change the keys of the group",
	long: `Whoever has the key file of a group can read it and join it. Every host has the
same file (mode 0600) and names it with --key-file.

  gen         a new ring with one key, to stdout, or to a new file with --out
  list        the keys of the running group, and how far each host is with them
  install     draw a fresh key and give it to all members; nobody uses it yet
  use ID      seal with that key; each host follows once all members have it
  remove ID   forget that key for good; it opens until nobody seals with it
  client      a certificate for the admin interface over the network (admin-tls),
              made of the key file, to a new file; good for its --days, and no longer
              than the key that is in use now is in the ring

A rotation is install, use, remove. The daemons write their key files themselves;
no view changes for it and no message is lost. These three wait until all members
have followed, and say who has not. Hosts that are away do not hear of a change; those
that are known are named. They get a new key by themselves when they come back, as
long as one of theirs was not removed; copy the key file of a member to them otherwise.`,
	examples: `  gmsd keys gen --out /etc/gmsd.keys
  gmsd keys install
  gmsd keys use 3f9a12cd
  gmsd keys client --role operate --name ann --key-file /etc/gmsd.keys --out ann.pem
  gmsd keys list`,
	flags: func(c *call) {
		c.queryFlags()
		c.set.StringVar(&c.keyOut, "out", "", "for gen and client: the new `file`")
		c.keysClientFlags()
	},
	run: runKeys, needs: []string{"what to do (gen, list, install, use ID, remove ID or client)"}, argsMax: 2,
}

func runKeys(c *call) error {
	verb, want := c.words[0], 1
	if verb == "use" || verb == "remove" {
		want = 2
	}
	switch {
	case len(c.words) < want:
		return fmt.Errorf("%w: gmsd keys %s: name the key, for example %s 3f9a12cd; gmsd keys list shows them", settings.ErrUsage, verb, verb)
	case len(c.words) > want:
		return fmt.Errorf("%w: %q is one word too many", settings.ErrUsage, c.words[want])
	}
	if err := c.strayKeyFlag(verb); err != nil {
		return err
	}
	switch verb {
	case "gen":
		return c.keysGen()
	case "client":
		return c.keysClient()
	case "list":
		return c.keysList()
	case "install", "use", "remove":
		return c.keysChange(verb)
	}
	return fmt.Errorf("%w: gmsd keys %s does not exist: gen, list, install, use, remove or client", settings.ErrUsage, verb)
}

// strayKeyFlag names a flag of another verb, which would count for nothing.
func (c *call) strayKeyFlag(verb string) (err error) {
	c.set.Visit(func(f *flag.Flag) {
		switch {
		case verb == "client":
		case f.Name == "out" && verb != "gen":
			err = fmt.Errorf("%w: --out is for gmsd keys gen and client alone", settings.ErrUsage)
		case slices.Contains([]string{"role", "name", "days", "key-file"}, f.Name):
			err = fmt.Errorf("%w: --%s is for gmsd keys client alone", settings.ErrUsage, f.Name)
		}
	})
	return err
}

// newRing is the JSON of keys gen: the key's id, and where the ring is, or itself.
type newRing struct {
	Key  string `json:"key"`
	File string `json:"file,omitempty"`
	Ring string `json:"ring,omitempty"`
}

func (c *call) keysGen() error {
	k, err := keys.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	ring := keys.NewRing(k, time.Now().Unix())
	made := newRing{Key: k.ID().String(), File: c.keyOut}
	if c.keyOut != "" {
		if err := keyfile.Create(c.keyOut, ring); err != nil {
			return coded(exitRefused, "%v", err)
		}
	} else {
		made.Ring = string(ring.Text())
	}
	switch {
	case c.json:
		return c.printJSON(made)
	case c.keyOut == "":
		_, err = c.out.Write(ring.Text())
		return err
	}
	fmt.Fprintf(c.out, "made %s with key %s: give every host of the group the same file\n", c.keyOut, k.ID())
	return nil
}

func (c *call) keysList() error {
	if c.json {
		return c.copyAnswer("/v1/keys")
	}
	ctx, cancel := c.limited()
	defer cancel()
	a, err := c.askKeys(ctx)
	if err != nil {
		return err
	}
	c.printKeys(a)
	return nil
}

func (c *call) askKeys(ctx context.Context) (*admin.KeysAnswer, error) {
	a := new(admin.KeysAnswer)
	return a, c.client().Read(ctx, "/v1/keys", a)
}

func (c *call) printKeys(a *admin.KeysAnswer) {
	if !a.Sealed {
		fmt.Fprintln(c.out, "no keys: this group runs with insecure-lab, and nothing is sealed")
		return
	}
	tab := newTable(c.out, 2)
	fmt.Fprintln(tab, "KEY\tMADE\t")
	for _, k := range a.Keys {
		word := ""
		if k.InUse {
			word = "in use"
		}
		fmt.Fprintf(tab, "%s\t%s\t%s\n", k.ID, k.Made, word)
	}
	fmt.Fprintln(tab, "\nHOST\tSEALS WITH\tHAS")
	for _, h := range a.Hosts {
		if !h.Known {
			fmt.Fprintf(tab, "%s\t(does not answer)\t\n", h.Name)
			continue
		}
		fmt.Fprintf(tab, "%s\t%s\t%s\n", h.Name, h.Sending, strings.Join(h.Has, " "))
	}
	_ = tab.Flush() // c.out keeps its error
	if len(a.Removed) > 0 {
		fmt.Fprintln(c.out, "removed:", strings.Join(a.Removed, " "))
	}
	for _, h := range a.Barred {
		fmt.Fprintf(c.out, "expelled: %s gets no key\n", h.Short())
	}
	for _, h := range firstOf(a.Absent) {
		fmt.Fprintln(c.out, "away:", describeAbsent(&h))
	}
	if more := len(a.Absent) - absentShown; more > 0 {
		fmt.Fprintf(c.out, "away: and %d more; --json lists them\n", more)
	}
	if a.Fault != "" {
		fmt.Fprintln(c.out, "the key file here could not be written:", a.Fault)
	}
}

// keysChange changes the ring and waits until every member has followed.
func (c *call) keysChange(verb string) error {
	ctx, cancel := c.limited()
	defer cancel()
	body := admin.KeysBody{Op: verb}
	if len(c.words) > 1 {
		body.ID = strings.ToLower(c.words[1])
	}
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answer, err := c.client().Do(ctx, http.MethodPost, "/v1/keys", sent)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return fmt.Errorf("not an answer about keys: %w", err)
	}
	a, err := c.awaitKeys(ctx)
	if err != nil {
		return err
	}
	late := lateHosts(a)
	c.warnAbsent(verb, a.Absent)
	switch {
	case c.json:
		if err := c.printJSON(a); err != nil {
			return err
		}
	default:
		fmt.Fprintf(c.out, "%s %s\n\n", map[string]string{"install": "installed", "use": "using", "remove": "removed"}[verb], body.ID)
		c.printKeys(a)
	}
	if len(late) > 0 {
		return coded(exitTimeout, "not all hosts have followed: %s; they will once they can, gmsd keys list shows it", strings.Join(late, ", "))
	}
	return nil
}

// awaitKeys asks until all members have the ring and seal with the key in use, or
// the time is over.
func (c *call) awaitKeys(ctx context.Context) (*admin.KeysAnswer, error) {
	ending, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var last *admin.KeysAnswer
	for {
		a, err := c.askKeys(ending)
		switch {
		case err == nil:
			last = a
		case last == nil || ctx.Err() != nil:
			return nil, err
		default:
			return last, nil
		}
		if len(lateHosts(a)) == 0 {
			return a, nil
		}
		timer := time.NewTimer(100 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ending.Done():
			timer.Stop()
			return last, nil
		}
	}
}

// lateHosts names those that have not told that they are where they should be.
func lateHosts(a *admin.KeysAnswer) []string {
	var late []string
	for _, h := range a.Hosts {
		if !h.Known || !h.Current || h.Sending != a.Using {
			late = append(late, h.Name)
		}
	}
	return late
}
