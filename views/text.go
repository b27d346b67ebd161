package views

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsLine reports whether a text may be shown to people, and be a label of a metric, as it
// is: UTF-8 of which nothing moves a cursor. Spaces are allowed, and so is no text at all.
func IsLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// IsWord reports whether a text is a line without spaces; no text at all is one.
func IsWord(s string) bool { return IsLine(s) && !strings.ContainsFunc(s, unicode.IsSpace) }
