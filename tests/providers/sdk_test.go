package providers_test

import (
	"context"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/sluice-ai/sluice/tests/fakes"
	"github.com/sluice-ai/sluice/tests/fakes/anthropic"
	"github.com/sluice-ai/sluice/tests/fakes/bedrock"
	"github.com/sluice-ai/sluice/tests/fakes/gemini"
	"github.com/sluice-ai/sluice/tests/fakes/openaichat"
)

// asked is a question that every official SDK can ask.
type asked struct {
	text string
	// tools offers get_weather. results answers its calls for Paris and Rome, which the
	// conversation then holds.
	tools, results bool
	thinks         bool
	// schema wants {"city": text}, image shows one.
	schema, image bool
	maxTokens     int
	stop          string
}

// told is what an SDK made of an answer.
type told struct {
	thought, signature, text string
	calls                    []calledTool
	stop                     string
	usage                    usage
}

type calledTool struct{ name, arguments string }

// usage is in the dialect's own way of counting.
type usage struct{ input, cached, output, thought int64 }

// official is a provider's official SDK, pointed at a fake.
type official struct {
	name   string
	unary  func(context.Context, asked) (told, error)
	stream func(context.Context, asked) (told, error)
	// stops are the dialect's words for: the turn ended, out of tokens, a stop sequence,
	// calls of tools.
	stops [4]string
	// input is the dialect's count of the input, cached part included or not.
	input int64
	// thoughts says that thoughts come with a signature.
	thoughts, signed bool
	// counted says that thoughts are counted by themselves.
	counted bool
}

const (
	weatherSchema = `{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}`
	pixel         = "\x89PNG\r\n\x1a\nnot really" // 18 bytes
)

func officials(t *testing.T) []official {
	t.Helper()
	start := func(handler *httptest.Server) string { t.Cleanup(handler.Close); return handler.URL }
	return []official{
		anthropicSDK(start(httptest.NewServer(&anthropic.Fake{}))),
		geminiSDK(t, start(httptest.NewServer(&gemini.Fake{}))),
		bedrockSDK(start(httptest.NewServer(&bedrock.Fake{}))),
		openaiSDK("openai", start(httptest.NewServer(&openaichat.Fake{}))),
		azureSDK("azure v1", start(httptest.NewServer(&openaichat.Fake{Quirks: openaichat.Quirks{Azure: true}})), ""),
		azureSDK("azure deployments", start(httptest.NewServer(&openaichat.Fake{Quirks: openaichat.Quirks{Azure: true}})), "2024-10-21"),
	}
}

func TestSDKs_understand_what_the_fakes_answer(t *testing.T) {
	const thought = "The user wants something, and I know what."
	for _, sdk := range officials(t) {
		plain := usage{input: sdk.input, cached: 7, output: 4}
		for _, c := range []struct {
			name string
			ask  asked
			want told
		}{
			{"plain", asked{text: "Grüß dich! \"<&>\" 😀"}, told{text: "You said: Grüß dich! \"<&>\" 😀", stop: sdk.stops[0], usage: plain}},
			{"two calls", asked{text: "Weather in Paris and Rome?", tools: true}, told{
				calls: []calledTool{{"get_weather", `{"city":"Paris"}`}, {"get_weather", `{"city":"Rome"}`}}, stop: sdk.stops[3], usage: plain,
			}},
			{"results", asked{text: "Weather in Paris and Rome?", tools: true, results: true}, told{
				text: "Paris: sunny. Rome: rain.", stop: sdk.stops[0], usage: plain,
			}},
			{"schema", asked{text: "Where?", schema: true}, told{text: `{"city":"Paris"}`, stop: sdk.stops[0], usage: plain}},
			{"image", asked{text: "What is it?", image: true}, told{text: "I see the image of 18 bytes (image/png)", stop: sdk.stops[0], usage: plain}},
			{"length", asked{text: "long", maxTokens: 3}, told{text: "and so on", stop: sdk.stops[1], usage: plain}},
			{"stop", asked{text: "one two three", stop: "two"}, told{text: "You said: one ", stop: sdk.stops[2], usage: plain}},
			{"thinking", asked{text: "Hello", thinks: true, maxTokens: 4096}, told{
				thought: thought, signature: fakes.Signature, text: "You said: Hello", stop: sdk.stops[0],
				usage: usage{input: sdk.input, cached: 7, output: 9, thought: 5},
			}},
		} {
			if c.ask.thinks && !sdk.thoughts {
				continue
			}
			if !sdk.signed {
				c.want.signature = ""
			}
			if !sdk.counted {
				c.want.usage.thought = 0
			}
			for how, call := range map[string]func(context.Context, asked) (told, error){"unary": sdk.unary, "stream": sdk.stream} {
				t.Run(sdk.name+"/"+c.name+"/"+how, func(t *testing.T) {
					got, err := call(t.Context(), c.ask)
					if err != nil {
						t.Fatal(err)
					}
					if !reflect.DeepEqual(got, c.want) {
						t.Errorf("got  %+v\nwant %+v", got, c.want)
					}
				})
			}
		}
	}
}
