package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

var leaveCommand = &command{
	name: "leave", args: "[--json] [--admin SOCKET]",
	short:    "leave the group gracefully; the daemon ends",
	long:     `Leave takes the local host out of the group: the others complete its messages, install a view without it, and the daemon ends.`,
	examples: `  gmsd leave`,
	flags:    (*call).queryFlags,
	run:      runLeave,
}

var evictCommand = &command{
	name: "evict", args: "HOST [--keep-keys] [--json] [--admin SOCKET]",
	short: "remove a member by your word",
	long: `Evict removes a member that does not go by itself, and expels it: the group gets a
fresh key, and that host has none until you give it the key file of a member and
start it again. HOST is its name, its host id, or at least the first 8 digits of that;
where that may be any of several hosts nothing is done, and they are listed.
A host that is down, and even one that was never a member while this one ran, loses
the keys all the same: name it by its whole host id where no view of late has it.

With --keep-keys, or with insecure-lab, it is only removed: a daemon that lives
joins again once it is started anew.`,
	examples: `  gmsd evict h3
  gmsd evict --keep-keys 1a2b3c4d`,
	flags: func(c *call) {
		c.queryFlags()
		c.set.BoolVar(&c.keepKeys, "keep-keys", false, "do not change the keys: the host may come back")
	},
	run: runEvict, needs: []string{"HOST, who is to go,"}, argsMax: 1,
}

func runLeave(c *call) error {
	ctx, cancel := c.limited()
	defer cancel()
	body, err := c.client().Do(ctx, http.MethodPost, "/v1/leave?timeout="+c.timeout.String(), nil)
	if err != nil {
		return err
	}
	if c.json {
		_, err = c.out.Write(body)
		return err
	}
	fmt.Fprintln(c.out, "left")
	return nil
}

func runEvict(c *call) error {
	ctx, cancel := c.limited()
	defer cancel()
	body, err := c.client().Do(ctx, http.MethodPost, "/v1/evict/"+url.PathEscape(c.words[0])+"?timeout="+c.timeout.String()+"&keep-keys="+strconv.FormatBool(c.keepKeys), nil)
	if err != nil {
		return err
	}
	if c.json {
		_, err = c.out.Write(body)
		return err
	}
	var answer struct{ Evicted, Name string }
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("not an answer to an eviction: %w", err)
	}
	if answer.Name == "" {
		answer.Name, answer.Evicted = answer.Evicted, "no member"
	}
	fmt.Fprintf(c.out, "evicted %s (%s)\n", answer.Name, answer.Evicted)
	return nil
}
