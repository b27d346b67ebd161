package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gmsd/gmsd/examples/internal/way"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
)

func main() {
	f := way.Parse("counter")
	way.Main(f, func(ctx context.Context, p member.Port) error {
		return count(ctx, p, f.Group, os.Stdout, func() { _ = addAll(ctx, p, f.Group, os.Stdin) })
	})
}

// addAll adds the numbers of in and leaves behind the last: so all that was added is
// told before the end.
func addAll(ctx context.Context, p member.Port, group string, in io.Reader) error {
	return errors.Join(add(ctx, p, group, in), p.Leave(ctx, group))
}

// add adds the numbers of in.
func add(ctx context.Context, p member.Port, group string, in io.Reader) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if _, err := p.Send(ctx, group, views.Agreed, lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// counter is one copy of the sum.
type counter struct {
	out io.Writer
	sum int64
	// left: we are out.
	left bool
}

// count joins, starts joined, and writes the sum whenever it changes, until it is
// out. What is added before the join, where nobody else is in the group, is added to
// nothing.
func count(ctx context.Context, p member.Port, group string, out io.Writer, joined func()) error {
	if err := p.Join(ctx, group, member.Options{State: true}); err != nil {
		return err
	}
	go joined()
	c := &counter{out: out}
	for !c.left {
		events, err := p.Next(ctx)
		if errors.Is(err, member.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range events {
			c.handle(&events[i])
		}
	}
	return nil
}

func (c *counter) handle(e *member.Event) {
	var n int64
	switch e.Kind {
	case member.KindState: // before the first message, and again after a gap
		if c.sum = 0; e.State != nil {
			_, _ = fmt.Fscan(e.State, &c.sum) // it fails where the connection does: a gap follows
			_ = e.State.Close()
		}
		fmt.Fprintln(c.out, c.sum)
	case member.KindDonate:
		e.Donate(strings.NewReader(fmt.Sprint(c.sum)), 0)
	case member.KindMessage:
		if _, err := fmt.Sscan(string(e.Msg.Payload), &n); err == nil {
			c.sum += n
			fmt.Fprintln(c.out, c.sum)
		}
	case member.KindParted:
		c.left = true
	default:
	}
}
