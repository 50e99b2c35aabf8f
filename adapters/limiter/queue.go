package limiter

import "container/heap"

// queue holds those who wait. Each caller has a line, served first come, first
// served; the lines stand in a ring and are served one call at a time in turn. A
// caller who comes anew is served after all who are there already had their turn.
// Everything costs at most the logarithm of the number of callers. The zero value is
// empty. It has no lock of its own.
type queue struct {
	count int
	// lines are those that are not empty.
	lines map[string]*line
	// first is the line whose turn it is; its prev is the last.
	first *line
	// longest has the line with the most calls on top.
	longest lengths
	// joined numbers the lines.
	joined uint64
}

// line is the calls of one caller that wait.
type line struct {
	caller     string
	head, tail *waiter
	count      int
	prev, next *line
	// index is its place in the heap, number the order in which lines came.
	index  int
	number uint64
}

// state is what became of a call that waits.
type state uint8

const (
	queued state = iota
	admitted
	displaced
)

// waiter is one call that waits. Its fields belong to the limiter's lock; settled is
// closed when its state is no longer queued.
type waiter struct {
	line       *line
	prev, next *waiter
	state      state
	light      bool
	settled    chan struct{}
}

func (w *waiter) settle(s state) {
	w.state = s
	close(w.settled)
}

// of tells how many calls of a caller wait.
func (q *queue) of(caller string) int {
	if ln := q.lines[caller]; ln != nil {
		return ln.count
	}
	return 0
}

// longestLine returns the line with the most calls, of several the one that came last;
// nil when nobody waits.
func (q *queue) longestLine() *line {
	if len(q.longest) == 0 {
		return nil
	}
	return q.longest[0]
}

// push lets a call wait at the end of its caller's line.
func (q *queue) push(caller string) *waiter {
	w := &waiter{settled: make(chan struct{})}
	ln := q.lines[caller]
	if ln == nil {
		ln = q.open(caller)
	}
	w.line, w.prev = ln, ln.tail
	if ln.tail == nil {
		ln.head = w
	} else {
		ln.tail.next = w
	}
	ln.tail = w
	q.resize(ln, +1)
	return w
}

// pop takes out the call whose turn it is. The queue must not be empty.
func (q *queue) pop() *waiter {
	w := q.first.head
	q.first = q.first.next
	q.remove(w)
	return w
}

// remove takes out a call that waits.
func (q *queue) remove(w *waiter) {
	ln := w.line
	if w.prev == nil {
		ln.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		ln.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
	q.resize(ln, -1)
	if ln.count == 0 {
		q.close(ln)
	}
}

func (q *queue) resize(ln *line, by int) {
	ln.count += by
	q.count += by
	heap.Fix(&q.longest, ln.index)
}

// open adds a line as the last of the ring.
func (q *queue) open(caller string) *line {
	if q.lines == nil {
		q.lines = make(map[string]*line)
	}
	q.joined++
	ln := &line{caller: caller, number: q.joined}
	q.lines[caller] = ln
	heap.Push(&q.longest, ln)
	if q.first == nil {
		ln.prev, ln.next = ln, ln
		q.first = ln
		return ln
	}
	ln.prev, ln.next = q.first.prev, q.first
	ln.prev.next, ln.next.prev = ln, ln
	return ln
}

// close takes out an empty line.
func (q *queue) close(ln *line) {
	delete(q.lines, ln.caller)
	heap.Remove(&q.longest, ln.index)
	if ln.next == ln {
		q.first = nil
		return
	}
	if q.first == ln {
		q.first = ln.next
	}
	ln.prev.next, ln.next.prev = ln.next, ln.prev
}

// lengths is a heap of lines, the longest first.
type lengths []*line

// Len is heap.Interface's.
func (h lengths) Len() int { return len(h) }

// Less is heap.Interface's.
func (h lengths) Less(i, j int) bool {
	if h[i].count != h[j].count {
		return h[i].count > h[j].count
	}
	return h[i].number > h[j].number
}

// Swap is heap.Interface's.
func (h lengths) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is heap.Interface's.
func (h *lengths) Push(x any) {
	ln := x.(*line)
	ln.index = len(*h)
	*h = append(*h, ln)
}

// Pop is heap.Interface's.
func (h *lengths) Pop() any {
	last := len(*h) - 1
	ln := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return ln
}
