package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/doctor"
)

func TestPrintBefore(t *testing.T) {
	peer := []admin.LinkAnswer{{Addr: "10.0.0.2:7749", TCP: "good", RTTMicros: 300}}
	for _, of := range []struct {
		by    string
		links []admin.LinkAnswer
		want  string
	}{
		{gms.TransportUDP, nil, "it would be the first of its group\n"},
		{gms.TransportRouter, nil, "who is registered at the routers it does not ask\n"},
		{gms.TransportTCP, peer, "answers, 300 us\n"},
	} {
		var out bytes.Buffer
		c := &call{streams: streams{out: &out}}
		a := &beforeAnswer{DoctorAnswer: &admin.DoctorAnswer{Links: of.links}}
		c.printBefore(a, &doctor.Report{}, of.by)
		if got := strings.ReplaceAll(out.String(), "  \n", "\n"); !strings.Contains(got, of.want) {
			t.Errorf("%s: %q has no %q", of.by, got, of.want)
		}
	}
}
