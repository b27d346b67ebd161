package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/doctor"
)

var doctorCommand = &command{
	name: "doctor", args: "[--quick] [--causes] [--json] [--admin ADDR] [--before [settings]]",
	short: "what is wrong between hosts, and why",
	long: `Doctor lets all hosts that can be reached examine all their links, by multicast,
UDP and TCP, with short frames and long ones, and names the causes of what is
wrong: the hosts, the direction, the evidence, the cure. It takes some five
seconds; --quick asks only what the hosts know already. It changes nothing.

With --before, and by itself where no daemon answers and the settings are those of a
daemon that can start, it tests from this host alone, before gmsd runs: that it can
start, with the settings of run, what the names of peers mean, and of each peer how TCP
ends, whether short and long questions are answered, whether its multicast comes.
It joins nobody and leaves nothing behind. Whether others hear this host's own multicast
only they can say, once it runs.

Every daemon does the same by itself where something seems wrong, and says so in
its log, in gmsd status and in gmsd_diagnosis. --causes lists what can be named.

The exit code is 0 where all is well and 2 where something was named.`,
	examples: `  gmsd doctor
  gmsd doctor --json | jq .verdicts
  gmsd doctor --before --config /etc/gmsd.toml
  gmsd doctor --causes`,
	flags: func(c *call) {
		c.settings = settings.NewFlags(c.set) // of these --admin and --data-dir say where the daemon is, too
		c.set.Lookup("admin").Usage = "the running daemon's `socket, host:port or https://host:port` (env GMSD_ADMIN; default: admin.sock in the data directory); with --before as in gmsd run"
		c.set.Lookup("data-dir").Usage = "the daemon's data `directory` (env GMSD_DATA_DIR; default /var/lib/gmsd)"
		c.set.StringVar(&c.certificate, "admin-cert", "", "for https: the `file` of gmsd keys client (env GMSD_ADMIN_CERT)")
		c.set.DurationVar(&c.timeout, "timeout", 30*time.Second, "how long to wait for an answer")
		c.set.BoolVar(&c.json, "json", false, "print JSON as the HTTP API gives it")
		c.set.BoolVar(&c.before, "before", false, "test from this host alone, with the settings of run")
		c.set.BoolVar(&c.quick, "quick", false, "do not examine, ask what is known")
		c.set.BoolVar(&c.causes, "causes", false, "list the causes that can be named")
	},
	run: runDoctor,
}

func runDoctor(c *call) error {
	if c.causes {
		return c.listCauses()
	}
	if c.before {
		return c.doctorBefore()
	}
	c.admin, c.dataDir = c.settings.Given("admin"), c.settings.Given("data-dir")
	a, body, err := c.askDoctor()
	if errors.Is(err, admin.ErrUnreachable) && c.canStart() {
		fmt.Fprintf(c.err, "gmsd doctor: %v: testing from this host alone\n", err)
		return c.doctorBefore()
	}
	if err != nil {
		return err
	}
	if c.json {
		_, err = c.out.Write(body)
	} else {
		c.printDoctor(a)
	}
	if err == nil {
		err = verdictsFound(a)
	}
	return err
}

func verdictsFound(a *admin.DoctorAnswer) error {
	if len(a.Verdicts) > 0 {
		return coded(exitRefused, "something is wrong: %s found", countOf(len(a.Verdicts), "cause"))
	}
	return nil
}

func (c *call) askDoctor() (*admin.DoctorAnswer, []byte, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	path := "/v1/doctor?full=1&timeout=" + c.timeout.String()
	if c.quick {
		path = "/v1/doctor?timeout=" + c.timeout.String()
	}
	body, err := c.client().Do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, nil, err
	}
	a := new(admin.DoctorAnswer)
	if err := json.Unmarshal(body, a); err != nil {
		return nil, nil, fmt.Errorf("not a diagnosis: %w", err)
	}
	return a, body, nil
}

func (c *call) listCauses() error {
	for i := range doctor.Causes {
		cause := &doctor.Causes[i]
		fmt.Fprintf(c.out, "%s\n    %s\n    cure: %s\n", cause.Name, cause.What, cause.Cure)
	}
	return nil
}

