package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gmsd/gmsd/gms"
)

// Daemon is everything `gmsd run` needs to start.
type Daemon struct {
	Host gms.Config
	// Admin and AdminTLS are host:port, empty for none; AdminSocket a path.
	Admin, AdminTLS, AdminSocket string
	// Clients are addresses at which programs reach the groups; none: nowhere.
	Clients  []string
	LogLevel slog.Level
}

// None is the word that turns a listener off.
const None = "none"

// Daemon checks the values and puts them into what starts the daemon; it also
// fills the defaults that depend on the machine into s. The error joins all
// faults, those of Load too.
func (s *Settings) Daemon(version string, logger *slog.Logger) (*Daemon, error) {
	d := &Daemon{Host: gms.Config{
		Name: s.text(keyName), Group: s.text(keyGroup), DataDir: s.text(keyDataDir),
		Transport: s.text(keyTransport), Peers: s.values[keyPeers].Value.([]string),
		PeersFile: s.text(keyPeersFile), PeersDNS: s.values[keyPeersDNS].Value.([]string),
		Routers: s.values[keyRouters].Value.([]string),
		KeyFile: s.text(keyKeyFile), InsecureLab: s.flag(keyInsecureLab), EventLog: s.text(keyEventLog), NoMessageEvents: !s.flag(keyEventMsgs),
		Attrs: s.values[keyAttrs].Value.(map[string]string), LabFaults: s.flag(keyLabFaults), Started: s.text(keyStarted),
		SpoolMax: int64(s.values[keySpoolMax].Value.(int)) << 20, Version: version, Logger: logger,
	}}
	if d.Host.SpoolMax == 0 {
		s.fault(keySpoolMax, "0", "1 or more MiB", s.from(keySpoolMax)+"; leave it out for 1024")
	}
	d.Host.Bind = s.addrPort(keyBind, gms.DefaultPort)
	d.Host.Advertise = s.addrPort(keyAdvertise, gms.DefaultPort)
	d.Host.McastGroup = s.addrPort(keyMcastGroup, gms.DefaultPort)
	d.Host.HasDB = s.oneOf(keyDB, None, "sqlite", "postgres", "mariadb", "exec") != None
	d.LogLevel = s.logLevel()
	d.Admin, d.AdminTLS, d.AdminSocket = s.hostPort(keyAdmin), s.hostPort(keyAdminTLS), s.text(keyAdminSocket)
	if d.AdminTLS != "" && d.Host.InsecureLab {
		s.fault(keyAdminTLS, d.AdminTLS, "none beside insecure-lab", "its certificates are made of the group's keys: start with a key-file")
	}
	s.oneOf(keyPartition, "majority", "regimes")
	s.noteLater()

	d.Host.EnsureDefaults()
	s.fill(d)
	s.faults = append(s.faults, s.hostFaults(&d.Host)...)
	s.keepApart(d)
	return d, errors.Join(s.faults...)
}

// hostFaults are those of Validate on keys that are not at fault already: a
// bind that could not be read need not be told twice. Nor is anything missing that a
// file may hold which could not be read.
func (s *Settings) hostFaults(c *gms.Config) []error {
	err := c.Validate()
	if err == nil {
		return nil
	}
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	return slices.DeleteFunc(slices.Clone(many.Unwrap()), func(e error) bool {
		var field *gms.FieldError
		return errors.As(e, &field) && (s.AtFault(field.Key) || s.unread && s.values[field.Key].Origin == originDefault)
	})
}

// fill shows the defaults that were found on this machine.
func (s *Settings) fill(d *Daemon) {
	switch clients := s.values[keyClients].Value.([]string); {
	case len(clients) == 0:
		d.Clients = []string{filepath.Join(d.Host.DataDir, "clients.sock")}
	case len(clients) > 1 || clients[0] != None:
		d.Clients = clients
	}
	if d.AdminSocket == "" {
		d.AdminSocket = filepath.Join(d.Host.DataDir, "admin.sock")
	}
	if s.values[keyClients].Origin == originDefault {
		s.values[keyClients] = Value{Key: keyClients, Value: d.Clients, Origin: originDefault}
	}
	for key, v := range map[string]string{
		keyName: d.Host.Name, keyBind: d.Host.Bind.String(), keyAdvertise: d.Host.Advertise.String(), keyAdminSocket: d.AdminSocket,
	} {
		if s.values[key].Origin == originDefault {
			s.values[key] = Value{Key: key, Value: v, Origin: originDefault}
		}
	}
}

func (s *Settings) text(key string) string { return s.values[key].Value.(string) }
func (s *Settings) flag(key string) bool   { return s.values[key].Value.(bool) }

// oneOf checks a word against a list.
func (s *Settings) oneOf(key string, allowed ...string) string {
	word := s.text(key)
	if !slices.Contains(allowed, word) {
		s.fault(key, word, strings.Join(allowed, ", "), s.from(key))
		return allowed[0]
	}
	return word
}

func (s *Settings) from(key string) string { return "it comes from " + s.values[key].Origin }

// addrPort reads address[:port]; the zero AddrPort where nothing was said.
func (s *Settings) addrPort(key string, port uint16) netip.AddrPort {
	word := s.text(key)
	if word == "" {
		return netip.AddrPort{}
	}
	if full, err := netip.ParseAddrPort(word); err == nil {
		return full
	}
	if addr, err := netip.ParseAddr(word); err == nil {
		return netip.AddrPortFrom(addr, port)
	}
	if host, digits, ok := strings.Cut(word, ":"); ok && host == "" && key == keyBind {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil && n > 0 {
			return netip.AddrPortFrom(netip.Addr{}, uint16(n)) // any address of ours, that port
		}
	}
	if key == keyMcastGroup {
		s.fault(key, word, "an IPv4 multicast address, or address:port", s.from(key)+"; for example 239.192.77.49:7749")
	} else {
		s.fault(key, word, "an IPv4 address, or address:port", s.from(key)+"; for example 10.0.0.1:7749")
	}
	return netip.AddrPort{}
}

func (s *Settings) logLevel() slog.Level {
	switch s.oneOf(keyLogLevel, "info", "debug", "warn", "error") {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// hostPort reads where a listener is to be; empty: nowhere, or a fault.
func (s *Settings) hostPort(key string) string {
	word := s.text(key)
	if word == None {
		return ""
	}
	_, digits, err := net.SplitHostPort(word)
	if err == nil {
		_, err = strconv.ParseUint(digits, 10, 16)
	}
	cure := s.from(key)
	isPath := strings.Contains(word, "/")
	if isPath {
		cure += "; the path of a socket is for admin-socket"
	}
	if err != nil || isPath {
		s.fault(key, word, "host:port, or none", cure)
		return ""
	}
	return word
}

// noteLater tells of values that will mean something one day.
func (s *Settings) noteLater() {
	for _, n := range []struct{ key, idle, what string }{
		{keyDB, None, "databases do not exist yet: only the has-db bit is set"},
		{keyInitExpect, "0", "init does not exist yet"},
		{keyPartition, "majority", "primary views do not exist yet"},
	} {
		if v := s.values[n.key].Text(); v != n.idle {
			s.notes = append(s.notes, fmt.Sprintf("%s = %s: %s", n.key, v, n.what))
		}
	}
}
