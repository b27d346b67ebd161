package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// kind is how a setting's value is written and read.
type kind uint8

const (
	text   kind = iota
	toggle      // true, false
	number      // 0, 1, 2, ...
	words       // a,b,c
	pairs       // k=v,k=v
)

// setting is one line of the table. Fallback is in the form of its kind's text.
type setting struct {
	key, fallback string
	kind          kind
	usage         string
	// reload: SIGHUP takes a new value without a restart.
	reload bool
}

// Keys that more than one file here speaks of.
const (
	keyAdmin       = "admin"
	keyAdminSocket = "admin-socket"
	keyAdminTLS    = "admin-tls"
	keyAdvertise   = "advertise"
	keyAttrs       = "attrs"
	keyBind        = "bind"
	keyClients     = "clients"
	keyDataDir     = "data-dir"
	keyDB          = "db"
	keyEventLog    = "event-log"
	keyEventMsgs   = "event-messages"
	keyGroup       = "group"
	keyInitExpect  = "init-expect"
	keyInsecureLab = "insecure-lab"
	keyKeyFile     = "key-file"
	keyLabFaults   = "lab-faults"
	keyLogLevel    = "log-level"
	keyMcastGroup  = "mcast-group"
	keyName        = "name"
	keyPartition   = "partition-policy"
	keyPeers       = "peers"
	keyPeersDNS    = "peers-dns"
	keyPeersFile   = "peers-file"
	keyRouters     = "routers"
	keySpoolMax    = "spool-max"
	keyStarted     = "started"
	keyTransport   = "transport"
)

// table is every setting, in the order in which they are shown.
func table() []setting {
	return []setting{
		{key: keyName, usage: "the admin's `name` of this host, unique in a cluster (default: the host name)"},
		{key: keyGroup, fallback: "default", usage: "the group's `name` on the wire; two groups never mix"},
		{key: keyDataDir, fallback: "/var/lib/gmsd", usage: "`directory` for identity and last views; mode 0700"},
		{key: keyBind, usage: "`address[:port]` for all member traffic (default: the first non-loopback IPv4, port 7749)"},
		{key: keyAdvertise, usage: "`address[:port]` that others should use (default: bind)"},
		{key: keyTransport, fallback: "mcast", usage: "`WORD`: mcast, udp, tcp or router"},
		{key: keyMcastGroup, fallback: "239.192.77.49:7749", usage: "multicast `address:port` by which hosts find each other"},
		{key: keyPeers, kind: words, reload: true, usage: "`host[:port],...` where other hosts may be, beside multicast or without it"},
		{key: keyPeersFile, reload: true, usage: "`file` of such peers, one a line, # begins a comment; read again when it changes"},
		{key: keyPeersDNS, kind: words, reload: true, usage: "`name[:port],...` that stand for several hosts; _service._udp.domain for SRV records"},
		{key: keyRouters, kind: words, usage: "gossip routers (gmsd router) of transport router: `host:port,...`, best two"},
		{key: keyKeyFile, usage: "`file` of the group's keys, mode 0600, the same on every host; gmsd keys gen makes one"},
		{key: keyInsecureLab, kind: toggle, fallback: "false", usage: "run without a key-file: anybody who can send to us can join, forge and remove"},
		{key: keyAdmin, fallback: "127.0.0.1:7750", usage: "`host:port` of the read-only HTTP API and metrics, or none"},
		{key: keyAdminTLS, fallback: None, usage: "`host:port` of the HTTP API for who has a certificate of gmsd keys client, or none"},
		{key: keyAdminSocket, usage: "`path` of the HTTP API with every verb, mode 0600 (default: <data-dir>/admin.sock)"},
		{key: keyClients, kind: words, usage: "where programs reach the groups: `path or tcp:HOST:PORT,...`, or none (default: <data-dir>/clients.sock)"},
		{key: keyEventLog, usage: "`file` (or -) for the event log"},
		{key: keyEventMsgs, kind: toggle, fallback: "true", usage: "log every message sent and delivered, too: it costs more than the messages"},
		{key: keySpoolMax, kind: number, fallback: "1024", usage: "`MiB` of messages, in the data directory, that wait for a program whose state is on its way; beyond it the group slows down"},
		{key: keyAttrs, kind: pairs, reload: true, usage: "small `key=value,...` that travel with the host in views"},
		{key: keyStarted, fallback: "auto", usage: "`WORD`: who sets the started bit: auto, api or check:COMMAND"},
		{key: keyDB, fallback: "none", usage: "`WORD`: none, sqlite, postgres, mariadb or exec; only the has-db bit until databases arrive"},
		{key: keyInitExpect, kind: number, fallback: "0", usage: "unattended init when `N` hosts see each other; not used yet"},
		{key: keyPartition, fallback: "majority", usage: "`WORD`: majority or regimes; not used yet"},
		{key: keyLabFaults, kind: toggle, fallback: "false", usage: "let the admin socket cut and delay links of this process"},
		{key: keyLogLevel, fallback: "info", reload: true, usage: "`WORD`: debug, info, warn or error"},
	}
}

// Env gives the environment variable of a key.
func Env(key string) string {
	return "GMSD_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

// parse reads the text of a flag, a variable or a default as a value of the
// kind: string, bool, int, []string or map[string]string.
func (k kind) parse(s string) (any, error) {
	switch k {
	case toggle:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return nil, errors.New("true or false")
		}
		return b, nil
	case number:
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return nil, errors.New("a whole number from 0 to 2147483647")
		}
		return int(n), nil
	case words:
		return splitWords(s), nil
	case pairs:
		return splitPairs(s)
	case text:
	}
	return s, nil
}

func splitWords(s string) []string {
	out := []string{}
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

func splitPairs(s string) (map[string]string, error) {
	out := map[string]string{}
	for _, w := range splitWords(s) {
		key, value, ok := strings.Cut(w, "=")
		if !ok || key == "" {
			return nil, errors.New("key=value pairs, separated by commas")
		}
		if _, twice := out[key]; twice {
			return nil, fmt.Errorf("key=value pairs with each key once (%s stands twice)", key)
		}
		out[key] = value
	}
	return out, nil
}

// convert reads what a TOML file holds for the kind; text is taken too, so that
// a value can be copied from a flag.
func (k kind) convert(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return k.parse(v)
	case bool:
		if k == toggle {
			return v, nil
		}
	case int64:
		if k == number {
			return k.parse(strconv.FormatInt(v, 10))
		}
	case []any:
		if k == words {
			return convertWords(v)
		}
	case map[string]any:
		if k == pairs {
			return convertPairs(v)
		}
	}
	return nil, errors.New(k.example())
}

func convertWords(list []any) (any, error) {
	out := []string{}
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, errors.New(words.example())
		}
		out = append(out, s)
	}
	return out, nil
}

func convertPairs(m map[string]any) (any, error) {
	out := map[string]string{}
	for key, v := range m {
		s, ok := v.(string)
		if !ok {
			return nil, errors.New(pairs.example())
		}
		out[key] = s
	}
	return out, nil
}

func (k kind) example() string {
	switch k {
	case toggle:
		return "true or false"
	case number:
		return "a whole number from 0 to 2147483647"
	case words:
		return `a list like ["a", "b"]`
	case pairs:
		return `a table of strings like {rack = "r1"}`
	case text:
	}
	return "text in quotes"
}

// format gives a value as a flag would spell it.
func format(v any) string {
	switch v := v.(type) {
	case []string:
		return strings.Join(v, ",")
	case map[string]string:
		out := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(out, key+"="+v[key])
		}
		return strings.Join(out, ",")
	}
	return fmt.Sprint(v)
}
