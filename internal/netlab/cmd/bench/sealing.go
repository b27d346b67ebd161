package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gmsd/gmsd/internal/figures"
	"github.com/gmsd/gmsd/internal/netlab"
)

// What sealing costs: daemons with a key beside daemons without one, flooded by clients.

const (
	// floodHosts are as many as those of the other systems that are measured.
	floodHosts = 4
	floodSize  = 1024
	floodFor   = "3s"
)

func sealingMeasurements() []measurement {
	return []measurement{{name: "sealing", run: sealing}}
}

// flooded is a lab whose hosts programs flood.
type flooded struct {
	*netlab.Lab
	cfg string
}

// sealing floods both groups in turn, each first once, so that what the machine does
// meanwhile meets both.
func sealing(ctx context.Context, b *bench, run int) (err error) {
	var groups [2]flooded
	for i, cfg := range []string{"plain", "sealed"} {
		l, lerr := netlab.New(netlab.Options{Binary: b.binary, Hosts: floodHosts, Transport: b.transport, Plain: cfg == "plain"})
		if lerr != nil {
			return errors.Join(err, lerr)
		}
		defer func() { err = errors.Join(err, l.Close(), l.Remove()) }()
		groups[i] = flooded{l, cfg}
		if _, err := l.StartAll(netlab.All(floodHosts)); err != nil {
			return err
		}
		if _, err := l.Settle(patience, netlab.All(floodHosts)); err != nil {
			return err
		}
	}
	rates := map[string]float64{}
	for _, i := range []int{0, 1, 1, 0} {
		rate, err := b.flood(ctx, &groups[i])
		if err != nil {
			return err
		}
		b.add(groups[i].cfg, floodHosts, "flood_1024B_4send_msgs_s", rate, run)
		rates[groups[i].cfg] += rate
	}
	b.add(cfgProcesses, floodHosts, "sealing_cost_pct", 100*(1-rates["sealed"]/rates["plain"]), run)
	return nil
}

// flood has the daemon's own benchmark send agreed messages through all hosts, and
// gives how many a host delivered a second.
func (b *bench) flood(ctx context.Context, g *flooded) (float64, error) {
	sockets := make([]string, floodHosts)
	for i := range sockets {
		sockets[i] = filepath.Join(g.DataDir(i+1), "clients.sock")
	}
	cmd := exec.CommandContext(ctx, b.binary, "bench", "--live", strings.Join(sockets, ","), "--phases", "flood",
		"--orders", "agreed", "--senders", "all", "--sizes", fmt.Sprint(floodSize), "--duration", floodFor, "--runs", "1", "--json")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("gmsd bench: %w", err)
	}
	var all figures.Set
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var r figures.Record
		err := decoder.Decode(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("gmsd bench --json: %w", err)
		}
		all = append(all, r)
	}
	got := all.Values("", floodHosts, "flood_1024B_4send_msgs_s")
	if len(got) != floodHosts {
		return 0, fmt.Errorf("gmsd bench: figures of %d hosts, want %d", len(got), floodHosts)
	}
	return figures.Median(got), nil
}
