package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// held are the connections of a script that said something and never go on.
type held struct{ conns []net.Conn }

// heldKey finds them.
type heldKey struct{}

// cmdHolds opens N connections to ADDR, says TEXT on each, and holds them.
func cmdHolds(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: holds N ADDR TEXT")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	text, err := strconv.Unquote(`"` + args[2] + `"`)
	ts.Check(err)
	h := ts.Value(heldKey{}).(*held)
	for range n {
		conn, err := net.Dial("tcp", args[1])
		ts.Check(err)
		h.conns = append(h.conns, conn)
		_, err = io.WriteString(conn, text)
		ts.Check(err)
	}
}

// cmdCut waits until the other side has ended all that are held.
func cmdCut(ts *testscript.TestScript, _ bool, _ []string) {
	h := ts.Value(heldKey{}).(*held)
	for _, conn := range h.conns {
		ts.Check(conn.SetReadDeadline(time.Now().Add(20 * time.Second)))
		_, err := io.Copy(io.Discard, conn)
		if late, ok := err.(net.Error); ok && late.Timeout() { //nolint:errorlint // as the connection gives it
			ts.Fatalf("%s still waits for the rest", conn.RemoteAddr())
		}
	}
	h.end()
}

func (h *held) end() {
	for _, conn := range h.conns {
		_ = conn.Close()
	}
	h.conns = nil
}

// cmdGets reads a URL.
func cmdGets(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: gets URL")
	}
	client := http.Client{Timeout: 30 * time.Second}
	resp, err := client.Get(args[0]) //nolint:noctx // bounded by the client
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s", args[0], resp.Status)
	}
	fmt.Fprintln(ts.Stdout(), string(body))
}
