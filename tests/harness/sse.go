package harness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Event is one server-sent event as a client reads it.
type Event struct{ Name, Data string }

// ReadEvents reads events until the end of the body and hands over each as it comes.
// An unfinished event and any other line than data, event and comments are errors:
// those are what our own wire has.
//
// Source: HTML standard, "Server-sent events".
func ReadEvents(body io.Reader, each func(Event)) error {
	r := bufio.NewReaderSize(body, 64<<10)
	var event Event
	begun := false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if errors.Is(err, io.EOF) && !begun && line == "" {
				return nil
			}
			if errors.Is(err, io.EOF) {
				return fmt.Errorf("the stream ends inside an event: %q", line)
			}
			return err
		}
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "":
			if begun {
				each(event)
			}
			event, begun = Event{}, false
		case strings.HasPrefix(line, ":"):
		case strings.HasPrefix(line, "data: "):
			if event.Data != "" {
				event.Data += "\n"
			}
			event.Data += line[len("data: "):]
			begun = true
		case strings.HasPrefix(line, "event: "):
			event.Name = line[len("event: "):]
			begun = true
		default:
			return fmt.Errorf("an odd line: %q", line)
		}
	}
}
