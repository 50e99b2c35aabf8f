package bedrock

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// encoded writes messages by the library of the official SDK.
func encoded(t testing.TB, payloads ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, payload := range payloads {
		message := eventstream.Message{Payload: []byte(payload)}
		message.Headers.Set(":message-type", eventstream.StringValue("event"))
		message.Headers.Set(":event-type", eventstream.StringValue("messageStart"))
		if err := eventstream.NewEncoder().Encode(&out, message); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

const limit = 1 << 10

func TestEventReader_reads_what_the_official_library_writes(t *testing.T) {
	stream := encoded(t, `{"a":1}`, "", strings.Repeat("x", 500))
	for name, source := range map[string]io.Reader{
		"whole": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream)), "with its end": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		r := newEventReader(source, limit)
		for i, want := range []string{`{"a":1}`, "", strings.Repeat("x", 500)} {
			e, err := r.next()
			if err != nil || string(e.payload) != want || e.kind != "event" || e.name != "messageStart" {
				t.Fatalf("%s: event %d: %+v, %v", name, i, e, err)
			}
		}
		if _, err := r.next(); err != io.EOF { //nolint:errorlint // it must be the error itself
			t.Errorf("%s: %v, want EOF", name, err)
		}
	}
}

func TestEventReader_finds_every_broken_byte(t *testing.T) {
	stream := encoded(t, `{"role":"assistant"}`)
	for i := range stream {
		damaged := bytes.Clone(stream)
		damaged[i] ^= 0x10
		if _, err := newEventReader(bytes.NewReader(damaged), limit).next(); !errors.Is(err, errMalformed) {
			t.Errorf("byte %d: %v, want a damaged event", i, err)
		}
	}
	for i := 1; i < len(stream); i++ {
		if _, err := newEventReader(bytes.NewReader(stream[:i]), limit).next(); !errors.Is(err, errBroken) {
			t.Errorf("the first %d bytes: %v, want a broken stream", i, err)
		}
	}
}

// prelude begins a message of a length.
func prelude(size uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, size)
	b = binary.BigEndian.AppendUint32(b, 0)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func TestEventReader_bounds_events(t *testing.T) {
	stream := encoded(t, strings.Repeat("x", 500))
	if _, err := newEventReader(bytes.NewReader(stream), int64(len(stream))).next(); err != nil {
		t.Errorf("an event of the limit: %v", err)
	}
	if _, err := newEventReader(bytes.NewReader(stream), int64(len(stream)-1)).next(); !errors.Is(err, errTooLarge) {
		t.Errorf("an event above the limit: %v", err)
	}
	for _, size := range []uint32{0, 15} {
		if _, err := newEventReader(bytes.NewReader(prelude(size)), limit).next(); !errors.Is(err, errMalformed) {
			t.Errorf("a length of %d: %v", size, err)
		}
	}
	for _, headers := range []uint32{1, 1 << 20, 1<<32 - 1} {
		// Headers that are longer than their message.
		damaged := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, leastMessageBytes), headers)
		damaged = binary.BigEndian.AppendUint32(damaged, crc32.ChecksumIEEE(damaged))
		damaged = binary.BigEndian.AppendUint32(damaged, crc32.ChecksumIEEE(damaged))
		if _, err := newEventReader(bytes.NewReader(damaged), limit).next(); !errors.Is(err, errMalformed) {
			t.Errorf("headers of %d bytes in a message without room: %v", headers, err)
		}
	}
	// The word of a length takes no memory: only what comes does.
	promised := append(prelude(16<<20), make([]byte, 100)...)
	if n := testing.AllocsPerRun(1, func() {
		_, _ = newEventReader(bytes.NewReader(promised), 16<<20).next()
	}); n > 50 {
		t.Errorf("%v allocations", n)
	}
	sourceFails := errors.New("the source fails")
	if _, err := newEventReader(iotest.ErrReader(sourceFails), limit).next(); !errors.Is(err, sourceFails) {
		t.Errorf("%v, want the source's error", err)
	}
}

func TestEventReader_tells_whether_more_is_at_hand(t *testing.T) {
	stream := encoded(t, "a", "b")
	r := newEventReader(bytes.NewReader(stream), limit)
	if r.ready() {
		t.Error("ready before anything was read")
	}
	for i, want := range []bool{true, false} {
		if _, err := r.next(); err != nil || r.ready() != want {
			t.Errorf("behind event %d: ready is %t, %v", i, r.ready(), err)
		}
	}
}

func FuzzEventReader(f *testing.F) {
	f.Add(encoded(f, `{"role":"assistant"}`, "x"))
	f.Add(prelude(16))
	f.Add([]byte("data: {}\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := newEventReader(bytes.NewReader(stream), limit)
		for n := 0; ; n++ {
			if _, err := r.next(); err != nil {
				return
			}
			if n > len(stream)/leastMessageBytes {
				t.Fatal("more events than fit")
			}
		}
	})
}

// A header may have any type, and a message any headers.
func TestEventReader_reads_headers_of_any_type(t *testing.T) {
	for name, c := range map[string]struct {
		kind, event eventstream.Value
		ok          bool
	}{
		"as it is":        {eventstream.StringValue("event"), eventstream.StringValue("messageStart"), true},
		"a number":        {eventstream.Int32Value(7), eventstream.StringValue("messageStart"), false},
		"bytes":           {eventstream.BytesValue("event"), eventstream.StringValue("messageStart"), false},
		"an unknown kind": {eventstream.StringValue("later"), eventstream.StringValue("messageStart"), false},
		"no kind":         {nil, eventstream.StringValue("messageStart"), false},
		"a flag as name":  {eventstream.StringValue("event"), eventstream.BoolValue(true), true},
		"no name":         {eventstream.StringValue("event"), nil, true},
	} {
		message := eventstream.Message{Payload: []byte("{}")}
		if c.kind != nil {
			message.Headers.Set(":message-type", c.kind)
		}
		if c.event != nil {
			message.Headers.Set(":event-type", c.event)
		}
		var out bytes.Buffer
		if err := eventstream.NewEncoder().Encode(&out, message); err != nil {
			t.Fatal(err)
		}
		e, err := newEventReader(&out, limit).next()
		if (err == nil) != c.ok || err != nil && !errors.Is(err, errMalformed) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}
