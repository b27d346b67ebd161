package main

import (
	"strings"
	"sync"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/views"
)

// asksMax bounds how many members are asked at a time.
const asksMax = 16

// askedAt is a member of the view and where it is asked, as /v1/sd gives them.
type askedAt struct {
	Name  string       `json:"name"`
	Host  views.HostID `json:"host"` // zero: nobody answers as it
	Admin string       `json:"admin"`
}

func askedAtOf(t *admin.ServiceTarget) askedAt {
	at := askedAt{Name: t.Labels[admin.LabelName], Admin: strings.Join(t.Targets, ",")}
	if t.Labels[admin.LabelScheme] == "https" {
		at.Admin = admin.SchemeTLS + at.Admin
	}
	at.Host, _ = views.ParseHostID(t.Labels[admin.LabelHost])
	return at
}

// askMembers has ask called for the member of each target, of many at a time, and waits
// until all have answered.
func askMembers(targets []admin.ServiceTarget, ask func(i int, at askedAt)) {
	var asking sync.WaitGroup
	places := make(chan struct{}, asksMax)
	for i := range targets {
		asking.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			ask(i, askedAtOf(&targets[i]))
		})
	}
	asking.Wait()
}
