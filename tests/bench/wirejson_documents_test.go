package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// A document is what an application or a provider sends, and the types that read it:
// Sluice's message, and the structs for encoding/json and for sonic.
type document struct {
	name     string
	json     []byte
	message  func() wirejson.Message
	standard func() any
	sonic    func() any
}

func documents() []document {
	request := func(name string, data []byte) document {
		return document{
			name, data,
			func() wirejson.Message { return new(sluicev1.ChatCompletionRequest) },
			func() any { return new(chatRequest[standard]) },
			func() any { return new(chatRequest[sonicDefault]) },
		}
	}
	return []document{
		request("1KB", smallRequest()),
		request("100KB", largeRequest()),
		request("100KBparts", partsRequest()),
		{
			"chunk", []byte(streamedChunk),
			func() wirejson.Message { return new(sluicev1.ChatCompletionChunk) },
			func() any { return new(chatChunk) }, func() any { return new(chatChunk) },
		},
		{
			"vectors", vectors(8, 1536),
			func() wirejson.Message { return new(sluicev1.CreateEmbeddingsResponse) },
			func() any { return new(embeddings) }, func() any { return new(embeddings) },
		},
	}
}

const streamedChunk = `{"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","service_tier":"default",` +
	`"system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"obfuscation":"x3kP"}`

// vectors is an embeddings answer with the digits of float32 values, as OpenAI's.
func vectors(n, dimensions int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString(`{"object":"list","data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"object":"embedding","index":%d,"embedding":[`, i)
		for j := range dimensions {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.FormatFloat(r.NormFloat64()/40, 'f', -1, 32))
		}
		b.WriteString(`]}`)
	}
	b.WriteString(`],"model":"text-embedding-3-small","usage":{"prompt_tokens":64,"total_tokens":64}}`)
	return b.Bytes()
}

const weatherTool = `{"type":"function","function":{"name":"get_weather","description":"Current weather of a city.",` +
	`"parameters":{"type":"object","properties":{"city":{"type":"string","description":"City and country"},` +
	`"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["city"],"additionalProperties":false},"strict":true}}`

// smallRequest: a system prompt, a turn with a tool call, parts, one tool.
func smallRequest() []byte {
	return []byte(`{"model":"gpt-4o-mini","messages":[` +
		`{"role":"system","content":"You are a helpful assistant. Answer in one short paragraph."},` +
		`{"role":"user","content":"What should I wear in Zürich today?"},` +
		`{"role":"assistant","content":null,"tool_calls":[{"id":"call_abc123","type":"function",` +
		`"function":{"name":"get_weather","arguments":"{\"city\":\"Zurich, Switzerland\",\"unit\":\"celsius\"}"}}]},` +
		`{"role":"tool","tool_call_id":"call_abc123","content":"{\"temperature\":7,\"condition\":\"rain\"}"},` +
		`{"role":"user","content":[{"type":"text","text":"And with this jacket?"},` +
		`{"type":"image_url","image_url":{"url":"https://example.com/jacket.png","detail":"low"}}]}],` +
		`"temperature":0.7,"max_tokens":256,"stream_options":{"include_usage":true},"tool_choice":"auto","user":"user-1234",` +
		`"tools":[` + weatherTool + `]}`)
}

// paragraph is prose with what prose has: line ends, quotes, code, other scripts.
func paragraph(n int) string {
	sentences := []string{
		"The deployment failed after the second step, so please look at the log below and tell me what went wrong. ",
		"She said \"it works on my machine\" and closed the ticket.\n\n",
		"We measured the latency of every hop between the load balancer and the database for a whole week, and found nothing unusual. ",
		"```go\nfunc main() {\n\tfmt.Println(\"hello\")\n}\n```\n",
		"Für Zürich, São Paulo und 東京 gelten andere Regeln – 🙂. ",
		"The quick brown fox jumps over the lazy dog while the band plays on and nobody in the audience notices anything at all. ",
	}
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(sentences[(b.Len()/7+n)%len(sentences)])
	}
	return b.String()
}

// quoted is a JSON string as Python's and JavaScript's printers write it.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

func tools(n int) string {
	var all []string
	for i := range n {
		all = append(all, strings.Replace(weatherTool, "get_weather", fmt.Sprintf("get_weather_%d", i), 1))
	}
	return strings.Join(all, ",")
}

// largeRequest: a long history of long texts and a dozen tools.
func largeRequest() []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"gpt-4o","temperature":0.2,"max_completion_tokens":4096,"messages":[{"role":"system","content":` + quoted(paragraph(4000)) + `}`)
	for i := 0; b.Len() < 94_000; i++ {
		fmt.Fprintf(&b, `,{"role":"user","content":%s}`, quoted(paragraph(300+i*37%900)))
		fmt.Fprintf(&b, `,{"role":"assistant","content":%s}`, quoted(paragraph(800+i*53%3000)))
	}
	b.WriteString(`],"tools":[` + tools(12) + `],"tool_choice":"auto","seed":42}`)
	return b.Bytes()
}

// partsRequest: an agent's history, many short messages with parts and tool calls.
func partsRequest() []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"gpt-4o","messages":[{"role":"system","content":` + quoted(paragraph(2000)) + `}`)
	for i := 0; b.Len() < 94_000; i++ {
		fmt.Fprintf(&b, `,{"role":"user","content":[{"type":"text","text":%s},{"type":"text","text":%s}]}`, quoted(paragraph(120)), quoted(paragraph(40)))
		fmt.Fprintf(&b, `,{"role":"assistant","content":null,"tool_calls":[{"id":"call_%d","type":"function","function":{"name":"get_weather_1","arguments":"{\"city\":\"Bern\"}"}}]}`, i)
		fmt.Fprintf(&b, `,{"role":"tool","tool_call_id":"call_%d","content":"{\"temperature\":%d}"}`, i, i%30)
	}
	b.WriteString(`],"tools":[` + tools(12) + `],"parallel_tool_calls":true}`)
	return b.Bytes()
}
