package sandbox_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/sandbox"
)

func provider(t *testing.T) adapters.Provider {
	t.Helper()
	p, err := sandbox.New(adapters.Settings{Name: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// request reads a request as it comes in over REST.
func request(t *testing.T, body string) *sluicev1.ChatCompletionRequest {
	t.Helper()
	req := &sluicev1.ChatCompletionRequest{}
	if err := wirejson.Unmarshal([]byte(body), req, wirejson.Options{}); err != nil {
		t.Fatalf("request %s: %v", body, err)
	}
	return req
}

func chat(t *testing.T, body string) *sluicev1.ChatCompletion {
	t.Helper()
	out, err := provider(t).Chat.Chat(t.Context(), &adapters.Call{}, request(t, body))
	if err != nil {
		t.Fatalf("Chat(%s): %v", body, err)
	}
	return out
}

// say asks the chat model one thing, with further members of the request.
func say(t *testing.T, text, members string) *sluicev1.ChatCompletion {
	t.Helper()
	return chat(t, saying(text, members))
}

func saying(text, members string) string {
	quoted, _ := json.Marshal(text)
	if members != "" {
		members = "," + members
	}
	return `{"model":"chat","messages":[{"role":"user","content":` + string(quoted) + `}]` + members + `}`
}

func stream(t *testing.T, body string) []*sluicev1.ChatCompletionChunk {
	t.Helper()
	var chunks []*sluicev1.ChatCompletionChunk
	err := provider(t).Chat.StreamChat(t.Context(), &adapters.Call{}, request(t, body), func(c *sluicev1.ChatCompletionChunk) error {
		chunks = append(chunks, c)
		return nil
	})
	if err != nil {
		t.Fatalf("StreamChat(%s): %v", body, err)
	}
	return chunks
}

// fold puts the chunks of a stream together as OpenAI's reference says that a
// client must: contents, arguments and sounds appended, the rest taken over.
func fold(t *testing.T, chunks []*sluicev1.ChatCompletionChunk) *sluicev1.ChatCompletion {
	t.Helper()
	first := chunks[0]
	out := &sluicev1.ChatCompletion{
		Id: first.GetId(), Object: "chat.completion", Created: first.GetCreated(), Model: first.GetModel(),
		ServiceTier: first.ServiceTier, SystemFingerprint: first.SystemFingerprint,
	}
	sounds := map[int64][]byte{}
	for i, chunk := range chunks {
		if chunk.GetId() != first.GetId() || chunk.GetCreated() != first.GetCreated() || chunk.GetModel() != first.GetModel() {
			t.Errorf("chunk %d has another id, time or model than the first", i)
		}
		if chunk.GetObject() != "chat.completion.chunk" {
			t.Errorf("chunk %d has object %q", i, chunk.GetObject())
		}
		if chunk.GetUsage() != nil {
			out.Usage = chunk.GetUsage()
		}
		if chunk.GetModeration() != nil {
			out.Moderation = chunk.GetModeration()
		}
		for _, part := range chunk.GetChoices() {
			for int64(len(out.GetChoices())) <= part.GetIndex() {
				out.Choices = append(out.Choices, &sluicev1.Choice{
					Index: int64(len(out.GetChoices())), Message: &sluicev1.ResponseMessage{},
				})
			}
			foldChoice(t, out.GetChoices()[part.GetIndex()], part, sounds)
		}
	}
	for _, c := range out.GetChoices() {
		if data, ok := sounds[c.GetIndex()]; ok {
			c.GetMessage().GetAudio().Data = base64.StdEncoding.EncodeToString(data)
		}
		if len(c.GetMessage().GetAnnotations()) == 0 {
			c.GetMessage().Rest = []byte(`{"annotations":[]}`)
		}
	}
	return out
}

func foldChoice(t *testing.T, c *sluicev1.Choice, part *sluicev1.ChunkChoice, sounds map[int64][]byte) {
	t.Helper()
	if c.FinishReason != nil {
		t.Errorf("choice %d goes on after its finish reason", c.GetIndex())
	}
	c.FinishReason = part.FinishReason
	if l := part.GetLogprobs(); l != nil {
		if c.Logprobs == nil {
			c.Logprobs = &sluicev1.Logprobs{Rest: l.GetRest()}
		}
		c.Logprobs.Content = append(c.Logprobs.Content, l.GetContent()...)
		c.Logprobs.Refusal = append(c.Logprobs.Refusal, l.GetRefusal()...)
	}
	m, d := c.GetMessage(), part.GetDelta()
	if d.GetRole() != "" {
		m.Role = d.GetRole()
	}
	m.Content = joined(m.Content, d.Content)
	m.Refusal = joined(m.Refusal, d.Refusal)
	m.Annotations = append(m.Annotations, d.GetAnnotations()...)
	if f := d.GetFunctionCall(); f != nil {
		if m.FunctionCall == nil {
			m.FunctionCall = &sluicev1.FunctionCall{}
		}
		m.FunctionCall.Name += f.GetName()
		m.FunctionCall.Arguments += f.GetArguments()
	}
	if a := d.GetAudio(); a != nil {
		if m.Audio == nil {
			m.Audio = &sluicev1.Audio{}
		}
		data, err := base64.StdEncoding.DecodeString(a.GetData())
		if err != nil {
			t.Errorf("a piece of sound is no base64 of its own: %v", err)
		}
		sounds[c.GetIndex()] = append(sounds[c.GetIndex()], data...)
		m.Audio.Id += a.GetId()
		m.Audio.Transcript += a.GetTranscript()
		m.Audio.ExpiresAt += a.GetExpiresAt()
	}
	for _, call := range d.GetToolCalls() {
		foldCall(t, m, call)
	}
}

func foldCall(t *testing.T, m *sluicev1.ResponseMessage, d *sluicev1.ToolCallDelta) {
	t.Helper()
	if d.Id != nil {
		if d.GetIndex() != int64(len(m.GetToolCalls())) || d.Type == nil {
			t.Errorf("the first delta of call %q has index %d and type %q", d.GetId(), d.GetIndex(), d.GetType())
		}
		call := &sluicev1.ToolCall{}
		switch d.GetType() {
		case "custom":
			call.Call = &sluicev1.ToolCall_Custom{Custom: &sluicev1.CustomToolCall{
				Id: d.GetId(), Custom: &sluicev1.CustomCall{Name: d.GetCustom().GetName()},
			}}
		case "function":
			call.Call = &sluicev1.ToolCall_Function{Function: &sluicev1.FunctionToolCall{
				Id: d.GetId(), Function: &sluicev1.FunctionCall{Name: d.GetFunction().GetName()},
			}}
		}
		m.ToolCalls = append(m.ToolCalls, call)
	}
	call := m.GetToolCalls()[d.GetIndex()]
	if f := call.GetFunction().GetFunction(); f != nil {
		f.Arguments += d.GetFunction().GetArguments()
	}
	if c := call.GetCustom().GetCustom(); c != nil {
		c.Input += d.GetCustom().GetInput()
	}
}

func joined(whole, piece *string) *string {
	if piece == nil {
		return whole
	}
	if whole == nil {
		return new(*piece)
	}
	return new(*whole + *piece)
}

const (
	weatherTool = `{"type":"function","function":{"name":"get_weather","description":"Get the current weather of a place",
		"parameters":{"type":"object","properties":{"unit":{"type":"string","enum":["celsius","fahrenheit"]},
		"location":{"type":"string","description":"City, as San Francisco, CA"}},"required":["location","unit"],"additionalProperties":false}}}`
	timeTool   = `{"type":"function","function":{"name":"local_time","parameters":{"type":"object","properties":{"zone":{"type":"string"}}}}}`
	customTool = `{"type":"custom","custom":{"name":"run_sql","description":"Runs a statement"}}`
	personForm = `"response_format":{"type":"json_schema","json_schema":{"name":"person","strict":true,"schema":{"type":"object",
		"properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150}},"required":["name","age"],"additionalProperties":false}}}`
)

// features are requests that use one feature each.
var features = map[string]string{
	"plain":           saying("What is the capital of France?", ``),
	"system":          `{"model":"chat","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}],"verbosity":"high"}`,
	"max_tokens":      saying("Tell me a story", `"max_tokens":5`),
	"max_completion":  saying("Tell me a story", `"max_completion_tokens":3`),
	"stop":            saying("Tell me a story", `"stop":"sandbox"`),
	"stops":           saying("Tell me a story", `"stop":["never there","by rule","said"]`),
	"n":               saying("Tell me a story", `"n":3`),
	"n logprobs":      saying("Tell me a story", `"n":2,"logprobs":true`),
	"seed":            saying("Tell me a story", `"seed":7`),
	"logprobs":        saying("Tell me a story", `"logprobs":true,"top_logprobs":5`),
	"prediction":      saying("Say it", `"prediction":{"type":"content","content":"You said: nothing of the kind"}`),
	"reasoning":       saying("Think", `"reasoning_effort":"high"`),
	"reasoning bound": saying("Think", `"reasoning_effort":"high","max_completion_tokens":20`),
	"search":          saying("Who won in Paris?", `"web_search_options":{}`),
	"audio":           saying("Speak", `"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}`),
	"audio pcm16":     saying("Speak at greater length than a single chunk of sound could ever hold, so that there are several of them", `"modalities":["text","audio"],"audio":{"voice":"alloy","format":"pcm16"}`),
	"audio mp3":       saying("Speak", `"modalities":["audio"],"audio":{"voice":"alloy","format":"mp3"}`),
	"moderation":      saying("Is this fine? [[flag:violence]]", `"moderation":{"model":"omni-moderation-latest"}`),
	"blocked":         saying("Is this fine? [[flag:violence]]", `"moderation":{"model":"omni-moderation-latest","policy":{"input":{"mode":"block"}}}`),
	"tool":            saying("What's the weather in Boston?", `"tools":[`+weatherTool+`,`+timeTool+`]`),
	"tools":           saying("Tell me weather and time in Boston and Paris", `"tools":[`+weatherTool+`,`+timeTool+`]`),
	"tool cut":        saying("What's the weather in Boston?", `"tools":[`+weatherTool+`],"max_tokens":6`),
	"custom tool":     saying(`Run this sql: "select 1"`, `"tools":[`+customTool+`]`),
	"two kinds":       saying(`Run this sql for the weather in Boston`, `"n":2,"tools":[`+customTool+`,`+weatherTool+`]`),
	"function":        saying("What's the weather in Boston?", `"functions":[{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]`),
	"json_object":     saying("Give me JSON", `"response_format":{"type":"json_object"}`),
	"json_schema":     saying("Ada Lovelace is 36", personForm),
	"refusal":         `{"model":"refuse","messages":[{"role":"user","content":"x"}],"logprobs":true,"top_logprobs":2}`,
	"empty":           `{"model":"empty","messages":[{"role":"user","content":"x"}]}`,
	"filtered":        `{"model":"filtered","messages":[{"role":"user","content":"x"}]}`,
	"length":          `{"model":"length-2","messages":[{"role":"user","content":"x"}]}`,
	"long":            `{"model":"long-500","messages":[{"role":"user","content":"x"}]}`,
	"unicode":         `{"model":"unicode","messages":[{"role":"user","content":"x"}]}`,
	"bad-json":        `{"model":"bad-json","messages":[{"role":"user","content":"the weather in Boston"}],"tools":[` + weatherTool + `]}`,
	"echo":            `{"model":"echo","messages":[{"role":"user","content":"A\n  B\tC 👩‍👩‍👧 12345"}]}`,
	"tier":            saying("Hi", `"service_tier":"flex"`),
	"obfuscation":     saying("Hi", `"stream_options":{"include_usage":true,"include_obfuscation":true}`),
}

func TestSandbox_streams_what_it_answers_in_one_piece(t *testing.T) {
	for name, body := range features {
		t.Run(name, func(t *testing.T) {
			chunks := stream(t, body)
			whole, folded := chat(t, body), fold(t, chunks)
			if want, got := wirejson.Marshal(whole), wirejson.Marshal(folded); !bytes.Equal(want, got) {
				// The content of a message that calls tools is null in both, too.
				t.Errorf("the stream says\n%s\nthe unary answer\n%s", got, want)
			}
			checkOrder(t, chunks)
		})
	}
}

// checkOrder holds a stream to OpenAI's reference, "The chat completion chunk
// object": role first, a finish reason last, then the usage without choices.
func checkOrder(t *testing.T, chunks []*sluicev1.ChatCompletionChunk) {
	t.Helper()
	last := chunks[len(chunks)-1]
	if last.GetUsage() == nil || len(last.GetChoices()) != 0 {
		t.Errorf("the last chunk is %v, not the usage", last)
	}
	seen := map[int64]bool{}
	for i, chunk := range chunks {
		if i < len(chunks)-1 && chunk.GetUsage() != nil {
			t.Errorf("chunk %d of %d has the usage", i, len(chunks))
		}
		for _, c := range chunk.GetChoices() {
			if first := !seen[c.GetIndex()]; first != (c.GetDelta().GetRole() == "assistant") {
				t.Errorf("chunk %d: the role belongs into the first chunk of choice %d and no other", i, c.GetIndex())
			}
			seen[c.GetIndex()] = true
		}
	}
}

func TestSandbox_answers_equal_requests_with_equal_bytes(t *testing.T) {
	ids := map[string]string{}
	for name, body := range features {
		first, second := wirejson.Marshal(chat(t, body)), wirejson.Marshal(chat(t, body))
		if !bytes.Equal(first, second) {
			t.Errorf("%s: two answers:\n%s\n%s", name, first, second)
		}
		id := chat(t, body).GetId()
		if other, taken := ids[id]; taken {
			t.Errorf("%s and %s have one id", name, other)
		}
		ids[id] = name
	}
}

func TestSandbox_answers_an_alias_as_the_model_itself(t *testing.T) {
	req := request(t, saying("Hi", ``))
	req.Model = "fast"
	before := proto.CloneOf(req)
	out, err := provider(t).Chat.Chat(t.Context(), &adapters.Call{Model: "chat"}, req)
	if err != nil {
		t.Fatal(err)
	}
	if want := say(t, "Hi", ``); !proto.Equal(out, want) {
		t.Errorf("got %v, want %v", out, want)
	}
	if !proto.Equal(req, before) {
		t.Error("the request was changed")
	}
}

func TestSandbox_fills_the_reply_before_the_first_chunk(t *testing.T) {
	call := &adapters.Call{}
	err := provider(t).Chat.StreamChat(t.Context(), call, request(t, saying("Hi", ``)), func(*sluicev1.ChatCompletionChunk) error {
		if call.Reply.Header.Get("x-request-id") == "" {
			t.Error("no x-request-id at the time of a chunk")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range call.Reply.Header {
		if !adapters.ReturnedResponseHeader(f.Name) {
			t.Errorf("header %s may not reach a caller", f.Name)
		}
	}
}

func TestSandbox_sends_null_usage_only_when_usage_is_asked_for(t *testing.T) {
	for _, asked := range []bool{true, false} {
		members := ``
		if asked {
			members = `"stream_options":{"include_usage":true}`
		}
		for _, chunk := range stream(t, saying("Hi", members)) {
			if len(chunk.GetChoices()) > 0 && bytes.Contains(wirejson.Marshal(chunk), []byte(`"usage":null`)) != asked {
				t.Fatalf("asked %v, chunk %s", asked, wirejson.Marshal(chunk))
			}
		}
	}
}

func TestSandbox_pads_chunks_only_when_asked(t *testing.T) {
	padded := func(members string) bool {
		return slices.ContainsFunc(stream(t, saying("Hi", members)), func(c *sluicev1.ChatCompletionChunk) bool {
			return c.GetObfuscation() != ""
		})
	}
	if padded(``) || padded(`"stream_options":{"include_obfuscation":false}`) || !padded(`"stream_options":{"include_obfuscation":true}`) {
		t.Error("obfuscation does not follow include_obfuscation")
	}
}
