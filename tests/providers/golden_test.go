package providers_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3"

	"github.com/sluice-ai/sluice/tests/fakes"
	"github.com/sluice-ai/sluice/tests/fakes/bedrock"
	"github.com/sluice-ai/sluice/tests/fakes/gemini"
)

// What the adapters are expected to send has to be what the official SDKs can say: each
// recorded request is read into the SDK's type, and written again.

// differences are where an SDK does not write what it read, each with its reason.
var differences = []struct{ adapter, name, path, why string }{
	{"", "chat_unsupported_passed", "", "unsupported_params is pass: the members are those that the dialect does not have"},
	{"anthropic", "chat_thinking_own", "output_config.task_budget", "a member of the SDK's beta type alone"},
	{"gemini", "chat_pass", "", "unsupported_params is pass: the members are those that the dialect does not have"},
	{"gemini", "chat_dialect", "future_member", "a member that nobody knows is handed on"},
	{"bedrock", "chat_own_members", "inferenceConfig.x", "a member that nobody knows is handed on"},
	{"openai", "chat_unknown_members", "", "members that nobody knows are handed on"},
	{"openai", "chat_model_null", "future_member", "a member that nobody knows is handed on"},
	{"openai", "chat_stream_true", "future", "a member that nobody knows is handed on"},
	{"openai", "stream_usage_asked", "stream_options.future", "a member that nobody knows is handed on"},
}

func TestRecorded_requests_are_what_the_SDKs_say(t *testing.T) {
	for _, adapter := range []struct {
		name string
		copy func(body []byte) ([]byte, error)
	}{
		{"anthropic", copyAnthropic},
		{"gemini", copyGemini},
		{"bedrock", copyBedrock},
		{"openai", copyOpenAI},
	} {
		t.Run(adapter.name, func(t *testing.T) {
			root := "../../adapters/" + adapter.name + "/testdata/*/"
			files, err := filepath.Glob(root + "upstream_request.json")
			deeper, deeperErr := filepath.Glob(root + "*/upstream_request.json")
			files = append(files, deeper...)
			if err != nil || deeperErr != nil || len(files) == 0 {
				t.Fatalf("no recorded requests: %v, %v", err, deeperErr)
			}
			for _, file := range files {
				name := filepath.Base(filepath.Dir(file))
				if !strings.HasPrefix(name, "chat") && !strings.HasPrefix(name, "stream") {
					continue
				}
				t.Run(name, func(t *testing.T) {
					body, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					copied, err := adapter.copy(body)
					if err != nil {
						t.Fatal(err)
					}
					compareCopy(t, adapter.name, name, body, copied)
				})
			}
		})
	}
}

func compareCopy(t *testing.T, adapter, name string, body, copied []byte) {
	t.Helper()
	lost, err := fakes.Lost(body, copied)
	if err != nil {
		t.Fatal(err)
	}
	added, err := fakes.Lost(copied, body)
	if err != nil {
		t.Fatal(err)
	}
	paths := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(slices.Concat(lost, added)))), func(path string) bool {
		return slices.ContainsFunc(differences, func(d struct{ adapter, name, path, why string }) bool {
			return (d.adapter == "" || d.adapter == adapter) && d.name == name && (d.path == "" || d.path == path)
		})
	})
	if len(paths) > 0 {
		t.Errorf("the SDK says %q differently, or not at all:\nrecorded %s\nSDK      %s", paths, compact(body), compact(copied))
	}
}

func compact(body []byte) string {
	var out bytes.Buffer
	if json.Compact(&out, body) != nil {
		return string(body)
	}
	return out.String()
}

// without takes out the members that travel beside the SDK's type: what chooses between
// methods, and Vertex AI's version.
func without(body []byte, names ...string) (rest []byte, taken map[string]json.RawMessage, err error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, nil, err
	}
	taken = map[string]json.RawMessage{}
	for _, name := range names {
		if value, there := object[name]; there {
			taken[name] = value
			delete(object, name)
		}
	}
	rest, err = json.Marshal(object)
	return rest, taken, err
}

func with(copied []byte, taken map[string]json.RawMessage) ([]byte, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(copied, &object); err != nil {
		return nil, err
	}
	maps.Copy(object, taken)
	return json.Marshal(object)
}

func copyBy(body []byte, into any, beside ...string) ([]byte, error) {
	rest, taken, err := without(body, beside...)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(rest, into); err != nil {
		return nil, err
	}
	copied, err := json.Marshal(into)
	if err != nil {
		return nil, err
	}
	return with(copied, taken)
}

func copyAnthropic(body []byte) ([]byte, error) {
	return copyBy(body, new(sdk.MessageNewParams), "stream", "anthropic_version")
}

func copyGemini(body []byte) ([]byte, error) {
	r, err := gemini.Read(body, false)
	if err != nil {
		return nil, err
	}
	return json.Marshal(r)
}

func copyOpenAI(body []byte) ([]byte, error) {
	return copyBy(body, new(openai.ChatCompletionNewParams), "stream")
}

func copyBedrock(body []byte) ([]byte, error) {
	in, err := bedrock.Input(body, claudeAtBedrock)
	if err != nil {
		return nil, err
	}
	return bedrock.Body(in)
}
