package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

var leaveCommand = &command{
	name: "leave", args: "[--admin SOCKET]",
	short:    "leave the group gracefully; the daemon ends",
	long:     `Leave takes the local host out of the group: the others complete its messages, install a view without it, and the daemon ends.`,
	examples: `  gmsd leave`,
	flags:    (*call).adminFlags,
	run:      runLeave,
}

var evictCommand = &command{
	name: "evict", args: "HOST [--admin SOCKET]",
	short: "remove a member by your word",
	long: `Evict removes a member that does not go by itself. HOST is its name, its host
id, or at least the first 8 digits of that. It does not forbid the host to come
back: a daemon that lives joins again.`,
	examples: `  gmsd evict h3
  gmsd evict 1a2b3c4d`,
	flags: (*call).adminFlags,
	run:   runEvict, argsMin: 1, argsMax: 1,
}

func runLeave(c *call) error {
	ctx, cancel := c.limited()
	defer cancel()
	if _, err := c.client().Do(ctx, http.MethodPost, "/v1/leave?timeout="+c.timeout.String(), nil); err != nil {
		return err
	}
	fmt.Fprintln(c.out, "left")
	return nil
}

func runEvict(c *call) error {
	ctx, cancel := c.limited()
	defer cancel()
	body, err := c.client().Do(ctx, http.MethodPost, "/v1/evict/"+url.PathEscape(c.words[0])+"?timeout="+c.timeout.String(), nil)
	if err != nil {
		return err
	}
	var answer struct{ Evicted, Name string }
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("not an answer to an eviction: %w", err)
	}
	fmt.Fprintf(c.out, "evicted %s (%s)\n", answer.Name, answer.Evicted)
	return nil
}
