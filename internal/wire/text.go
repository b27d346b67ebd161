package wire

import (
	"unicode/utf8"

	"github.com/gmsd/gmsd/views"
)

// Texts come from other hosts and end in logs, metrics and terminals: what is not UTF-8
// spoils a scrape, and a control character moves a cursor.

// text reads UTF-8 of any kind.
func (r *reader) text(field string, limit int) string {
	return r.plain(field, limit, "", utf8.ValidString)
}

// line reads a text that people are shown as it is.
func (r *reader) line(field string, limit int) string {
	return r.plain(field, limit, "", views.IsLine)
}

// sameLine is line, and gives before, which is shared, where it says the same.
func (r *reader) sameLine(field string, limit int, before string) string {
	return r.plain(field, limit, before, views.IsLine)
}

func (r *reader) plain(field string, limit int, before string, good func(string) bool) string {
	b := r.span(field, limit)
	if string(b) == before {
		return before
	}
	s := string(b)
	if !good(s) {
		r.fail(field, ErrText)
		return ""
	}
	return s
}

func (w *writer) text(field, v string, limit int) {
	w.plain(field, v, limit, utf8.ValidString)
}

func (w *writer) line(field, v string, limit int) {
	w.plain(field, v, limit, views.IsLine)
}

func (w *writer) plain(field, v string, limit int, good func(string) bool) {
	if !w.count(field, len(v), limit) {
		return
	}
	if !good(v) {
		w.fail(field, ErrText)
	}
	w.b = append(w.b, v...)
}
