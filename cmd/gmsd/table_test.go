package main

import (
	"bytes"
	"fmt"
	"testing"
)

func TestTableEndsItsLines(t *testing.T) {
	var b bytes.Buffer
	tab := newTable(&b, 2)
	fmt.Fprint(tab, "name\tattrs\th\u00f6st\nh1\t\t\n  h2\ta b\tx\n\t\t\n")
	if err := tab.Flush(); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "name  attrs  h\u00f6st\nh1\n  h2  a b    x\n\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if _, err := (&trimming{w: full{}}).Write([]byte("x")); err == nil {
		t.Error("an output that fails is no error")
	}
}
