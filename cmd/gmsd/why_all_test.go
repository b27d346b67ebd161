package main

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"testing"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/transport/transporttest"
)

// Who suspected whom, on what evidence, who corroborated, what the coordinator did and
// when: of a crash, as all that are left tell it.
func TestWhyOfAll(t *testing.T) {
	network := mem.NewNetwork()
	socket, first := startMember(t, network, 0, "0.1.0", true)
	startMember(t, network, 1, "0.1.0", true)
	_, third := startMember(t, network, 2, "0.1.0", true)
	ctx, cancel := context.WithTimeout(t.Context(), transporttest.Patience)
	defer cancel()
	await := func(size int) {
		for first.View().View.Size() != size {
			if _, err := first.WaitView(ctx, first.View().View.ID.Seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	await(3)
	if err := third.Close(); err != nil && err != gms.ErrClosed { //nolint:errorlint // the very one
		t.Fatal(err)
	}
	await(2)
	var out, errs bytes.Buffer
	if code := execute(ctx, []string{"why", "--all", "--admin", socket}, streams{out: &out, err: &errs}); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	for _, line := range []string{
		"view .* of 2 members was made by: crash", "went: h3",
		` +-[0-9.]+m?s +h[12] +suspected h3 \([a-z]+\): `, ` +-[0-9.]+.?s +h[12] +gave up h3, corroborated by [12] of 2 observers: .*h[12]=`,
		` +-[0-9.]+.?s +h[12] +propose for view `, " +0s +h1 +installed it", " +0s +h2 +installed it",
	} {
		if !regexp.MustCompile("(?m)^" + line).Match(out.Bytes()) {
			t.Errorf("no line %q in\n%s", line, out.String())
		}
	}
	out.Reset()
	execute(ctx, []string{"why", "--all", "--json", "--admin", socket}, streams{out: &out, err: &errs})
	var all struct{ Hosts []account }
	if err := json.Unmarshal(out.Bytes(), &all); err != nil || len(all.Hosts) != 2 || len(all.Hosts[0].Events) == 0 || len(all.Hosts[1].Events) == 0 {
		t.Errorf("%v: %s", err, out.String())
	}
}
