package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/gmsd/gmsd/examples/internal/way"
	"github.com/gmsd/gmsd/gms/member"
)

// hold is how long the program keeps the lock.
const hold = 3 * time.Second

func main() {
	f := way.Parse("lock")
	way.Main(f, func(ctx context.Context, p member.Port) error {
		l, err := newLock(ctx, p, f.Group)
		if err != nil {
			return err
		}
		for ctx.Err() == nil {
			if err := l.acquire(ctx); err != nil {
				return err
			}
			fmt.Fprintf(os.Stdout, "%s has the lock\n", f.Name)
			select {
			case <-time.After(hold):
			case <-ctx.Done():
			}
			if err := l.release(ctx); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}
