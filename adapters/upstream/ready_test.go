package upstream

import (
	"strings"
	"testing"
)

func TestEventReader_knows_what_is_at_hand(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		ready  []bool // after each event
	}{
		"the last one":        {"data: a\n\n", []bool{false}},
		"one behind another":  {"data: a\n\ndata: b\n\n", []bool{true, false}},
		"with CRLF":           {"data: a\r\n\r\ndata: b\r\n\r\n", []bool{true, false}},
		"a part of the next":  {"data: a\n\ndata: b\n", []bool{false}},
		"the terminal event":  {"data: a\n\ndata: [DONE]\n\n", []bool{true, false}},
		"a comment taken for": {"data: a\n\n: ping\n\n", []bool{true}},
		// The first makes the buffer large, which holds the whole of the second. A look through
		// all of it for each event would cost the square of the stream.
		"one that ends far ahead": {"data: " + strings.Repeat("a", 20_000) + "\n\ndata: " + strings.Repeat("b", aheadBytes) + "\n\n", []bool{false, false}},
	} {
		r := NewEventReader(strings.NewReader(test.stream), 1<<20)
		for i, want := range test.ready {
			if _, err := r.Next(); err != nil {
				t.Fatalf("%s: event %d: %v", name, i, err)
			}
			if got := r.Ready(); got != want {
				t.Errorf("%s: after event %d: ready %t, want %t", name, i, got, want)
			}
		}
	}
}
