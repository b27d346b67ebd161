package main

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/seal"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// TestAFloodOfAMember: a member, with the keys of the group and its own, says one thing
// again and again, as fast as it can. What becomes of the group is the member's to decide;
// who asks the other one how it is gets an answer.
func TestAFloodOfAMember(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ring")
	ring := keys.NewRing(keys.KeyOf([keys.Size]byte{1}), 1)
	if err := keyfile.Create(path, ring); err != nil {
		t.Fatal(err)
	}
	at := freePorts(t, 3)
	h1 := newDaemon(t, "--key-file", path, "--name", "h1", "--data-dir", filepath.Join(dir, "h1"), "--transport", "udp", "--bind", at[0], "--peers", at[1], "--admin", at[2], "--clients", "none")
	h2 := newDaemon(t, "--key-file", path, "--name", "h2", "--data-dir", filepath.Join(dir, "h2"), "--transport", "udp", "--bind", at[1], "--peers", at[0], "--admin", "none", "--clients", "none")
	awaitTwo(t, at[2])
	v := h1.host.View().View
	self := h2.host.Self()
	f := &flooder{
		identity: identityOf(t, filepath.Join(dir, "h2")), to: at[0],
		header: message.Header{Group: engine.GroupHash("default"), From: self.Process, Nonce: self.Nonce},
	}
	f.sealer = seal.New(seal.Speaker{Process: self.Process, Nonce: self.Nonce}, f.header.Group)
	f.sealer.SetKeys(ring.Using(), []keys.Key{ring.Using()})
	// What its daemon says to one alone is too late beside that, what it says to all keeps it
	// a member.
	for range 1 << 16 {
		f.sealer.Close(make([]byte, seal.CounterSize), nil, seal.ToOne, views.HostID{})
	}
	next := views.ViewID{Seq: v.ID.Seq + 1, Coordinator: self.Host, Incarnation: self.Incarnation}
	for _, m := range []message.Message{
		&message.Echo{Token: 1, Seq: 1, To: h1.host.Self().Host, View: v.ID},
		&message.Hello{Self: self, View: v.ID, Size: 2},
		&message.Propose{Ballot: next, Base: v.ID},
	} {
		t.Run(m.Type().String(), func(t *testing.T) {
			stop := f.flood(t, m)
			answersMeanwhile(t, at[2])
			stop()
		})
	}
	status, err := h1.host.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range status.Engine.Drops {
		if d.Reason == "forged" || d.Reason == "bad-signature" || d.Reason == "not-signed" {
			t.Errorf("of the flood %d frames were %s", d.Count, d.Reason)
		}
	}
}

// identityOf reads the key pair of a host.
func identityOf(t *testing.T, dataDir string) ed25519.PrivateKey {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dataDir, "identity"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		t.Fatal("the identity is no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(ed25519.PrivateKey)
}

// flooder is a member that says what it likes.
type flooder struct {
	identity ed25519.PrivateKey
	header   message.Header
	sealer   *seal.Sealer
	to       string
}

// flood says m until stop, each time in a frame that counts.
func (f *flooder) flood(t *testing.T, m message.Message) (stop func()) {
	t.Helper()
	conn, err := net.Dial("udp4", f.to)
	if err != nil {
		t.Fatal(err)
	}
	body := f.bodyOf(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	var saying sync.WaitGroup
	saying.Go(func() {
		for ctx.Err() == nil {
			head := wire.AppendSealedHeader(nil, f.header, uint32(f.sealer.Sending()), 1)
			_, _ = conn.Write(f.sealer.Close(head, body, seal.ToOne, views.HostID{})) // as many as arrive
		}
	})
	stop = func() {
		cancel()
		saying.Wait()
		_ = conn.Close()
	}
	t.Cleanup(stop)
	return stop
}

// bodyOf is m, signed where it must be.
func (f *flooder) bodyOf(t *testing.T, m message.Message) []byte {
	t.Helper()
	if m.Type().SignedByItsSender() {
		body, err := wire.AppendBody(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		s := &message.Signed{Inner: m.Type(), Body: body}
		copy(s.Key[:], f.identity.Public().(ed25519.PublicKey))
		s.Sig = [64]byte(ed25519.Sign(f.identity, wire.AppendSigned(nil, f.header, m.Type(), body)))
		m = s
	}
	body, err := wire.AppendMessage(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// answersMeanwhile asks what goes by the loop of the host until it has had much of the
// flood; each answer comes within seconds.
func answersMeanwhile(t *testing.T, adminAt string) {
	t.Helper()
	const much = 5000
	c := admin.NewClient(adminAt)
	defer c.Close()
	begun := framesRead(t, c)
	for asked := 0; asked < 30 || framesRead(t, c) < begun+much; asked++ {
		for _, path := range []string{"/v1/view", "/v1/status", "/readyz"} {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := c.Do(ctx, "GET", path, nil)
			cancel()
			if err != nil {
				t.Fatalf("%s after %d answers: %v", path, asked, err)
			}
		}
		if asked > 5000 {
			t.Fatalf("of the flood only %d frames were read", framesRead(t, c)-begun)
		}
	}
}

var framesIn = regexp.MustCompile(`(?m)^gmsd_transport_packets_total\{dir="in".*\} ([0-9.e+]+)$`)

// framesRead is how many frames the daemon has read, as its metrics tell.
func framesRead(t *testing.T, c *admin.Client) (n int) {
	t.Helper()
	metrics, err := c.Do(t.Context(), "GET", "/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range framesIn.FindAllSubmatch(metrics, -1) {
		one, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		n += int(one)
	}
	if n == 0 {
		t.Fatal(fmt.Errorf("no frames in the metrics: %.2000s", metrics))
	}
	return n
}
