package settings

import (
	"errors"
	"flag"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms"
)

// load reads flags, environment and a file that exists only here.
func load(t *testing.T, args, env []string, file string) (*Settings, error) {
	t.Helper()
	set := flag.NewFlagSet("run", flag.ContinueOnError)
	flags := NewFlags(set)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return flags.Load(env, func(path string) (io.ReadCloser, error) {
		if path != "/etc/gmsd.toml" {
			return nil, fs.ErrNotExist
		}
		return io.NopCloser(strings.NewReader(file)), nil
	})
}

func daemonOf(s *Settings) (*Daemon, error) {
	return s.Daemon("0.1.0", slog.New(slog.DiscardHandler))
}

// faultsOf lists the keys at fault.
func faultsOf(t *testing.T, err error) []string {
	t.Helper()
	var keys []string
	if err == nil {
		return nil
	}
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%v is not joined", err)
	}
	for _, e := range many.Unwrap() {
		var field *gms.FieldError
		if !errors.As(e, &field) || field.Bound == "" || field.Cure == "" {
			t.Errorf("%v lacks key, bound or cure", e)
			continue
		}
		keys = append(keys, field.Key)
	}
	slices.Sort(keys)
	return keys
}

func TestTableReads(t *testing.T) {
	for _, line := range table() {
		if _, err := line.kind.parse(line.fallback); err != nil && line.fallback != "" {
			t.Errorf("%s: the default %q cannot be read: %v", line.key, line.fallback, err)
		}
		if line.usage == "" || strings.ToLower(line.key) != line.key {
			t.Errorf("%+v", line)
		}
	}
}

