package adaptertest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// eventsFile holds the events of a binary stream, one in a line: the headers, whose names
// begin with a colon, and the payload, a JSON value:
//
//	{":message-type": "event", ":event-type": "messageStart", "payload": {"role": "assistant"}}
const eventsFile = "upstream_events.jsonl"

const mediaBinaryEvents = "application/vnd.amazon.eventstream"

func isBinaryStream(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), mediaBinaryEvents)
}

// isStream tells whether the recorded answer arrives in events.
func (f *Fixture) isStream() bool { return isEventStream(f.header) || isBinaryStream(f.header) }

// readEvents makes the body of an answer out of its events, where they are recorded as such.
func (f *Fixture) readEvents(t *testing.T) {
	t.Helper()
	for line := range bytes.Lines(f.read(t, eventsFile, false)) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		members := map[string]json.RawMessage{}
		strict(t, line, &members)
		headers := map[string]string{":content-type": "application/json"}
		var payload bytes.Buffer
		for name, value := range members {
			switch {
			case name == "payload":
				if err := json.Compact(&payload, value); err != nil {
					t.Fatalf("%s: %s: %v", f.dir, eventsFile, err)
				}
			case strings.HasPrefix(name, ":"):
				var text string
				strict(t, value, &text)
				headers[name] = text
			default:
				t.Fatalf("%s: %s: %q is neither a header nor the payload", f.dir, eventsFile, name)
			}
		}
		f.events = append(f.events, len(f.body))
		f.body = appendMessage(f.body, headers, payload.Bytes())
	}
}

// appendMessage appends a message of an event stream: lengths and their checksum, headers,
// payload, checksum of all.
//
// Source: Amazon Transcribe developer guide, "Event stream encoding".
func appendMessage(b []byte, headers map[string]string, payload []byte) []byte {
	var head []byte
	for _, name := range slices.Sorted(mapKeys(headers)) {
		const typeString = 7
		head = append(append(head, byte(len(name))), name...)
		head = append(binary.BigEndian.AppendUint16(append(head, typeString), uint16(len(headers[name]))), headers[name]...)
	}
	start := len(b)
	b = appendPrelude(b, len(head), len(payload))
	b = append(append(b, head...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}

func appendPrelude(b []byte, head, payload int) []byte {
	const around = 16 // the prelude, and the checksum behind
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(around+head+payload))
	b = binary.BigEndian.AppendUint32(b, uint32(head))
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}

// lastEvent returns where the last event of the stream begins.
func (f *Fixture) lastEvent() int {
	if n := len(f.events); n > 0 {
		return f.events[n-1]
	}
	return lastEvent(f.body)
}

// behindEvent tells whether a place of the stream is behind an event.
func (f *Fixture) behindEvent(at int) bool {
	if len(f.events) > 0 {
		return slices.Contains(f.events, at) || at == len(f.body)
	}
	return behindEvent(f.body[:at])
}

// largeEvent is how an event begins that has no end.
func (f *Fixture) largeEvent() []byte {
	if isBinaryStream(f.header) {
		return appendPrelude(nil, 0, 1<<30)
	}
	return []byte("data: ")
}

// payloads returns those of the stream's events.
func (f *Fixture) payloads() [][]byte {
	out := make([][]byte, 0, len(f.events))
	for i, start := range f.events {
		end := len(f.body)
		if i+1 < len(f.events) {
			end = f.events[i+1]
		}
		message := f.body[start:end]
		head := int(binary.BigEndian.Uint32(message[4:]))
		out = append(out, message[12+head:len(message)-4])
	}
	return out
}
