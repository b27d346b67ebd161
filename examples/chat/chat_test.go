package main

import (
	"io"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms/member/membertest"
)

func TestChat(t *testing.T) {
	f := membertest.NewFake(2, membertest.FakeOptions{})
	ann, _ := f.Open(0, "ann")
	bob, _ := f.Open(1, "bob")
	heard, ended := make(chan string, 1), make(chan error, 1)
	read, write := io.Pipe()
	go func() {
		var out strings.Builder
		ended <- chat(t.Context(), ann, "chat", read, &out)
		heard <- out.String()
	}()
	// Ann's first line is there before Bob comes: the pipe hands it over when the
	// line before was sent.
	for _, line := range []string{"is anybody there?\n", "\n"} {
		if _, err := io.WriteString(write, line); err != nil {
			t.Fatal(err)
		}
	}
	if err := chat(t.Context(), bob, "chat", strings.NewReader("hello\nbye\n"), io.Discard); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(<-heard, "ann: \n", "")
	want := "* ann is here\nann: is anybody there?\n* bob is here\nbob: hello\nbob: bye\n* bob is gone (left)\n"
	if got != want {
		t.Errorf("ann saw\n%swant\n%s", got, want)
	}
}
