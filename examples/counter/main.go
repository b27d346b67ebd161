package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gmsd/gmsd/examples/internal/way"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

func main() {
	f := way.Parse("counter")
	way.Main(f, func(ctx context.Context, p member.Port) error {
		go func() { _ = add(ctx, p, f.Group, os.Stdin); _ = p.Close() }()
		return count(ctx, p, f.Group, os.Stdout)
	})
}

// add adds the numbers of in.
func add(ctx context.Context, p member.Port, group string, in io.Reader) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if _, err := p.Send(ctx, group, views.Agreed, fmt.Appendf(nil, "add %s", lines.Text())); err != nil {
			return err
		}
	}
	return lines.Err()
}

// counter is one copy of the sum.
type counter struct {
	port member.Port
	out  io.Writer
	// known is false until we have the sum of those before us; meanwhile sum is
	// what was added since the view at.
	known bool
	sum   int64
	at    groups.GroupViewID
}

// count joins and writes the sum whenever it changes, until the port ends.
func count(ctx context.Context, p member.Port, group string, out io.Writer) error {
	if err := p.Join(ctx, group, member.Options{}); err != nil {
		return err
	}
	c := &counter{port: p, out: out}
	for {
		events, err := p.Next(ctx)
		if errors.Is(err, member.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range events {
			c.handle(ctx, &events[i])
		}
	}
}

func (c *counter) handle(ctx context.Context, e *member.Event) {
	switch e.Kind {
	case member.KindGap:
		c.known = false
	case member.KindView:
		c.view(ctx, e.View)
	case member.KindMessage:
		c.message(e.Msg.Payload)
	default:
	}
}

// view has the oldest member tell the sum to those who do not know it.
func (c *counter) view(ctx context.Context, v *groups.GroupView) {
	self, oldest := c.port.Self(), v.Members[0]
	if c.at = v.ID; !c.known {
		c.sum = 0
	}
	if oldest.Process != self.Process || oldest.Port != self.Port {
		return
	}
	if !c.known {
		c.known = true // nobody is left who did
		fmt.Fprintln(c.out, c.sum)
	}
	told := fmt.Appendf(nil, "sum %s %d", v.ID, c.sum)
	go func() { _ = c.port.Post(ctx, v.Group, views.Agreed, told) }() // a loop that reads must not wait to send; the next view tells it again
}

func (c *counter) message(b []byte) {
	var n int64
	var at string
	if _, err := fmt.Sscanf(string(b), "add %d", &n); err == nil {
		c.sum += n
		if c.known {
			fmt.Fprintln(c.out, c.sum)
		}
	} else if _, err := fmt.Sscanf(string(b), "sum %s %d", &at, &n); err == nil && !c.known && at == c.at.String() {
		c.known, c.sum = true, c.sum+n
		fmt.Fprintln(c.out, c.sum)
	}
}
