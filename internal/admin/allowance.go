package admin

import "sync/atomic"

// allowance counts bytes of which there may be only so many at a time, whoever
// has them.
type allowance struct{ bytes atomic.Int64 }

// take reports whether n more are within most; then they count until give.
func (a *allowance) take(n int, most int64) bool {
	if a.bytes.Add(int64(n)) <= most {
		return true
	}
	a.bytes.Add(-int64(n))
	return false
}

func (a *allowance) give(n int) { a.bytes.Add(-int64(n)) }
