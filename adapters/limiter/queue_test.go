package limiter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// simple is a queue written for sight: lines in the order of their turns, and all else
// by searching.
type simple []*simpleLine

type simpleLine struct {
	caller  string
	number  int
	waiters []*waiter
}

func (s simple) find(caller string) int {
	return slices.IndexFunc(s, func(l *simpleLine) bool { return l.caller == caller })
}

func (s *simple) push(caller string, number int, w *waiter) {
	i := s.find(caller)
	if i < 0 {
		i = len(*s)
		*s = append(*s, &simpleLine{caller: caller, number: number})
	}
	(*s)[i].waiters = append((*s)[i].waiters, w)
}

func (s *simple) pop() *waiter {
	l := (*s)[0]
	*s = (*s)[1:]
	w := l.waiters[0]
	if l.waiters = l.waiters[1:]; len(l.waiters) > 0 {
		*s = append(*s, l)
	}
	return w
}

func (s *simple) remove(w *waiter) {
	i := s.find(w.line.caller)
	l := (*s)[i]
	l.waiters = slices.DeleteFunc(l.waiters, func(o *waiter) bool { return o == w })
	if len(l.waiters) == 0 {
		*s = slices.Delete(*s, i, i+1)
	}
}

func (s simple) longest() *simpleLine {
	return slices.MaxFunc(s, func(a, b *simpleLine) int {
		if d := len(a.waiters) - len(b.waiters); d != 0 {
			return d
		}
		return a.number - b.number
	})
}

func TestQueue_does_what_a_simple_one_does(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 7))
		var q queue
		var want simple
		var waiting []*waiter
		forget := func(w *waiter) {
			waiting = slices.DeleteFunc(waiting, func(o *waiter) bool { return o == w })
		}
		for step := range 500 {
			switch n := r.IntN(10); {
			case n < 5 || len(waiting) == 0:
				caller := fmt.Sprint(r.IntN(8))
				w := q.push(caller)
				want.push(caller, step, w)
				waiting = append(waiting, w)
			case n < 7:
				got := q.pop()
				if w := want.pop(); got != w {
					t.Fatalf("seed %d, step %d: served one of %s, want one of %s", seed, step, got.line.caller, w.line.caller)
				}
				forget(got)
			default:
				w := waiting[r.IntN(len(waiting))]
				want.remove(w)
				q.remove(w)
				forget(w)
			}
			if q.count != len(waiting) || len(q.lines) != len(want) {
				t.Fatalf("seed %d, step %d: %d in %d lines, want %d in %d", seed, step, q.count, len(q.lines), len(waiting), len(want))
			}
			longest := q.longestLine()
			if len(waiting) == 0 {
				if longest != nil {
					t.Fatalf("seed %d, step %d: a longest line of an empty queue", seed, step)
				}
				continue
			}
			if l := want.longest(); longest.caller != l.caller || longest.tail != l.waiters[len(l.waiters)-1] || q.of(l.caller) != len(l.waiters) {
				t.Fatalf("seed %d, step %d: the longest line is %s with %d, want %s with %d", seed, step, longest.caller, longest.count, l.caller, len(l.waiters))
			}
		}
	}
}
