package settings

import (
	"errors"
	"flag"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/gms"
)

// Value is one setting as it came out. Value is a string, bool, int, []string
// or map[string]string.
type Value struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
	// Origin is "default", "flag --KEY", "env GMSD_KEY" or "file PATH".
	Origin string `json:"origin"`
}

// Text is the value as a flag would spell it.
func (v Value) Text() string { return format(v.Value) }

const originDefault = "default"

// Settings are the effective values, all of them.
type Settings struct {
	// File is the configuration file, empty for none.
	File   string
	values map[string]Value
	faults []error
	notes  []string
	// unread: there is a file, and what it says is not known.
	unread bool
}

// ErrUsage wraps an error in the flags themselves; [flag.ErrHelp] comes bare.
var ErrUsage = errors.New("usage")

// Flags are the settings as flags of a command. They may be loaded again and
// again: flags stay, environment and file are read anew.
type Flags struct {
	set   *flag.FlagSet
	file  string
	given map[string]string
}

// NewFlags adds every setting, and --config, to set.
func NewFlags(set *flag.FlagSet) *Flags {
	f := &Flags{set: set, given: map[string]string{}}
	set.StringVar(&f.file, "config", "", "TOML `file` with settings")
	for _, s := range table() {
		usage := s.usage
		if s.fallback != "" && (s.kind != toggle || s.fallback == "true") {
			usage += " (default " + s.fallback + ")"
		}
		take := func(v string) error { f.given[s.key] = v; return nil }
		if s.kind == toggle {
			set.BoolFunc(s.key, usage, take)
		} else {
			set.Func(s.key, usage, take)
		}
	}
	return f
}

// Given is what a flag says, empty where it was not given.
func (f *Flags) Given(key string) string { return f.given[key] }

// Load puts flags, environment and file together. Env is in the form of
// os.Environ. The settings are there even where the error says that they
// cannot be used: it joins all faults.
func (f *Flags) Load(env []string, open func(string) (io.ReadCloser, error)) (*Settings, error) {
	s := &Settings{values: map[string]Value{}}
	for _, line := range table() {
		v, _ := line.kind.parse(line.fallback) // the table's own words: a test reads each
		s.values[line.key] = Value{Key: line.key, Value: v, Origin: originDefault}
	}
	variables := environment(env)
	s.File = f.file
	if s.File == "" {
		s.File = variables["GMSD_CONFIG"]
	}
	if s.File != "" {
		s.takeFile(s.File, open)
	}
	s.takeEnvironment(variables)
	s.noteUnknown(variables)
	for _, line := range table() {
		if word, ok := f.given[line.key]; ok {
			s.take(line, word, "flag --"+line.key)
		}
	}
	return s, errors.Join(s.faults...)
}

func environment(env []string) map[string]string {
	out := map[string]string{}
	for _, e := range env {
		if key, value, ok := strings.Cut(e, "="); ok && strings.HasPrefix(key, "GMSD_") {
			out[key] = value
		}
	}
	return out
}

// takeEnvironment reads GMSD_*. GMSD_ADMIN has a second life: commands find the
// daemon by it, and then it may be a socket's path, which is not for us.
func (s *Settings) takeEnvironment(variables map[string]string) {
	for _, line := range table() {
		name := Env(line.key)
		word, ok := variables[name]
		if !ok || word == "" || line.key == keyAdmin && strings.Contains(word, "/") {
			continue
		}
		s.take(line, word, "env "+name)
	}
}

// noteUnknown names variables that look like settings and are none. GMSD_ROUTER_* are of
// gmsd router.
func (s *Settings) noteUnknown(variables map[string]string) {
	ours := maps.Clone(variables)
	maps.DeleteFunc(ours, func(name, _ string) bool { return strings.HasPrefix(name, Env(RouterPrefix)) })
	s.notes = append(s.notes, unknown(ours, "", append(keysOf(), "admin-cert"))...)
}

// RouterPrefix stands before the flags of gmsd router where they are spelt as settings.
const RouterPrefix = "router-"

// UnknownToRouter names what in env, which has the form of os.Environ, looks like a variable
// of gmsd router, which has these flags, and is none.
func UnknownToRouter(env, flags []string) []string {
	return unknown(environment(env), RouterPrefix, flags)
}

