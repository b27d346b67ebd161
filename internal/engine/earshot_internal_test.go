package engine

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
)

func ears(n int) *earshot {
	s := new(earshot)
	v := &views.View{}
	for i := range n {
		v.Members = append(v.Members, memberN(i+1))
	}
	s.setView(1, v)
	return s
}

// Whether another should have heard us only our own multicasts can say.
func TestMomentsDecide(t *testing.T) {
	const span = 2 * time.Second
	for _, c := range []struct {
		name string
		at   []time.Duration // before the question
		deaf bool
	}{
		{"nothing said", nil, false},
		{"four moments", []time.Duration{1200 * time.Millisecond, 900 * time.Millisecond, 600 * time.Millisecond, 300 * time.Millisecond}, false},
		{"a burst", []time.Duration{350 * time.Millisecond, 340 * time.Millisecond, 330 * time.Millisecond, 320 * time.Millisecond, 310 * time.Millisecond, 300 * time.Millisecond}, false},
		{"five moments", []time.Duration{1500 * time.Millisecond, 1200 * time.Millisecond, 900 * time.Millisecond, 600 * time.Millisecond, 300 * time.Millisecond}, true},
		{"before the span", []time.Duration{2100 * time.Millisecond, 1200 * time.Millisecond, 900 * time.Millisecond, 600 * time.Millisecond, 300 * time.Millisecond}, false},
	} {
		s := ears(2)
		now := views.Instant(time.Hour)
		for _, ago := range c.at {
			s.spoke(now.Add(-ago))
		}
		if got := s.asked(now, 1, span); (got > 0) != c.deaf || (s.deaf == 1) != c.deaf {
			t.Errorf("%s: %d moments, %d deaf, want deaf: %v", c.name, got, s.deaf, c.deaf)
		}
		s.expire(now.Add(copiesLast))
		if (s.deaf == 1) != c.deaf {
			t.Errorf("%s: forgotten too early", c.name)
		}
		if s.expire(now.Add(copiesLast + 1)); s.deaf != 0 {
			t.Errorf("%s: copies go on though nobody asks for them", c.name)
		}
	}
}

// Questions to one who has nothing to say become rare, and begin anew with a packet
// that came by unicast, which it must have sent to all first.
func TestQuestionsBecomeRare(t *testing.T) {
	s := ears(2)
	asked := 0
	now := views.Instant(1)
	tick := func(d time.Duration) {
		for end := now.Add(d); now < end; {
			now = now.Add(250 * time.Millisecond)
			s.heard(now, 1, false)
			if s.question(now, 1) > 0 {
				asked++
				s.answered(1, 0)
			}
		}
	}
	tick(time.Minute)
	if asked < 3 || asked > 8 {
		t.Errorf("%d questions in the first minute", asked)
	}
	asked = 0
	tick(10 * time.Minute)
	if asked > 6 {
		t.Errorf("%d questions in ten minutes, want one in two minutes", asked)
	}
	asked = 0
	s.repaired(1)
	tick(3 * time.Second)
	if asked == 0 {
		t.Error("no question though something was repaired")
	}
}

// A stranger's, a stale or a forged answer changes nothing.
func TestAnswersNobodyAskedFor(t *testing.T) {
	s := ears(2)
	if s.answered(1, 5); s.ears[1].unheard {
		t.Error("an answer without a question counts")
	}
	s.heard(5, 1, false)
	now := views.Instant(unheardAfter + 10)
	if s.question(now, 1) == 0 {
		t.Fatal("no question")
	}
	s.heard(now.Add(1), 1, true)
	if mistaken := s.answered(1, 5); !mistaken || s.ears[1].unheard {
		t.Errorf("one who was heard meanwhile is unheard: %v, or is not told so: %v", s.ears[1].unheard, mistaken)
	}
	if s.answered(1, 5) {
		t.Error("one word is answered twice")
	}
}

// Who goes from view to view keeps what is known of him; another life does not.
func TestEarshotAcrossViews(t *testing.T) {
	s := ears(3)
	s.ears[2].deafAt, s.ears[2].unheard = 5, true
	s.count()
	again := memberN(3)
	again.Incarnation++
	s.setView(10, &views.View{Members: []views.Member{memberN(1), memberN(3)}})
	if s.deaf != 1 || !s.ears[1].unheard {
		t.Error("what was known is lost with the view")
	}
	s.setView(20, &views.View{Members: []views.Member{memberN(1), again}})
	if s.deaf != 0 || s.ears[1].unheard || !s.changed {
		t.Error("another life inherits")
	}
}
