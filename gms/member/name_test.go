package member_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
)

func TestCheckGroup(t *testing.T) {
	for _, good := range []string{"g", "a b", "a/b", "..", "Aufträge", strings.Repeat("g", views.GroupNameMax)} {
		if err := member.CheckGroup(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("g", views.GroupNameMax+1), strings.Repeat("g", 256), "a\nb", "\x1b[31m", "\x00", "a\u0085b", "\xff\xfe"} {
		if err := member.CheckGroup(bad); !errors.Is(err, views.ErrGroupName) || len(err.Error()) > 400 {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
