package gms

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/transport/router"
	"github.com/gmsd/gmsd/views"
)

// Validate reports all faults at once, as *[FieldError]s joined. It expects
// that EnsureDefaults has run. It looks at the addresses of this machine.
func (c *Config) Validate() error {
	c.seams.ensureDefaults()
	var f faults
	f.word("name", c.Name, views.NameMax)
	f.word("group", c.Group, views.GroupNameMax)
	if c.DataDir == "" {
		f.add("data-dir", "", "a directory", "name one that survives a reboot")
	}
	if c.Started != StartedAuto && c.Started != StartedAPI && checkCommand(c.Started) == "" {
		f.add("started", c.Started, "auto, api or check:COMMAND", "use api where your program knows when it is ready, check where a command finds out")
	}
	if len(c.Version) > views.VersionMax || !views.IsLine(c.Version) {
		f.add("version", c.Version, fmt.Sprintf("at most %d bytes without control characters", views.VersionMax), "choose a plain one")
	}
	if c.SpoolMax < 0 {
		f.add("spool-max", fmt.Sprint(c.SpoolMax), "0 or more bytes", "leave it out for 1 GiB")
	}
	switch {
	case c.KeyFile == "" && !c.InsecureLab:
		f.add("key-file", "", "the file of the group's keys",
			"make one with gmsd keys gen --out FILE and give every host the same; or insecure-lab, where you trust everybody who can send to it")
	case c.KeyFile != "" && c.InsecureLab:
		f.add("insecure-lab", "true", "false beside a key-file", "leave out one of the two")
	}
	f.attrs(c.Attrs)
	f = append(f, c.peers().faults()...)
	if c.NewTransport == nil {
		c.validateAddresses(&f)
		c.validateTransport(&f)
	}
	return errors.Join(f...)
}

func (c *Config) validateAddresses(f *faults) {
	own, err := c.seams.addresses()
	bind := c.Bind.Addr()
	switch {
	case err != nil:
		f.add("bind", c.Bind.String(), "an address of this machine", "its addresses cannot be read: "+err.Error())
	case bind == netip.IPv4Unspecified() && c.Transport != TransportMulticast:
		// Every address of ours; then advertise says which one is for others.
	case !bind.Is4() || bind.IsUnspecified() || bind.IsMulticast():
		f.add("bind", c.Bind.String(), "one IPv4 address of this machine", "name one of "+list(own))
	case !isOurs(bind, own):
		f.add("bind", c.Bind.String(), "an address of this machine", "name one of "+list(own))
	}
	adv := c.Advertise.Addr()
	if !adv.Is4() || adv.IsUnspecified() || adv.IsMulticast() {
		f.add("advertise", c.Advertise.String(), "one IPv4 address others can reach", "leave it out to use bind")
	}
}

func (c *Config) validateTransport(f *faults) {
	// Also where the transport is another one, or none that there is: all faults at once.
	if g := c.McastGroup; !g.Addr().Is4() || !g.Addr().IsMulticast() || g.Port() == 0 {
		f.add("mcast-group", g.String(), "an IPv4 multicast address (224.0.0.0 to 239.255.255.255) with a port", "the default is 239.192.77.49:7749")
	}
	switch c.Transport {
	case TransportMulticast, TransportUDP, TransportTCP:
	case TransportRouter:
		c.validateRouters(f)
		return
	default:
		f.add("transport", c.Transport, "mcast, udp, tcp or router", "use udp or tcp with peers, or router with routers, where the network has no multicast")
		return
	}
	if len(c.Routers) > 0 {
		f.add("routers", strings.Join(c.Routers, ","), "nothing with transport "+c.Transport, "set transport to router, or leave routers out")
	}
}

func (c *Config) validateRouters(f *faults) {
	if n := len(c.Routers); n < 1 || n > router.RoutersMax {
		f.add("routers", strings.Join(c.Routers, ","), fmt.Sprintf("1 to %d of host:port", router.RoutersMax),
			"start gmsd router on one machine, better two, and name them here")
		return
	}
	for i, r := range c.Routers {
		if router.CheckRouter(r) != nil {
			f.add("routers", r, "host:port", "give a name or an IPv4 address, and the port of gmsd router")
		} else if slices.Contains(c.Routers[:i], r) {
			f.add("routers", r, "each router once", "leave out one of the two")
		}
	}
}

// faults collects what is wrong.
type faults []error

func (f *faults) add(key, value, bound, cure string) {
	*f = append(*f, &FieldError{Key: key, Value: value, Bound: bound, Cure: cure})
}

// word checks a name that people read and scripts split at spaces.
func (f *faults) word(key, value string, bytesMax int) {
	if len(value) < 1 || len(value) > bytesMax || !views.IsWord(value) {
		f.add(key, value, fmt.Sprintf("1 to %d bytes without spaces or control characters", bytesMax), "choose a plain name")
	}
}

func (f *faults) attrs(attrs map[string]string) {
	if len(attrs) > views.AttrsMax {
		f.add("attrs", strconv.Itoa(len(attrs))+" of them", fmt.Sprintf("at most %d", views.AttrsMax), "keep data elsewhere")
	}
	total := 0
	for _, key := range slices.Sorted(maps.Keys(attrs)) {
		value := attrs[key]
		total += len(key) + len(value)
		if len(key) < 1 || len(key) > views.AttrKeyMax || !views.IsWord(key) || strings.Contains(key, "=") {
			f.add("attrs", key, fmt.Sprintf("keys of 1 to %d bytes without spaces or =", views.AttrKeyMax), "choose a plain key")
		}
		if len(value) > views.AttrValueMax || !utf8.ValidString(value) {
			f.add("attrs", key+"="+value, fmt.Sprintf("values of at most %d bytes of UTF-8", views.AttrValueMax), "shorten it")
		}
	}
	if total > views.AttrBytesMax {
		f.add("attrs", strconv.Itoa(total)+" bytes", fmt.Sprintf("at most %d bytes in all", views.AttrBytesMax), "keep data elsewhere")
	}
}

func (f *faults) peers(key string, peers []string, check func(string) error, bound, cure string) {
	if len(peers) > discovery.AddressesMax {
		f.add(key, strconv.Itoa(len(peers))+" of them", fmt.Sprintf("at most %d", discovery.AddressesMax), "a few that are always up are enough")
		return
	}
	for _, p := range peers {
		if check(p) != nil {
			f.add(key, p, bound, cure)
		}
	}
}

func checkAttrs(attrs map[string]string) error {
	var f faults
	f.attrs(attrs)
	return errors.Join(f...)
}

// attrList gives attributes as views hold them: sorted, without duplicates.
func attrList(attrs map[string]string) []views.Attr {
	out := make([]views.Attr, 0, len(attrs))
	for _, key := range slices.Sorted(maps.Keys(attrs)) {
		out = append(out, views.Attr{Key: key, Value: attrs[key]})
	}
	return out
}

func list(addrs []netip.Addr) string {
	words := make([]string, 0, len(addrs))
	for _, a := range addrs {
		words = append(words, a.String())
	}
	if len(words) == 0 {
		return "127.0.0.1 (nothing else is up)"
	}
	return strings.Join(words, ", ")
}
