package upstream

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// The cases follow the HTML standard, "Server-sent events", sections "Parsing an
// event stream" and "Interpreting an event stream", its examples included.
var eventCases = []struct {
	name, stream string
	want         []Event
	end          error
}{
	{name: "nothing at all", stream: "", end: io.EOF},
	{name: "only comments", stream: ": hi\n\n: again\n", end: io.EOF},
	{name: "a comment without its line end", stream: ": hi", end: io.EOF},
	{name: "LF", stream: "data: a\n\ndata: b\n\n", want: []Event{{Data: []byte("a")}, {Data: []byte("b")}}, end: io.EOF},
	{name: "CRLF", stream: "data: a\r\n\r\ndata: b\r\n\r\n", want: []Event{{Data: []byte("a")}, {Data: []byte("b")}}, end: io.EOF},
	{name: "CR", stream: "data: a\r\rdata: b\r\r", want: []Event{{Data: []byte("a")}, {Data: []byte("b")}}, end: io.EOF},
	{
		name: "CRLF between several lines of an event", stream: "event: x\r\ndata: a\r\ndata: b\r\n\r\n",
		want: []Event{{Name: "x", Data: []byte("a\nb")}}, end: io.EOF,
	},
	{
		name: "CR between several lines of an event", stream: "event: x\rdata: a\rdata: b\r\r",
		want: []Event{{Name: "x", Data: []byte("a\nb")}}, end: io.EOF,
	},
	{name: "line ends mixed", stream: "data: a\r\n\rdata: b\n\r\n", want: []Event{{Data: []byte("a")}, {Data: []byte("b")}}, end: io.EOF},
	{name: "no space behind the colon", stream: "data:a\n\n", want: []Event{{Data: []byte("a")}}, end: io.EOF},
	{name: "only one space is taken", stream: "data:  a\n\n", want: []Event{{Data: []byte(" a")}}, end: io.EOF},
	{name: "a colon in the value", stream: "data: a: b\n\n", want: []Event{{Data: []byte("a: b")}}, end: io.EOF},
	{
		name: "several data lines", stream: "data: YHOO\ndata: +2\ndata: 10\n\n",
		want: []Event{{Data: []byte("YHOO\n+2\n10")}}, end: io.EOF,
	},
	{
		name: "the standard's example of empty data", stream: "data\n\ndata\ndata\n\ndata:",
		want: []Event{{Data: []byte("")}, {Data: []byte("\n")}}, end: ErrIncomplete,
	},
	{
		name: "the standard's example of ids", stream: ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
		want: []Event{{ID: "1", Data: []byte("first event")}, {Data: []byte("second event")}, {Data: []byte(" third event")}}, end: io.EOF,
	},
	{name: "an id stays", stream: "id: 7\ndata: a\n\ndata: b\n\n", want: []Event{{ID: "7", Data: []byte("a")}, {ID: "7", Data: []byte("b")}}, end: io.EOF},
	{name: "an id with a NUL is none", stream: "id: 7\x00\ndata: a\n\n", want: []Event{{Data: []byte("a")}}, end: io.EOF},
	{name: "a name", stream: "event: error\ndata: {}\n\ndata: b\n\n", want: []Event{{Name: "error", Data: []byte("{}")}, {Data: []byte("b")}}, end: io.EOF},
	{name: "a name without data is no event", stream: "event: ping\n\ndata: b\n\n", want: []Event{{Data: []byte("b")}}, end: io.EOF},
	{name: "retry and unknown fields", stream: "retry: 10\nfoo: bar\nDATA: no\n data: no\ndata: yes\n\n", want: []Event{{Data: []byte("yes")}}, end: io.EOF},
	{name: "comments inside an event", stream: "data: a\n: OPENROUTER PROCESSING\ndata: b\n\n", want: []Event{{Data: []byte("a\nb")}}, end: io.EOF},
	{name: "a byte order mark", stream: "\ufeffdata: a\n\n", want: []Event{{Data: []byte("a")}}, end: io.EOF},
	{name: "only a byte order mark", stream: "\ufeff", end: io.EOF},
	{name: "a second byte order mark is a field name", stream: "\ufeffdata: a\n\n\ufeffdata: b\n\n", want: []Event{{Data: []byte("a")}}, end: io.EOF},
	{name: "characters of several bytes", stream: "data: schön 🙂\u2028\n\n", want: []Event{{Data: []byte("schön 🙂\u2028")}}, end: io.EOF},
	{name: "cut behind the data line", stream: "data: a\n\ndata: b\n", want: []Event{{Data: []byte("a")}}, end: ErrIncomplete},
	{name: "cut inside the data line", stream: "data: a\n\ndata: {\"b", want: []Event{{Data: []byte("a")}}, end: ErrIncomplete},
	{name: "cut inside the field name", stream: "data: a\n\nda", want: []Event{{Data: []byte("a")}}, end: ErrIncomplete},
	{name: "cut behind the name", stream: "data: a\n\nevent: x\n", want: []Event{{Data: []byte("a")}}, end: ErrIncomplete},
}

