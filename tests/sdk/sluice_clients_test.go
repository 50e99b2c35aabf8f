package sdk_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/live"

	sluice "github.com/sluice-ai/sluice/clients/go"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

func sluiceGo(t *testing.T, g *gateways) {
	client, err := sluice.Dial(g.sandbox.GRPC, sluice.WithAPIKey("anything"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := &sluicev1.ChatCompletionRequest{
		Model:    "sandbox/chat",
		Messages: []*sluicev1.ChatMessage{sluice.User("Hello!")},
	}

	t.Run("a stream is the answer in pieces", func(t *testing.T) {
		answer, err := client.Chat.CreateChatCompletion(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		var pieces []string
		for chunk, err := range client.Stream(t.Context(), request) {
			if err != nil {
				t.Fatal(err)
			}
			if text := sluice.ChunkText(chunk); text != "" {
				pieces = append(pieces, text)
			}
		}
		if got, want := strings.Join(pieces, ""), sluice.Text(answer); got != want || len(pieces) < 3 {
			t.Errorf("streamed %q, answered %q", pieces, want)
		}
	})

	t.Run("errors have a reason", func(t *testing.T) {
		for model, want := range map[string]sluicev1.ErrorReason{
			"no-such-model":     sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND,
			"sandbox/error-429": sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED,
			"sandbox/error-401": sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAUTHENTICATED,
		} {
			_, err := client.Chat.CreateChatCompletion(t.Context(), &sluicev1.ChatCompletionRequest{
				Model: model, Messages: request.GetMessages(),
			})
			if got := sluice.Reason(err); got != want {
				t.Errorf("%s: reason %v of %v, want %v", model, got, err, want)
			}
			if d := sluice.Detail(err); d.GetRequestId() == "" || d.GetError().GetMessage() == "" {
				t.Errorf("%s: detail %v lacks the request id or the error object", model, d)
			}
		}
	})

	t.Run("tools and schemas travel as they are", func(t *testing.T) {
		answer, err := client.Chat.CreateChatCompletion(t.Context(), &sluicev1.ChatCompletionRequest{
			Model:    "sandbox/chat",
			Messages: []*sluicev1.ChatMessage{sluice.User("What's the weather in Boston?")},
			Tools: []*sluicev1.Tool{sluice.Function("get_weather", "Get current weather",
				`{"type":"object","properties":{"location":{"type":"string"}},"required":["location"]}`)},
		})
		if err != nil {
			t.Fatal(err)
		}
		calls := answer.GetChoices()[0].GetMessage().GetToolCalls()
		if len(calls) != 1 || calls[0].GetFunction().GetFunction().GetName() != "get_weather" {
			t.Errorf("the model called %v", calls)
		}
	})

	t.Run("embeddings and models answer", func(t *testing.T) {
		vectors, err := client.Embeddings.CreateEmbeddings(t.Context(), &sluicev1.CreateEmbeddingsRequest{
			Model: "sandbox/embed",
			Input: &sluicev1.CreateEmbeddingsRequest_Texts{Texts: &sluicev1.StringList{Values: []string{"a", "b"}}},
		})
		if err != nil || len(vectors.GetData()) != 2 || len(vectors.GetData()[0].GetFloats().GetValues()) != 1536 {
			t.Errorf("embeddings: %v", err)
		}
		model, err := client.Models.GetModel(t.Context(), &sluicev1.GetModelRequest{Model: "sandbox/chat"})
		if err != nil || model.GetId() != "sandbox/chat" {
			t.Errorf("model: %v, %v", model, err)
		}
	})

	t.Run("the example streams", func(t *testing.T) {
		program := filepath.Join(t.TempDir(), "example")
		build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./clients/go/example")
		build.Dir = live.Repository()
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		exampleStreams(t, g, program)
	})
}

func sluicePython(t *testing.T, g *gateways) {
	python := filepath.Join(live.Repository(), ".bin/venv/bin/python")
	t.Run("the package's own tests pass", func(t *testing.T) {
		live.Program{
			Dir:     "clients/python",
			Command: []string{".bin/venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider"},
			Env:     []string{"PYTHONDONTWRITEBYTECODE=1"},
			Timeout: timeout,
		}.Run(t)
	})
	t.Run("the example streams", func(t *testing.T) {
		exampleStreams(t, g, python, filepath.Join(live.Repository(), "clients/python/examples/stream.py"))
	})
}

func sluiceWeb(t *testing.T, _ *gateways) {
	live.Program{
		Dir:     "clients/web",
		Command: []string{"node", "--test", "--test-reporter=spec", "--test-timeout=60000", "test/"},
		Timeout: timeout,
	}.Run(t)
}

// exampleStreams runs a client's example, which must print the answer in pieces, and
// the reason of an error.
func exampleStreams(t *testing.T, g *gateways, program ...string) {
	run := func(model string) (writes int, stdout, stderr string, err error) {
		command := exec.CommandContext(t.Context(), program[0], append(program[1:], "Hello from an example")...)
		command.Env = append(os.Environ(), "SLUICE_ADDR="+g.sandbox.GRPC, "SLUICE_API_KEY=anything", "SLUICE_MODEL="+model)
		out, errors := &countingWriter{}, &bytes.Buffer{}
		command.Stdout, command.Stderr, command.WaitDelay = out, errors, 5*time.Second
		err = command.Run()
		return out.writes, out.text.String(), errors.String(), err
	}

	// A model that waits between tokens, so that each piece is a write of its own.
	writes, stdout, stderr, err := run("sandbox/slow-300ms")
	if err != nil || !strings.Contains(stdout, "Hello from an example") {
		t.Errorf("the example ended with %v, printed %q and %q", err, stdout, stderr)
	}
	if writes < 3 {
		t.Errorf("the answer came in %d writes, want one per piece: %q", writes, stdout)
	}

	_, _, stderr, err = run("sandbox/error-404")
	if err == nil || !strings.Contains(stderr, "ERROR_REASON_UPSTREAM_NOT_FOUND") {
		t.Errorf("the example ended with %v and said %q, want the reason", err, stderr)
	}
}

// countingWriter keeps what is written and counts the writes. It does not embed the
// buffer, whose ReadFrom would hide them.
type countingWriter struct {
	text   bytes.Buffer
	writes int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes++
	return w.text.Write(p)
}