func (c *call) printDoctor(a *admin.DoctorAnswer) {
	told := "hosts told what they see"
	if len(a.Reported) == 1 {
		told = "host told what it sees"
	}
	fmt.Fprintf(c.out, "%d %s of %s, in %.1f s\n", len(a.Reported), told, countOf(len(a.Links), "link"), a.TookSeconds)
	if len(a.Silent) > 0 {
		fmt.Fprintf(c.out, "did not answer: %s\n", strings.Join(a.Silent, ", "))
	}
	c.printVerdicts(a)
}

func (c *call) printVerdicts(a *admin.DoctorAnswer) {
	if len(a.Verdicts) == 0 {
		fmt.Fprintln(c.out, "nothing is wrong that they could see")
		return
	}
	for _, v := range a.Verdicts {
		fmt.Fprintf(c.out, "\n%s   %s\n    %s\n", v.Cause, describePlace(&v), v.What)
		for _, e := range v.Evidence {
			fmt.Fprintf(c.out, "    seen: %s\n", e)
		}
		fmt.Fprintf(c.out, "    cure: %s\n", v.Cure)
	}
	fmt.Fprintln(c.out)
}

// describeVerdict says on one line what is wrong.
func describeVerdict(v *admin.VerdictAnswer) string {
	return fmt.Sprintf("DIAGNOSIS %s (%s): %s; %s", v.Cause, describePlace(v), v.What, strings.Join(v.Evidence, "; "))
}

func describePlace(v *admin.VerdictAnswer) string {
	switch {
	case v.To != "":
		return v.From + " -> " + v.To
	case v.From != "":
		return v.From
	}
	return "the network"
}

var topologyCommand = &command{
	name: "topology", args: "physical [--quick] [--json] [--admin ADDR]",
	short: "every link between hosts: round trip, path, loss",
	long: `Topology physical lets all hosts examine all their links and prints what each found
of each other one: the round trip in microseconds, the longest IP packet that
arrives, the share of questions that were lost. A row is what one host sees. With
--quick it prints what is known without examining.`,
	examples: `  gmsd topology physical
  gmsd topology physical --json`,
	flags: func(c *call) {
		c.queryFlags()
		c.set.BoolVar(&c.quick, "quick", false, "do not examine, ask what is known")
	},
	run: runTopology, needs: []string{"physical, what there is to show,"}, argsMax: 1,
}

func runTopology(c *call) error {
	if c.words[0] != "physical" {
		return fmt.Errorf("%w: gmsd topology %s does not exist: physical", settings.ErrUsage, c.words[0])
	}
	a, body, err := c.askDoctor()
	if err != nil {
		return err
	}
	if c.json {
		_, err = c.out.Write(body)
		return err
	}
	c.printLinks(a)
	return nil
}

func (c *call) printLinks(a *admin.DoctorAnswer) {
	var to []string
	cells := map[[2]string]string{}
	for _, l := range a.Links {
		if !slices.Contains(to, l.To) {
			to = append(to, l.To)
		}
		cells[[2]string{l.From, l.To}] = describeLink(&l)
	}
	slices.Sort(to)
	tab := newTable(c.out, 3)
	fmt.Fprintf(tab, "us/MTU/loss\t%s\n", strings.Join(to, "\t"))
	for _, from := range a.Reported {
		fmt.Fprint(tab, from)
		for _, t := range to {
			cell := cells[[2]string{from, t}]
			if cell == "" {
				cell = "-"
			}
			fmt.Fprint(tab, "\t", cell)
		}
		fmt.Fprintln(tab)
	}
	_ = tab.Flush() // c.out keeps its error
}

func describeLink(l *admin.LinkAnswer) string {
	rtt, mtu, loss := "?", "?", "?"
	if l.RTTMicros > 0 {
		rtt = fmt.Sprintf("%.0f", l.RTTMicros)
	}
	if l.MTU > 0 {
		mtu = fmt.Sprint(l.MTU)
	}
	if l.LossPercent >= 0 {
		loss = fmt.Sprintf("%.0f%%", l.LossPercent)
	}
	return rtt + "/" + mtu + "/" + loss
}
