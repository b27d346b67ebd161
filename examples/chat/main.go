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
	f := way.Parse("chat")
	way.Main(f, func(ctx context.Context, p member.Port) error { return chat(ctx, p, f.Group, os.Stdin, os.Stdout) })
}

// chat sends the lines of in, and writes what everybody says to out, until in ends.
func chat(ctx context.Context, p member.Port, group string, in io.Reader, out io.Writer) error {
	if err := p.Join(ctx, group, member.Options{}); err != nil {
		return err
	}
	said := make(chan error, 1)
	go func() { said <- say(ctx, p, group, in) }()
	room := room{out: out}
	for !room.left {
		events, err := p.Next(ctx)
		if errors.Is(err, member.ErrClosed) {
			break
		}
		if err != nil {
			return err
		}
		for i := range events {
			room.handle(&events[i])
		}
	}
	return <-said
}

// say sends each line, and leaves after the last.
func say(ctx context.Context, p member.Port, group string, in io.Reader) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if _, err := p.Send(ctx, group, views.Agreed, lines.Bytes()); err != nil {
			return errors.Join(err, p.Close())
		}
	}
	return errors.Join(lines.Err(), p.Leave(ctx, group))
}

// room is who is there.
type room struct {
	out     io.Writer
	members []groups.Member
	// left: we are out.
	left bool
}

func (r *room) handle(e *member.Event) {
	switch e.Kind {
	case member.KindView:
		r.members = e.View.Members
		for i := range e.View.Left {
			fmt.Fprintf(r.out, "* %s is gone (%s)\n", e.View.Left[i].Name, e.View.Left[i].Why)
		}
		for i := range e.View.Joined {
			fmt.Fprintf(r.out, "* %s is here\n", e.View.Joined[i].Name)
		}
	case member.KindMessage:
		fmt.Fprintf(r.out, "%s: %s\n", r.name(&e.Msg), e.Msg.Payload)
	case member.KindParted:
		r.left = true
	case member.KindGap:
		fmt.Fprintln(r.out, "* the connection was lost for a while")
	default:
	}
}

// name gives the name of a message's sender.
func (r *room) name(m *member.Message) string {
	for i := range r.members {
		if r.members[i].Process == m.ID.From && r.members[i].Port == m.Port {
			return r.members[i].Name
		}
	}
	return fmt.Sprintf("%s:%d", m.ID.From, m.Port)
}
