// Package adaptertest is the suite that every provider adapter runs, in one line:
//
//	adaptertest.Run(t, New, "testdata")
//
// It plays the provider on the loopback and holds the adapter to what the SPI
// promises: recorded requests and answers, streams cut anywhere, failures of every
// kind, keys that must not come back, callers that leave, calls that bring a key, headers
// or times of their own. It knows the SPI and no adapter.
//
// Each folder of testdata that has a case.json is a case; [Fixture] says what it
// holds. With -update, the goldens of what the adapter sends are written anew.
package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// providerName is the configured name of the adapter under test.
const providerName = "under-test"

// keyMarker stands in every key of the suite: it must never come back.
const keyMarker = "sk-MARKER"

// hangAfter is far above what any call of the suite takes.
const hangAfter = 30 * time.Second

// Open is the New of an adapter.
type Open func(adapters.Settings) (adapters.Provider, error)

// Run holds the adapter to the SPI, with the cases in dir.
func Run(t *testing.T, open Open, dir string) {
	t.Helper()
	fixtures := loadFixtures(t, dir)
	s := &suite{open: open, fixtures: fixtures}
	for _, f := range fixtures {
		t.Run(f.Name, func(t *testing.T) { s.runCase(t, f) })
	}
	t.Run("set_up", s.testSetUp)
	t.Run("failures", s.testFailures)
	t.Run("secrets", s.testSecrets)
	t.Run("streams", s.testStreams)
	t.Run("leaving", s.testLeaving)
	t.Run("overrides", s.testOverrides)
	t.Run("silence", s.testSilence)
}

// Silence holds the adapter to saying what becomes of every member, as Run does among
// others, for one that is opened in several ways.
func Silence(t *testing.T, open Open, dir string) {
	t.Helper()
	(&suite{open: open, fixtures: loadFixtures(t, dir)}).testSilence(t)
}

type suite struct {
	open     Open
	fixtures []*Fixture
}