func TestEventReader_reads_what_the_standard_says(t *testing.T) {
	for _, c := range eventCases {
		t.Run(c.name, func(t *testing.T) {
			readers := map[string]io.Reader{
				"at once":     strings.NewReader(c.stream),
				"by bytes":    iotest.OneByteReader(strings.NewReader(c.stream)),
				"by halves":   iotest.HalfReader(strings.NewReader(c.stream)),
				"end at once": iotest.DataErrReader(strings.NewReader(c.stream)),
			}
			for how, source := range readers {
				got, err := readEvents(NewEventReader(source, 1<<20))
				if !errors.Is(err, c.end) {
					t.Errorf("%s: ended with %v, want %v", how, err, c.end)
				}
				compareEvents(t, how, got, c.want)
			}
		})
	}
}

func TestEventReader_survives_a_cut_of_the_reads_at_every_byte(t *testing.T) {
	stream := "\ufeffevent: a\r\ndata: schön\r\n\r\n: note\r\rdata: 🙂\ndata:x\n\ndata: z\n\n"
	want := []Event{{Name: "a", Data: []byte("schön")}, {Data: []byte("🙂\nx")}, {Data: []byte("z")}}
	for cut := range len(stream) + 1 {
		source := io.MultiReader(strings.NewReader(stream[:cut]), strings.NewReader(stream[cut:]))
		got, err := readEvents(NewEventReader(source, 1<<20))
		if !errors.Is(err, io.EOF) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		compareEvents(t, "cut", got, want)
	}
}

func TestEventReader_hands_out_data_that_it_never_writes_to_again(t *testing.T) {
	var stream strings.Builder
	var want []string
	for i := range 2000 {
		text := strings.Repeat(string(rune('a'+i%26)), i%97)
		want = append(want, text)
		stream.WriteString("data: " + text + "\n\n")
	}
	events, err := readEvents(NewEventReader(iotest.HalfReader(strings.NewReader(stream.String())), 1<<20))
	if !errors.Is(err, io.EOF) || len(events) != len(want) {
		t.Fatalf("%d events and %v, want %d and the end", len(events), err, len(want))
	}
	for i, event := range events {
		if string(event.Data) != want[i] {
			t.Fatalf("event %d is %q, want %q", i, event.Data, want[i])
		}
		// Appending must not reach the next event either.
		_ = append(event.Data, "overwritten"...)
	}
	for i, event := range events {
		if string(event.Data) != want[i] {
			t.Fatalf("event %d became %q, want %q", i, event.Data, want[i])
		}
	}
}

func TestEventReader_gives_an_event_as_soon_as_it_is_whole(t *testing.T) {
	for _, stream := range []string{"data: a\n\n", "data: a\r\r", "data: a\r\n\r"} {
		source := io.MultiReader(strings.NewReader(stream), iotest.ErrReader(errors.New("must not be read")))
		event, err := NewEventReader(source, 1<<20).Next()
		if err != nil || string(event.Data) != "a" {
			t.Errorf("%q: %q and %v, want a", stream, event.Data, err)
		}
	}
}

func TestEventReader_reads_an_event_as_large_as_its_limit_and_none_larger(t *testing.T) {
	line := "data: " + strings.Repeat("x", 1<<20)
	reader := NewEventReader(strings.NewReader(line+"\n\n"), int64(len(line)))
	event, err := reader.Next()
	if err != nil || len(event.Data) != 1<<20 {
		t.Fatalf("%d bytes and %v, want a megabyte", len(event.Data), err)
	}
	for name, stream := range map[string]string{
		"one line":     line + "x\n\n",
		"many lines":   strings.Repeat("data: 0123456789\n", 1<<17),
		"no line end":  "data: " + strings.Repeat("x", 4<<20),
		"comment":      ":" + strings.Repeat("x", 4<<20),
		"name":         strings.Repeat("event: 0123456789\n", 1<<17),
		"field so far": strings.Repeat("x", 4<<20),
	} {
		source := strings.NewReader(stream)
		if _, err := NewEventReader(source, int64(len(line))).Next(); !errors.Is(err, ErrEventTooLarge) {
			t.Errorf("%s: %v, want %v", name, err, ErrEventTooLarge)
		}
		if read := len(stream) - source.Len(); read > 3<<20 {
			t.Errorf("%s: read %d bytes before it gave up", name, read)
		}
	}
}

