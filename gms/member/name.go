package member

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gmsd/gmsd/views"
)

// CheckGroup refuses what no port can join or send to: a group's name is 1 to
// views.GroupNameMax bytes of UTF-8 without control characters. Logs, labels and
// terminals show it; in the event log two names that are no text would be one. The
// error wraps views.ErrGroupName.
func CheckGroup(name string) error {
	switch {
	case name == "" || len(name) > views.GroupNameMax:
		return fmt.Errorf("%w: %d bytes, want 1 to %d", views.ErrGroupName, len(name), views.GroupNameMax)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%w: %q is not UTF-8 without control characters", views.ErrGroupName, name)
	}
	return nil
}