// provider opens the adapter against a fake upstream.
func (s *suite) provider(t *testing.T, fake *fake, change ...func(*adapters.Settings)) adapters.Provider {
	t.Helper()
	settings := adapters.Settings{
		Name:    providerName,
		BaseURL: fake.URL + "/v1",
		APIKeys: []adapters.Secret{adapters.NewSecret(keyMarker + "-one")},
	}
	for _, c := range change {
		c(&settings)
	}
	provider, err := s.open(settings)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	if provider.Close != nil {
		t.Cleanup(func() {
			if err := provider.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	return provider
}

// first returns the first case of an operation that succeeds.
func (s *suite) first(operation string) *Fixture {
	for _, f := range s.fixtures {
		if f.Operation == operation && f.failure == nil {
			return f
		}
	}
	return nil
}

// operations returns a succeeding case of each operation that the adapter has.
func (s *suite) operations(t *testing.T) []*Fixture {
	t.Helper()
	var out []*Fixture
	for _, operation := range []string{opChat, opStream, opEmbed, opModels, opModel, opCount} {
		if f := s.first(operation); f != nil {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		t.Fatal("no case succeeds")
	}
	return out
}

// outcome is what came of a call.
type outcome struct {
	message wirejson.Message
	chunks  []*sluicev1.ChatCompletionChunk
	err     error
	reply   adapters.Reply
}

// call does what a case says. A nil send collects the chunks.
func (f *Fixture) call(ctx context.Context, t *testing.T, p adapters.Provider, send func(*sluicev1.ChatCompletionChunk) error) outcome {
	t.Helper()
	return f.callAs(ctx, t, p, send, func(*adapters.Call) {})
}

// callAs is call with a change of the [adapters.Call].
func (f *Fixture) callAs(ctx context.Context, t *testing.T, p adapters.Provider, send func(*sluicev1.ChatCompletionChunk) error, change func(*adapters.Call)) outcome {
	t.Helper()
	// An adapter that does not stop fails here, not at the time limit of all tests.
	ctx, cancel := context.WithTimeout(ctx, hangAfter)
	defer cancel()
	call := &adapters.Call{Model: f.Model, Query: f.Query}
	if f.Unsupported != "" {
		var ok bool
		if call.Unsupported, ok = adapters.ParseUnsupported(f.Unsupported); !ok {
			t.Fatalf("case.json: unsupported is %q", f.Unsupported)
		}
	}
	for _, name := range slices.Sorted(mapKeys(f.Header)) {
		call.Header.Add(name, f.Header[name])
	}
	change(call)
	var out outcome
	switch f.Operation {
	case opChat:
		req := decode(t, f.request, new(sluicev1.ChatCompletionRequest))
		before := proto.Clone(req)
		got, err := p.Chat.Chat(ctx, call, req)
		out.err, out.message = err, got
		unchanged(t, before, req)
	case opStream:
		req := decode(t, f.request, new(sluicev1.ChatCompletionRequest))
		before := proto.Clone(req)
		out.err = p.Chat.StreamChat(ctx, call, req, func(chunk *sluicev1.ChatCompletionChunk) error {
			if len(out.chunks) == 0 {
				out.reply = call.Reply
			}
			out.chunks = append(out.chunks, chunk)
			if send != nil {
				return send(chunk)
			}
			return nil
		})
		unchanged(t, before, req)
	case opEmbed:
		req := decode(t, f.request, new(sluicev1.CreateEmbeddingsRequest))
		before := proto.Clone(req)
		got, err := p.Embed.Embed(ctx, call, req)
		out.err, out.message = err, got
		unchanged(t, before, req)
	case opCount:
		req := decode(t, f.request, new(sluicev1.ChatCompletionRequest))
		before := proto.Clone(req)
		got, err := p.Count.CountTokens(ctx, call, req)
		out.err, out.message = err, got
		unchanged(t, before, req)
	case opModels:
		got, err := p.Models.List(ctx, call)
		out.err, out.message = err, got
	case opModel:
		got, err := p.Models.Get(ctx, call)
		out.err, out.message = err, got
	}
	if f.Operation != opStream {
		out.reply = call.Reply
	}
	// Those of a stream's answer are complete at its end.
	out.reply.Notes = call.Reply.Notes
	return out
}

func unchanged(t *testing.T, before, after proto.Message) {
	t.Helper()
	if !proto.Equal(before, after) {
		t.Error("the adapter changed the request, which other attempts share")
	}
}

func decode[M wirejson.Message](t *testing.T, data []byte, m M) M {
	t.Helper()
	if err := wirejson.Unmarshal(data, m, wirejson.Options{}); err != nil {
		t.Fatalf("request.json: %v", err)
	}
	return m
}

// runCase plays one case.
func (s *suite) runCase(t *testing.T, f *Fixture) {
	fake := newFake(t, f.answer)
	out := f.call(t.Context(), t, s.provider(t, fake), nil)

	f.checkUpstream(t, fake.first(t, f.Requests))
	f.checkChunks(t, out.chunks)
	f.checkNotes(t, out.reply.Notes)
	if f.failure != nil {
		f.failure.check(t, out.err)
		return
	}
	if out.err != nil {
		t.Fatalf("error: %v", out.err)
	}
	if f.Operation != opStream {
		compareJSON(t, "answer", out.message.AppendWireJSON(nil), f.want)
	}
	compareHeader(t, "reply header", out.reply.Header, f.Reply)
}

// checkUpstream compares what reached the provider.
func (f *Fixture) checkUpstream(t *testing.T, got received) {
	t.Helper()
	if got.method != f.Upstream.Method || got.path != f.Upstream.Path || got.query != f.Upstream.Query {
		t.Errorf("the provider got %s %s?%s, want %s %s?%s", got.method, got.path, got.query,
			f.Upstream.Method, f.Upstream.Path, f.Upstream.Query)
	}
	for name, want := range f.Upstream.Header {
		if value := got.header.Get(name); value != want {
			t.Errorf("the provider got %s: %q, want %q", name, value, want)
		}
	}
	for _, name := range f.Upstream.Absent {
		if value, there := got.header[http.CanonicalHeaderKey(name)]; there {
			t.Errorf("the provider got %s: %q, want none", name, value)
		}
	}
	f.checkGolden(t, got.body)
}

// checkNotes compares the notes of a translation with those that a case expects.
func (f *Fixture) checkNotes(t *testing.T, got []*sluicev1.TranslationNote) {
	t.Helper()
	if f.Notes == nil {
		return
	}
	for i := range max(len(got), len(f.Notes)) {
		switch {
		case i >= len(got):
			t.Errorf("note %d is missing: want %s", i, f.Notes[i])
		case i >= len(f.Notes):
			t.Errorf("note %d is one too many: %s", i, got[i].AppendWireJSON(nil))
		default:
			compareJSON(t, fmt.Sprintf("note %d", i), got[i].AppendWireJSON(nil), f.Notes[i])
		}
	}
}

// checkChunks compares chunks with those that a case expects.
func (f *Fixture) checkChunks(t *testing.T, got []*sluicev1.ChatCompletionChunk) {
	t.Helper()
	if len(got) != len(f.chunks) {
		t.Errorf("%d chunks, want %d", len(got), len(f.chunks))
		return
	}
	usages := 0
	for i, chunk := range got {
		compareJSON(t, "chunk", chunk.AppendWireJSON(nil), f.chunks[i])
		if chunk.GetUsage() != nil {
			usages++
		}
	}
	if usages > 1 {
		t.Errorf("usage in %d chunks, want it once", usages)
	}
}

// asError returns the adapter's error, or fails.
func asError(t *testing.T, err error) *adapters.Error {
	t.Helper()
	var e *adapters.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want an *adapters.Error", err, err)
	}
	if e.Provider != providerName {
		t.Errorf("error names provider %q, want %q", e.Provider, providerName)
	}
	return e
}

func (s *suite) testSetUp(t *testing.T) {
	var keys []string
	fake := newFake(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		for _, values := range r.Header {
			for _, value := range values {
				if i := strings.Index(value, keyMarker); i >= 0 {
					keys = append(keys, value[i:])
				}
			}
		}
		w.WriteHeader(http.StatusTeapot)
	})
	p := s.provider(t, fake, func(s *adapters.Settings) {
		s.APIKeys = []adapters.Secret{adapters.NewSecret(keyMarker + "-one"), adapters.NewSecret(keyMarker + "-two")}
		s.Headers.Add("x-team", "platform")
		s.UserAgent = "sluice-test"
	})
	if p.Name != providerName {
		t.Errorf("the provider's name is %q, want %q", p.Name, providerName)
	}
	for operation, offered := range map[string]bool{
		opChat: p.Chat != nil, opStream: p.Chat != nil, opEmbed: p.Embed != nil, opModels: p.Models != nil, opModel: p.Models != nil,
		opCount: p.Count != nil,
	} {
		if has := s.first(operation) != nil; has != offered {
			t.Errorf("%s: offered is %t, but there is a case that succeeds is %t", operation, offered, has)
		}
	}
	f := s.operations(t)[0]
	for range 4 {
		f.call(t.Context(), t, p, nil)
	}
	if want := []string{keyMarker + "-one", keyMarker + "-two", keyMarker + "-one", keyMarker + "-two"}; !slices.Equal(keys, want) {
		t.Errorf("the keys came in the order %q, want %q", keys, want)
	}
	for _, r := range fake.all() {
		if r.header.Get("X-Team") != "platform" || r.header.Get("User-Agent") != "sluice-test" {
			t.Errorf("the headers of the settings did not reach the provider: %v", r.header)
		}
	}

	for name, bad := range map[string]adapters.Settings{
		"a base URL that is none":        {BaseURL: "::"},
		"a base URL without a host":      {BaseURL: "http://"},
		"a base URL of another scheme":   {BaseURL: "ftp://example.org"},
		"a base URL with a password":     {BaseURL: "http://user:" + keyMarker + "@example.org"},
		"a key that no header can carry": {BaseURL: fake.URL, APIKeys: []adapters.Secret{adapters.NewSecret(keyMarker + "\n")}},
		"a header that is none":          {BaseURL: fake.URL, Headers: adapters.Header{{Name: "a b", Value: "c"}}},
	} {
		bad.Name = providerName
		if _, err := s.open(bad); err == nil {
			t.Errorf("%s: New took it", name)
		} else if strings.Contains(err.Error(), keyMarker) {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
}