func TestEventReader_gives_up_on_a_stream_that_says_nothing(t *testing.T) {
	const megabyte = 1 << 20
	for name, line := range map[string]string{
		"comments":              ": still thinking\n\n",
		"comments in one event": ": still thinking\n",
		"blank lines":           "\n",
		"blank lines of CRLF":   "\r\n",
		"ids":                   "id: 12\n",
		"retries":               "retry: 10\n\n",
		"fields of nobody":      "foo: bar\n",
		"names without data":    "event: ping\n\n",
		"empty events":          "data:\n\n",
	} {
		source := strings.NewReader("data: a\n\n" + strings.Repeat(line, 3*megabyte/len(line)))
		reader := NewEventReader(source, 16*megabyte)
		events, err := readEvents(reader)
		if !errors.Is(err, ErrNoEvents) || string(events[0].Data) != "a" {
			t.Errorf("%s: %v, want %v", name, err, ErrNoEvents)
		}
		if read := int(source.Size()) - source.Len(); read < megabyte || read > 5*megabyte/2 {
			t.Errorf("%s: gave up behind %d bytes, want a megabyte or a little more", name, read)
		}
		// As many of them, with an event now and then, are no harm.
		some := strings.Repeat(line, megabyte/2/len(line)) + "\ndata: a\n\n"
		if _, err := readEvents(NewEventReader(strings.NewReader(strings.Repeat(some, 3)), 16*megabyte)); !errors.Is(err, io.EOF) {
			t.Errorf("%s with events in between: %v", name, err)
		}
	}
}

func TestEventReader_takes_about_twice_the_limit_for_an_event_that_exceeds_it(t *testing.T) {
	const limit = 4 << 20
	for name, piece := range map[string]string{
		"one line":    strings.Repeat("x", 1<<10),
		"long lines":  "data: " + strings.Repeat("x", 64<<10) + "\n",
		"short lines": "data: 0123456789\n",
	} {
		text := "data: " + strings.Repeat(piece, 2*limit/len(piece))
		source := strings.NewReader(text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := NewEventReader(source, limit).Next(); !errors.Is(err, ErrEventTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		taken := after.TotalAlloc - before.TotalAlloc
		// What a buffer leaves behind while it doubles is as much again.
		if taken > 5*limit/2 {
			t.Errorf("%s: %d bytes for an event of at most %d", name, taken, limit)
		}
	}
}

func TestEventReader_returns_the_error_of_its_source(t *testing.T) {
	broken := errors.New("broken")
	reader := NewEventReader(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(broken)), 1<<20)
	if event, err := reader.Next(); err != nil || string(event.Data) != "a" {
		t.Fatalf("%q and %v, want a", event.Data, err)
	}
	if _, err := reader.Next(); !errors.Is(err, broken) {
		t.Errorf("%v, want the error of the source", err)
	}
}

// FuzzEventReader compares the reader, fed in pieces, with one that sees all at
// once and is written down from the standard.
func FuzzEventReader(f *testing.F) {
	for _, c := range eventCases {
		f.Add([]byte(c.stream), uint8(3))
	}
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		want, wantEnd := naiveEvents(stream)
		source := &stepReader{stream, int(step)%11 + 1}
		got, err := readEvents(NewEventReader(source, 1<<30))
		if !errors.Is(err, wantEnd) {
			t.Fatalf("ended with %v, want %v", err, wantEnd)
		}
		compareEvents(t, "fuzz", got, want)
	})
}

// naiveEvents follows the standard's words over all of the bytes.
func naiveEvents(stream []byte) (events []Event, end error) {
	text := strings.TrimPrefix(string(stream), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	lines := strings.Split(text, "\n")
	last := lines[len(lines)-1]
	var data, name, id string
	for _, line := range lines[:len(lines)-1] {
		if line == "" {
			if data != "" {
				events = append(events, Event{Name: name, ID: id, Data: []byte(strings.TrimSuffix(data, "\n"))})
			}
			data, name = "", ""
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case field == "data":
			data += value + "\n"
		case field == "event":
			name = value
		case field == "id" && !strings.Contains(value, "\x00"):
			id = value
		}
	}
	if data != "" || name != "" || last != "" && last[0] != ':' {
		return events, ErrIncomplete
	}
	return events, io.EOF
}

type stepReader struct {
	rest []byte
	step int
}

func (r *stepReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest[:min(r.step, len(r.rest))])
	r.rest = r.rest[n:]
	return n, nil
}

func readEvents(r *EventReader) (events []Event, err error) {
	for {
		event, err := r.Next()
		if err != nil {
			return events, err
		}
		events = append(events, event)
	}
}

func compareEvents(t *testing.T, how string, got, want []Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d events, want %d", how, len(got), len(want))
		return
	}
	for i := range want {
		if got[i].Name != want[i].Name || got[i].ID != want[i].ID || !bytes.Equal(got[i].Data, want[i].Data) {
			t.Errorf("%s: event %d is %q, want %q", how, i, got[i], want[i])
		}
	}
}

func BenchmarkEventReader(b *testing.B) {
	// The size of a usual chunk of OpenAI's.
	event := "data: {\"id\":\"chatcmpl-123\"" + strings.Repeat(",\"k\":\"v\"", 32) + "}\n\n"
	stream := strings.Repeat(event, 1000)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		reader := NewEventReader(strings.NewReader(stream), 1<<20)
		for {
			if _, err := reader.Next(); err != nil {
				break
			}
		}
	}
}
