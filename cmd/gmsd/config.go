package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
)

var configCommand = &command{
	name: "config", args: "[--config FILE] [settings] [--json]",
	short: "the effective settings and where each came from",
	long: `Config prints what run would use with the same flags, environment and file:
every setting, its value and its origin. Flags win over the environment
(GMSD_DATA_DIR for --data-dir), that over the file, that over the default. All
faults are told at once; of a file that cannot be read nothing but that.`,
	examples: `  gmsd config --config /etc/gmsd.toml
  GMSD_NAME=h1 gmsd config --key-file /etc/gmsd.keys --json`,
	flags: func(c *call) {
		c.settings = settings.NewFlags(c.set)
		c.set.BoolVar(&c.json, "json", false, "print JSON")
	},
	run: runConfig,
}

// configAnswer is the JSON of `gmsd config` and of GET /v1/config.
type configAnswer struct {
	File     string           `json:"file"`
	Settings []settings.Value `json:"settings"`
	Notes    []string         `json:"notes"`
}

func answerOf(s *settings.Settings) configAnswer {
	return configAnswer{File: s.File, Settings: s.All(), Notes: append([]string{}, s.Notes()...)}
}

func runConfig(c *call) error {
	s, _ := c.settings.Load(os.Environ(), openFile) // Daemon gives these faults, too
	_, err := s.Daemon(version(), slog.New(slog.DiscardHandler))
	if s.Unread() {
		return err // what run would use is not known
	}
	if c.json {
		return errors.Join(err, c.printJSON(answerOf(s)))
	}
	t := newTable(c.out, 2)
	for _, v := range s.All() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", v.Key, v.Text(), v.Origin)
	}
	_ = t.Flush() // as in drawView
	for _, n := range s.Notes() {
		fmt.Fprintln(c.out, "note: "+n)
	}
	return err
}
