package figures

import (
	"strings"
	"testing"
)

func TestRecordsAreOneJSONObjectALine(t *testing.T) {
	var s Set
	s.Add("lib,fifo", 4, "flood_100B_1send_msgs_s", 12.5, 1)
	s.Add("lib", 4, "form_all_ms", 3, 2)
	var out strings.Builder
	if err := s.Write(&out); err != nil {
		t.Fatal(err)
	}
	want := `{"peer":"gmsd","cfg":"lib,fifo","n":4,"metric":"flood_100B_1send_msgs_s","value":12.5,"run":1}
{"peer":"gmsd","cfg":"lib","n":4,"metric":"form_all_ms","value":3,"run":2}
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

func TestValuesAndTheirSummary(t *testing.T) {
	var s Set
	for run, v := range []float64{30, 1, 20, 1000} {
		s.Add("a", 4, "x_ms", v, run+1)
	}
	s.Add("b", 4, "x_ms", 7, 1)
	s.Add("a", 5, "x_ms", 8, 1)
	if got := Spread(s.Values("a", 4, "x_ms")); got != "25.0 (1-1000)" {
		t.Error(got)
	}
	if got := Spread(s.Values("", 4, "x_ms")); got != "20.0 (1-1000)" {
		t.Error(got)
	}
	if got := Digits(0.12345); got != "0.123" {
		t.Error(got)
	}
}