func TestPrecedence(t *testing.T) {
	file := `
name = "file"
group = "file"
data-dir = "/file"
lab-faults = true
peers = ["a", "b:1"]
peers-dns = ["_gmsd._udp.example.org", "all"]
[attrs]
rack = "r1"
`
	env := []string{"GMSD_NAME=env", "GMSD_GROUP=env", "GMSD_CONFIG=/etc/gmsd.toml", "HOME=/", "GMSD_TRANSPORT=", "GMSD_PEERS_FILE=/etc/peers"}
	s, err := load(t, []string{"--name", "flag", "-insecure-lab"}, env, file)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][2]string{
		"name":         {"flag", "flag --name"},
		"group":        {"env", "env GMSD_GROUP"},
		"data-dir":     {"/file", "file /etc/gmsd.toml"},
		"lab-faults":   {"true", "file /etc/gmsd.toml"},
		"peers":        {"a,b:1", "file /etc/gmsd.toml"},
		"peers-dns":    {"_gmsd._udp.example.org,all", "file /etc/gmsd.toml"},
		"peers-file":   {"/etc/peers", "env GMSD_PEERS_FILE"},
		"attrs":        {"rack=r1", "file /etc/gmsd.toml"},
		"transport":    {"mcast", "default"},
		"insecure-lab": {"true", "flag --insecure-lab"},
	} {
		if v := s.values[key]; v.Text() != want[0] || v.Origin != want[1] {
			t.Errorf("%s = %q from %q, want %q from %q", key, v.Text(), v.Origin, want[0], want[1])
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	file := `
nam = "x"
lab-faults = "perhaps"
peers = [1]
bind = 7
attrs = {a = 1}
[surprise]
x = 1
`
	s, _ := load(t, []string{
		"--config", "/etc/gmsd.toml", "--transport", "pigeon", "--init-expect", "-1", "--advertise", "::1x",
		"--admin", "7750", "--spool-max", "0", "--started", "check:", "--log-level", "loud", "--db", "dbase", "--partition-policy", "x",
	}, nil, file)
	_, err := daemonOf(s)
	want := []string{
		"admin", "advertise", "attrs", "bind", "db", "init-expect", "key-file", "lab-faults", "log-level", "nam",
		"partition-policy", "peers", "spool-max", "started", "surprise", "transport",
	}
	if got := faultsOf(t, err); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if !s.AtFault("bind") || !s.AtFault("transport") || s.AtFault("group") {
		t.Error("bind and transport are at fault, group is not")
	}
	if !strings.Contains(err.Error(), "did you mean name?") {
		t.Errorf("no suggestion for nam in %v", err)
	}
	if n := len(Lines(err)); n != len(want) {
		t.Errorf("%d lines, want %d", n, len(want))
	}
}

// What a script left empty is not a value; where nothing is a value, it is.
func TestEmptyValues(t *testing.T) {
	_, err := load(t, []string{"--config", "/etc/gmsd.toml", "--data-dir", "", "--name", "", "--event-log="}, nil, "group = ''\nrouters = []")
	if got := faultsOf(t, err); !slices.Equal(got, []string{"data-dir", "group"}) {
		t.Errorf("faults %v", got)
	}
}

func TestBadFiles(t *testing.T) {
	for file, says := range map[string]string{
		"name = ":                         "line 1",
		"a = 1\na = 2":                    "line 2",
		strings.Repeat("#", fileMax+1):    "longer",
		"\x00":                            "line 1",
		"name = \"a\"\n[name]\nx = 1":     "line 2",
		"attrs = \"a=1,a=2\"\nname=\"x\"": "stands twice",
	} {
		_, err := load(t, []string{"--config", "/etc/gmsd.toml"}, nil, file)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.30q: %v, want one that says %q", file, err, says)
		}
	}
	if _, err := load(t, []string{"--config", "/nowhere"}, nil, ""); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestDaemon(t *testing.T) {
	s, err := load(t, []string{
		"--bind", "127.0.0.1", "--name", "h1", "--data-dir", "/d", "--started", "check:test -f /x",
		"--admin", "none", "--db", "sqlite", "--key-file", "/k", "--log-level", "debug", "--spool-max", "64", "--attrs", "a=1, b=2=3",
	}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := daemonOf(s)
	if err != nil {
		t.Fatal(err)
	}
	if d.Host.Bind != netip.MustParseAddrPort("127.0.0.1:7749") || d.Host.Started != "check:test -f /x" ||
		d.Host.KeyFile != "/k" || d.Host.InsecureLab || d.Admin != "" || d.AdminSocket != "/d/admin.sock" || !d.Host.HasDB || d.LogLevel != slog.LevelDebug || d.Host.SpoolMax != 64<<20 || d.Host.Attrs["b"] != "2=3" {
		t.Errorf("got %+v", d)
	}
	if v := s.values["advertise"]; v.Text() != "127.0.0.1:7749" || v.Origin != "default" {
		t.Errorf("advertise = %+v", v)
	}
	notes := strings.Join(s.Notes(), "\n")
	if strings.Contains(notes, "key-file") || !strings.Contains(notes, "db = sqlite") || strings.Contains(notes, "routers") {
		t.Errorf("notes: %s", notes)
	}
}

func TestBindWithPortOnly(t *testing.T) {
	s, _ := load(t, []string{"--insecure-lab", "--bind", ":7000"}, nil, "")
	d, err := daemonOf(s)
	if err != nil {
		t.Fatal(err)
	}
	if d.Host.Bind.Port() != 7000 || !d.Host.Bind.Addr().Is4() {
		t.Errorf("bind %v", d.Host.Bind)
	}
}

func TestAdminVariableOfCommandsIsNotOurs(t *testing.T) {
	s, err := load(t, nil, []string{"GMSD_ADMIN=/run/gmsd/admin.sock"}, "")
	if err != nil || s.values["admin"].Origin != "default" {
		t.Errorf("%+v, %v", s.values["admin"], err)
	}
}

func TestReload(t *testing.T) {
	before, _ := load(t, nil, nil, "")
	after, _ := load(t, nil, []string{"GMSD_ATTRS=a=1", "GMSD_LOG_LEVEL=debug", "GMSD_NAME=other"}, "")
	reload, restart := before.Changed(after)
	if !slices.Equal(reload, []string{"attrs", "log-level"}) || !slices.Equal(restart, []string{"name"}) {
		t.Errorf("reload %v, restart %v", reload, restart)
	}
	now := before.Reloaded(after)
	if now.values["attrs"].Text() != "a=1" || now.values["name"].Text() != before.values["name"].Text() {
		t.Errorf("got %+v", now.values)
	}
}

func TestClosest(t *testing.T) {
	words := []string{"run", "view", "history", "why", "events"}
	for word, want := range map[string]string{"rnu": "run", "veiw": "view", "hist": "history", "event": "events", "zzzzz": "", "x": "", "keys": ""} {
		if got := Closest(word, words); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}
