package main

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/internal/adminca"
	"github.com/gmsd/gmsd/internal/keyfile"
)

// issueFlags are those of gmsd keys client.
type issueFlags struct {
	role, name, keyFile string
	days                int
}

// clientDays is how long a certificate is good where nothing is said.
const clientDays = 90

func (c *call) keysClientFlags() {
	c.set.StringVar(&c.issue.role, "role", "", "`WORD`: for client: read (look) or operate (look and change)")
	c.set.StringVar(&c.issue.name, "name", "", "for client: `name` of who gets it, for the audit (default: you, at this machine)")
	c.set.IntVar(&c.issue.days, "days", clientDays, "for client: for how many `days` it is good")
	c.set.StringVar(&c.issue.keyFile, "key-file", "", "for client: the group's key `file` (env GMSD_KEY_FILE)")
}

// keysClient makes the certificate of a client of admin-tls. It asks no daemon.
func (c *call) keysClient() error {
	if c.issue.role == "" {
		return fmt.Errorf("%w: --role is missing: read (look) or operate (look and change)", settings.ErrUsage)
	}
	role, err := adminca.ParseRole(c.issue.role)
	if err != nil {
		return fmt.Errorf("%w: --role %q: want read or operate", settings.ErrUsage, c.issue.role)
	}
	from := cmp.Or(c.issue.keyFile, os.Getenv("GMSD_KEY_FILE"))
	switch {
	case from == "":
		return fmt.Errorf("%w: name the group's key file with --key-file", settings.ErrUsage)
	case c.keyOut == "":
		return fmt.Errorf("%w: name the new file with --out: it holds a secret", settings.ErrUsage)
	}
	order := adminca.Order{Role: role, Name: cmp.Or(c.issue.name, whoami()), Days: c.issue.days}
	if err := order.Check(); err != nil {
		return fmt.Errorf("%w: %w", settings.ErrUsage, err)
	}
	ring, err := keyfile.Load(from)
	if err != nil {
		return coded(exitRefused, "%v", err)
	}
	text, err := adminca.Issue(ring, order, time.Now())
	if err != nil {
		return err
	}
	if err := keyfile.Certificate.Create(c.keyOut, text); err != nil {
		return coded(exitRefused, "%v", err)
	}
	made, err := adminca.ParseIdentity(text)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(map[string]string{
			"file": c.keyOut, "name": made.Name, "role": made.Role.String(), "until": made.Until.UTC().Format(time.RFC3339), "key": made.Key.String(), "serial": made.Serial,
		})
	}
	fmt.Fprintf(c.out, "made %s: %s may %s until %s, or until key %s is removed (serial %s)\n",
		c.keyOut, made.Name, made.Role, made.Until.Format(time.DateOnly), made.Key, made.Serial)
	return nil
}

func whoami() string {
	name := fmt.Sprintf("uid%d", os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