// unknown names variables that begin as those of the keys do and are none of them: a slip
// would pass unseen. They are no faults, since the environment is not ours alone.
func unknown(variables map[string]string, prefix string, keys []string) (notes []string) {
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		word, ours := strings.CutPrefix(name, Env(prefix))
		key := strings.ToLower(strings.ReplaceAll(word, "_", "-"))
		if !ours || variables[name] == "" || slices.Contains(keys, key) || isServiceLink(word, variables[name]) {
			continue
		}
		note := name + ": there is no such setting, it is ignored"
		if near := Closest(key, keys); near != "" {
			note += "; did you mean " + Env(prefix+near) + "?"
		}
		notes = append(notes, note)
	}
	return notes
}

// isServiceLink reports whether Kubernetes or Docker set a variable, for a service that
// is called gmsd, or gmsd-router; word is its name without that.
func isServiceLink(word, value string) bool {
	return strings.HasPrefix(word, "SERVICE_") || strings.HasPrefix(word, "PORT_") || word == "PORT" && strings.Contains(value, "://")
}

func (s *Settings) take(line setting, word, origin string) {
	v, err := line.kind.parse(word)
	if err != nil {
		s.fault(line.key, word, err.Error(), "it comes from "+origin)
		return
	}
	s.keep(line, v, origin)
}

// keep takes a value that could be read. Where there is a default, nothing is
// no value: a variable of a script that was not set must not pass for one.
func (s *Settings) keep(line setting, v any, origin string) {
	if v == "" && line.fallback != "" {
		s.fault(line.key, "", "not empty", "it comes from "+origin+"; leave it out for "+line.fallback)
		return
	}
	s.values[line.key] = Value{Key: line.key, Value: v, Origin: origin}
}

func (s *Settings) fault(key, value, bound, cure string) {
	s.faults = append(s.faults, &gms.FieldError{Key: key, Value: value, Bound: bound, Cure: cure})
}

// All gives every value in the order of the table.
func (s *Settings) All() []Value {
	out := make([]Value, 0, len(s.values))
	for _, line := range table() {
		out = append(out, s.values[line.key])
	}
	return out
}

// Unread reports that the configuration file could not be read, so that what it would
// have set is not known.
func (s *Settings) Unread() bool { return s.unread }

// AtFault reports a fault of key, so that its value, the default for instance, is not
// what was meant. What only [Settings.Daemon] finds is known after it.
func (s *Settings) AtFault(key string) bool {
	return slices.ContainsFunc(s.faults, func(e error) bool {
		var field *gms.FieldError
		return errors.As(e, &field) && field.Key == key
	})
}

// Notes says what was read and has no effect, and what was not understood.
func (s *Settings) Notes() []string { return s.notes }

// Changed gives the keys whose values differ, split by whether a running
// daemon can take them.
func (s *Settings) Changed(o *Settings) (reload, restart []string) {
	for _, line := range table() {
		if s.values[line.key].Text() == o.values[line.key].Text() {
			continue
		}
		if line.reload {
			reload = append(reload, line.key)
		} else {
			restart = append(restart, line.key)
		}
	}
	return reload, restart
}

// Reloaded is s with the values of o that a running daemon takes.
func (s *Settings) Reloaded(o *Settings) *Settings {
	out := &Settings{File: s.File, values: maps.Clone(s.values), notes: s.notes}
	for _, line := range table() {
		if line.reload {
			out.values[line.key] = o.values[line.key]
		}
	}
	return out
}

// Nearest gives the key that a wrong one probably meant, or "".
func Nearest(word string) string { return Closest(word, keysOf()) }

// keysOf are the keys of all settings, and that of the file.
func keysOf() []string {
	keys := []string{"config"}
	for _, line := range table() {
		keys = append(keys, line.key)
	}
	return keys
}

// Closest gives the word that was probably meant: the one that begins so, or
// one at most a few letters away; "" where there is none.
func Closest(word string, known []string) string {
	best, bestAway := "", 3+len(word)/8
	for _, k := range known {
		if len(word) >= 2 && strings.HasPrefix(k, word) {
			return k
		}
		if away := distance(word, k); away < bestAway && away < len(word) {
			best, bestAway = k, away
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

// Lines gives the faults that errors.Join has put together, one each; an error
// that is one fault stays one, whatever it wraps.
func Lines(err error) []string {
	if !strings.Contains(err.Error(), "\n") {
		return []string{err.Error()}
	}
	var inner []error
	switch e := err.(type) { //nolint:errorlint // the outermost one is looked at on purpose
	case interface{ Unwrap() []error }:
		inner = e.Unwrap()
	case interface{ Unwrap() error }:
		inner = []error{e.Unwrap()}
	default:
		return strings.Split(err.Error(), "\n")
	}
	var out []string
	for _, e := range inner {
		out = append(out, Lines(e)...)
	}
	return slices.Compact(out)
}
