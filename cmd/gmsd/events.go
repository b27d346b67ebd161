package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var eventsCommand = &command{
	name: "events", args: "[-f] [--since N] [--json] [--admin ADDR]",
	short: "what the daemon did, in order",
	long: `Events prints the event log from the daemon's memory (its last 65,536 lines),
oldest first. With -f it goes on with what happens. --since N begins behind
line N, so a reader can resume; lines that are gone are an error, not a gap.`,
	examples: `  gmsd events
  gmsd events -f
  gmsd events --since 1200 --json >> my.log`,
	flags: func(c *call) {
		c.queryFlags()
		c.set.BoolVar(&c.follow, "f", false, "follow: go on with what happens")
		c.set.Uint64Var(&c.since, "since", 0, "begin behind the line with this `n`")
	},
	run: runEvents,
}

func runEvents(c *call) error {
	path := "/v1/events?since=" + strconv.FormatUint(c.since, 10)
	if c.follow {
		path += "&follow=1"
	}
	return c.printLines(path, func(line []byte) (string, error) { return describeLine(line), nil })
}

// describeLine makes a line of the event log readable: number, seconds on the
// host's clock, event, and its keys in alphabetic order.
func describeLine(line []byte) string {
	var keys map[string]json.RawMessage
	if json.Unmarshal(line, &keys) != nil {
		return string(line)
	}
	var ev string
	var n, t int64
	_ = json.Unmarshal(keys["ev"], &ev) // a line without them shows zeros
	_ = json.Unmarshal(keys["n"], &n)
	_ = json.Unmarshal(keys["t"], &t)
	var b strings.Builder
	fmt.Fprintf(&b, "%6d  %12.6f  %-8s", n, float64(t)/1e9, ev)
	var rest []string
	for k := range keys {
		if !slices.Contains([]string{"n", "t", "host", "inc", "ev"}, k) {
			rest = append(rest, k)
		}
	}
	slices.Sort(rest)
	for _, k := range rest {
		b.WriteString(" " + k + "=" + describeValue(keys[k]))
	}
	return strings.TrimRight(b.String(), " ") // an event without keys
}

// describeValue shortens what people do not read: a view id is seq@coordinator
// with 8 digits, a list its length.
func describeValue(raw json.RawMessage) string {
	var view struct {
		Seq         uint64 `json:"seq"`
		Coordinator string `json:"coordinator"`
	}
	var list []json.RawMessage
	var word string
	switch {
	case json.Unmarshal(raw, &word) == nil:
		if isHostID(word) {
			return word[:8]
		}
		if strings.ContainsAny(word, " =\"") || word == "" {
			return strconv.Quote(word)
		}
		return word
	case json.Unmarshal(raw, &list) == nil:
		return fmt.Sprintf("[%d]", len(list))
	case json.Unmarshal(raw, &view) == nil && len(view.Coordinator) >= 8:
		return fmt.Sprintf("%d@%s", view.Seq, view.Coordinator[:8])
	}
	return string(raw)
}

func isHostID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}
