package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gmsd/gmsd/internal/admin"
)

// TestMain lets the scripts run this test binary as gmsd.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gmsd": main})
}

// TestScripts runs testdata/scripts: the commands as a user meets them, with
// real daemons. Beside testscript's own commands:
//
//	exits CODE gmsd ARGS...   runs it and wants that exit code
//	told STATE                waits until a daemon has told the service manager STATE
//	corrupt FILE...           overwrites the middle of each file
//	awaits TEXT gmsd ARGS...  reads its output until a line has TEXT, then ends it
//	take N VAR                sets VAR to the Nth word of what the last command said
//	blames CAUSE gmsd ARGS... runs gmsd doctor with --json and wants no other cause named
//	holds N ADDR TEXT         opens N connections that say TEXT, in Go's escapes, and no more
//	cut                       waits until the other side has ended all that are held
//	gets URL                  reads it
//	hup                       sends SIGHUP to every command in the background
//
// The condition [root] holds for who may write anywhere.
//
// $PORT1 to $PORT5 are free ports; daemons talk to $NOTIFY_SOCKET.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("..", "..", "testdata", "scripts"),
		Setup: setupScript,
		Condition: func(word string) (bool, error) {
			if word != "root" {
				return false, fmt.Errorf("there is no condition %q", word)
			}
			return os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"take": cmdTake, "exits": cmdExits, "told": cmdTold, "corrupt": cmdCorrupt, "awaits": cmdAwaits, "blames": cmdBlames, "hup": cmdHup,
			"holds": cmdHolds, "cut": cmdCut, "gets": cmdGets,
		},
	})
}

func cmdTake(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: take N VAR")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	words := strings.Fields(ts.ReadFile("stdout"))
	if n < 1 || n > len(words) {
		ts.Fatalf("there are %d words", len(words))
	}
	ts.Setenv(args[1], words[n-1])
}

type notices struct{}

func setupScript(env *testscript.Env) error {
	env.Vars = append(env.Vars, "GMSD_ADMIN=", "GMSD_ADMIN_CERT=", "GMSD_DATA_DIR=", "GMSD_KEY_FILE=")
	for i := 1; i <= 5; i++ {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close() // kept until all are drawn, so that they differ
		env.Setenv("PORT"+strconv.Itoa(i), strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	socket := filepath.Join(env.WorkDir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	env.Setenv("NOTIFY_SOCKET", socket)
	env.Values[notices{}] = conn
	slow := &held{}
	env.Values[heldKey{}] = slow
	env.Defer(slow.end)
	env.Defer(func() { _ = conn.Close() })
	return nil
}

func cmdTold(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: told STATE")
	}
	conn := ts.Value(notices{}).(*net.UnixConn)
	ts.Check(conn.SetReadDeadline(time.Now().Add(30 * time.Second)))
	buf := make([]byte, 256)
	n, err := conn.Read(buf)
	ts.Check(err)
	if got := string(buf[:n]); got != args[0] {
		ts.Fatalf("the daemon told %q, want %q", got, args[0])
	}
}

func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE program args...")
	}
	if got := runCoded(ts, args[1:]); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// runCoded gives the exit code of a program that could be run.
func runCoded(ts *testscript.TestScript, args []string) int {
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return exitOK
}

func cmdBlames(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: blames CAUSE program args...")
	}
	code := runCoded(ts, args[1:])
	var found admin.DoctorAnswer
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &found))
	if named := len(found.Verdicts) > 0; named != (code == exitRefused) || !named && code != exitOK {
		ts.Fatalf("exit code %d with %d causes", code, len(found.Verdicts))
	}
	others := slices.DeleteFunc(found.Verdicts, func(v admin.VerdictAnswer) bool { return v.Cause == args[0] })
	if (len(others) > 0) != neg {
		ts.Fatalf("beside %s it names %+v", args[0], others)
	}
}

func cmdCorrupt(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		path := ts.MkAbs(name)
		raw, err := os.ReadFile(path)
		ts.Check(err)
		for i := len(raw) / 4; i < len(raw); i++ {
			raw[i] ^= 0x55
		}
		if len(raw) == 0 {
			ts.Fatalf("%s is empty", name)
		}
		ts.Check(os.WriteFile(path, raw, 0o600))
		fmt.Fprintln(ts.Stdout(), "corrupted", name)
	}
}

func cmdAwaits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: awaits TEXT program args...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.CommandContext(ctx, path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"GMSD_ADMIN=" + ts.Getenv("GMSD_ADMIN"), "GMSD_DATA_DIR=" + ts.Getenv("GMSD_DATA_DIR")}
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	found := false
	for lines := bufio.NewScanner(out); !found && lines.Scan(); {
		found = strings.Contains(lines.Text(), args[0])
	}
	cancel()
	_ = cmd.Wait() // it was killed
	if !found {
		ts.Fatalf("no line had %q", args[0])
	}
}

func cmdHup(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGHUP))
	}
}
