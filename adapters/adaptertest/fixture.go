package adaptertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"iter"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the goldens of what adapters send anew")

// The operations of a case.
const (
	opChat   = "chat"
	opStream = "stream"
	opEmbed  = "embed"
	opModels = "models"
	opModel  = "model"
	opCount  = "count"
)

// megabyte in a recorded answer, and in what is expected of it, stands for that
// many bytes of text.
const megabyte = "<<1MiB>>"

// Fixture is one case: the case.json of its folder, and beside it
//
//   - request.json: the request, as Sluice's contract writes it. None for models.
//   - upstream_request.json: what the provider must receive, with the order of its
//     members, each digit and each escape; only white space is free. A golden.
//   - upstream_response.http: what the provider answers: a status line, headers, an
//     empty line, the body to the last byte.
//   - upstream_events.jsonl: in the place of the body, the events of a binary stream, one in
//     a line: see eventsFile.
//   - response.json: the answer that is expected, compared as JSON values. A "created" of
//     -1 in it stands for the time of the call. Missing: the provider's own body.
//   - chunks.jsonl: for a stream, the chunks that are expected, one in a line.
//   - error.json: the error that is expected, after the chunks: see Failure.
type Fixture struct {
	// Name is the folder's.
	Name string `json:"-"`
	// Source says which documentation the bytes are from.
	Source string `json:"source"`
	// Operation is chat, stream, embed, models, model or count.
	Operation string `json:"operation"`
	// Model, Header and Query are those of the call.
	Model  string            `json:"model"`
	Header map[string]string `json:"header"`
	Query  string            `json:"query"`
	// Upstream is the request line and what headers the provider must, and must not,
	// receive.
	Upstream struct {
		Method string            `json:"method"`
		Path   string            `json:"path"`
		Query  string            `json:"query"`
		Header map[string]string `json:"header"`
		Absent []string          `json:"absent"`
	} `json:"upstream"`
	// Requests are how many the call sends, of which the first is compared. 0: one.
	Requests int `json:"requests"`
	// Reply holds all headers that must come back beside the answer.
	Reply map[string]string `json:"reply"`
	// Notes are all notes of the translation, in their order. Missing: they are not
	// compared.
	Notes []json.RawMessage `json:"notes"`
	// Unsupported is what the call says about members that the dialect cannot express:
	// error, drop or pass. Empty: error.
	Unsupported string `json:"unsupported"`

	dir     string
	request []byte
	status  int
	header  http.Header
	body    []byte
	want    []byte
	chunks  [][]byte
	failure *Failure
	// events are where those of a binary stream begin in the body.
	events []int
}

// Failure is the error that a case expects.
type Failure struct {
	Kind   string `json:"kind"`
	Status int    `json:"status"`
	// Envelope is the whole error body. Missing: there must be none.
	Envelope json.RawMessage `json:"envelope"`
	// Message is the whole message of an error without an envelope.
	Message      string            `json:"message"`
	RetryAfterMS int64             `json:"retry_after_ms"`
	Header       map[string]string `json:"header"`
}

func loadFixtures(t *testing.T, dir string) []*Fixture {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "case.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s (%v)", dir, err)
	}
	out := make([]*Fixture, 0, len(files))
	for _, file := range files {
		out = append(out, loadFixture(t, filepath.Dir(file)))
	}
	return out
}

func loadFixture(t *testing.T, dir string) *Fixture {
	t.Helper()
	f := &Fixture{Name: filepath.Base(dir), dir: dir}
	strict(t, f.read(t, "case.json", true), f)
	switch f.Operation {
	case opChat, opStream, opEmbed, opCount:
		f.request = f.read(t, "request.json", true)
	case opModels, opModel:
	default:
		t.Fatalf("%s: unknown operation %q", dir, f.Operation)
	}
	if f.Source == "" {
		t.Errorf("%s: names no source", dir)
	}
	f.readAnswer(t)
	f.readEvents(t)
	if data := f.read(t, "error.json", false); data != nil {
		f.failure = new(Failure)
		strict(t, data, f.failure)
	}
	if f.Operation == opStream {
		for line := range bytes.Lines(f.read(t, "chunks.jsonl", f.failure == nil)) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				f.chunks = append(f.chunks, line)
			}
		}
		return f
	}
	if f.want = f.read(t, "response.json", false); f.want == nil {
		f.want = f.body
	}
	return f
}

func strict(t *testing.T, data []byte, v any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		t.Fatalf("%T: %v", v, err)
	}
}

func (f *Fixture) read(t *testing.T, name string, must bool) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(f.dir, name))
	switch {
	case os.IsNotExist(err) && !must:
		return nil
	case err != nil:
		t.Fatal(err)
	}
	return bytes.ReplaceAll(data, []byte(megabyte), bytes.Repeat([]byte("x"), 1<<20))
}

func (f *Fixture) readAnswer(t *testing.T) {
	t.Helper()
	raw := f.read(t, "upstream_response.http", true)
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil {
		t.Fatalf("%s: upstream_response.http: %v", f.dir, err)
	}
	defer response.Body.Close()
	f.status, f.header = response.StatusCode, response.Header
	// Without a Content-Length the body is everything behind the empty line.
	if f.body, err = io.ReadAll(response.Body); err != nil {
		t.Fatalf("%s: upstream_response.http: %v", f.dir, err)
	}
}

// checkGolden compares a body that was sent with the golden.
func (f *Fixture) checkGolden(t *testing.T, got []byte) {
	t.Helper()
	if f.request == nil {
		if len(got) > 0 {
			t.Errorf("the provider got a body of %d bytes, want none", len(got))
		}
		return
	}
	file := filepath.Join(f.dir, "upstream_request.json")
	if *update {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, got, "", "  "); err != nil {
			t.Fatal(err)
		}
		pretty.WriteByte('\n')
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var want bytes.Buffer
	if err := json.Compact(&want, f.read(t, "upstream_request.json", true)); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var have bytes.Buffer
	if err := json.Compact(&have, got); err != nil {
		t.Fatalf("the provider got what is no JSON: %v", err)
	}
	if !bytes.Equal(have.Bytes(), want.Bytes()) {
		t.Errorf("the provider got\n%s\nwant\n%s", clip(have.String()), clip(want.String()))
	}
}

func clip(text string) string {
	const most = 4000
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}

func mapKeys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

func isEventStream(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
}
