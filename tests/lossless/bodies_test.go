package lossless

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

func TestWire_01_unknown_request_members_go_upstream_from_every_depth(t *testing.T) {
	w := open(t)
	w.up.Answer(harness.JSON(200, simpleAnswer))
	request, objects := everywhere(t, fullRequest)
	if objects < 60 {
		t.Fatalf("only %d objects", objects)
	}
	sent, _ := w.chat(t, request)
	sameJSON(t, "request", []byte(request), sent.Body)

	// The same through the doors of protobuf, where they ride in the rest.
	for _, door := range w.Doors(t) {
		w.up.Answer(harness.JSON(200, simpleAnswer))
		if a := door.Chat(t.Context(), harness.Call{JSON: []byte(request)}); a.Err != nil || a.Failure != nil {
			t.Errorf("%s: %v %+v", door.Name, a.Err, a.Failure)
			w.Receipt(t)
			continue
		}
		w.Receipt(t)
		sameJSON(t, door.Name, []byte(request), w.up.Only(t).Body)
	}
}

func TestWire_01_a_stream_and_an_alias_lose_no_member_either(t *testing.T) {
	w := openWith(t, "", "models: [{name: alias, targets: [{provider: openai, model: real}]}]")
	plain := with(t, with(t, fullRequest, "metadata", `{"k":"v"}`), "logit_bias", `{"15":-100}`)
	unknown, _ := everywhere(t, plain)
	embeddings := `{"model":"alias","input":["a"],"encoding_format":"float","dimensions":2,"user":"u"}`
	unknownEmbeddings, _ := everywhere(t, embeddings)
	for _, request := range []string{plain, unknown} {
		options, _ := harness.At([]byte(request), "stream_options")
		stream := with(t, request, "stream", "true")
		sentStream := with(t, stream, "stream_options", with(t, string(options), "include_usage", "true"))
		for name, test := range map[string]struct{ asked, sent string }{
			"a stream":             {stream, sentStream},
			"an alias":             {with(t, request, "model", `"alias"`), with(t, request, "model", `"real"`)},
			"a stream of an alias": {with(t, stream, "model", `"alias"`), with(t, sentStream, "model", `"real"`)},
		} {
			w.up.Answer(harness.JSON(200, simpleAnswer))
			sent, _ := w.chat(t, test.asked)
			sameJSON(t, name, []byte(test.sent), sent.Body)
		}
	}
	for _, request := range []string{embeddings, unknownEmbeddings} {
		w.up.Answer(harness.JSON(200, `{"object":"list","data":[],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`))
		w.send(t, http.MethodPost, "/embeddings", request)
		sameJSON(t, "embeddings of an alias", []byte(with(t, request, "model", `"real"`)), w.up.Only(t).Body)
	}
}

func TestWire_01_unknown_members_of_an_embeddings_request_go_upstream(t *testing.T) {
	w := open(t)
	w.up.Answer(harness.JSON(200, `{"object":"list","data":[],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`))
	request := `{"model":"e","input":[{"image":"x","deep":{"b":1.0,"a":9007199254740993}}],"x_type":null,"x":{"z":[],"a":{}},"user":null}`
	answer, _ := w.send(t, http.MethodPost, "/embeddings", request)
	if answer.status != 200 {
		t.Fatal(answer)
	}
	sent := w.up.Only(t).Body
	sameJSON(t, "request", []byte(request), sent)
	sameBytes(t, []byte(request), sent, "input")
	sameBytes(t, []byte(request), sent, "x")
}

func TestWire_02_unknown_members_of_answers_come_back_from_every_depth(t *testing.T) {
	w := open(t)
	body, objects := everywhere(t, fullAnswer)
	if objects < 25 {
		t.Fatalf("only %d objects", objects)
	}
	w.up.Answer(harness.JSON(200, body))
	_, answer := w.chat(t, simpleRequest)
	sameJSON(t, "answer", []byte(body), answer.body)
}

func TestWire_02_unknown_members_of_chunks_and_usage_come_back(t *testing.T) {
	w := open(t)
	chunk, _ := everywhere(t, fullChunk)
	usage, _ := everywhere(t, usageChunk)
	w.up.Answer(harness.Events(chunk, usage))
	answer, _ := w.send(t, http.MethodPost, "/chat/completions", with(t, streamRequest, "stream_options", `{"include_usage":true}`))
	got := events(t, answer.body)
	if len(got) != 3 || got[2] != "[DONE]" {
		t.Fatalf("%q", got)
	}
	sameJSON(t, "chunk", []byte(chunk), []byte(got[0]))
	sameJSON(t, "usage", []byte(usage), []byte(got[1]))
}

func TestWire_02_unknown_members_of_models_and_embeddings_come_back(t *testing.T) {
	w := open(t)
	for path, document := range map[string]string{
		"/models":   `{"object":"list","data":[{"id":"a","object":"model","created":1,"owned_by":"o"}],"has_more":true}`,
		"/models/a": `{"id":"a","object":"model","created":1,"owned_by":"o","shutdown_date":null}`,
	} {
		body, _ := everywhere(t, document)
		w.up.Answer(harness.JSON(200, body))
		answer, _ := w.send(t, http.MethodGet, path, "")
		sameJSON(t, path, []byte(body), answer.body)
	}
	body, _ := everywhere(t, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1]},{"object":"embedding","index":1,"embedding":{"sparse":[1]}}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`)
	w.up.Answer(harness.JSON(200, body))
	answer, _ := w.send(t, http.MethodPost, "/embeddings", `{"model":"e","input":"x"}`)
	sameJSON(t, "embeddings", []byte(body), answer.body)
}

var nothings = []string{"", `null`, `""`, `[]`, `{}`, `false`, `0`}

func TestWire_03_the_seven_kinds_of_nothing_stay_apart_in_requests(t *testing.T) {
	w := open(t)
	// The kinds that the API documents for a member; null and absence pass everywhere.
	kinds := map[string]string{
		"frequency_penalty": `0`, "presence_penalty": `0`, "temperature": `0`, "top_p": `0`, "logit_bias": `{}`, "logprobs": `false`,
		"top_logprobs": `0`, "max_completion_tokens": `0`, "max_tokens": `0`, "n": `0`, "seed": `0`, "stop": `"",[]`, "store": `false`,
		"metadata": `{}`, "modalities": `[]`, "audio": `{}`, "moderation": `{}`, "prediction": ``, "prompt_cache_key": `""`,
		"prompt_cache_retention": `""`, "prompt_cache_options": `{}`, "reasoning_effort": `""`, "response_format": `{}`,
		"safety_identifier": `""`, "service_tier": `""`, "stream_options": `{}`, "stream": `false`, "tools": `[]`, "tool_choice": `"",{}`,
		"parallel_tool_calls": `false`, "user": `""`, "verbosity": `""`, "web_search_options": `{}`, "function_call": `"",{}`, "functions": `[]`,
		"x_unknown": `"",[],{},false,0`,
	}
	for name, documented := range kinds {
		for _, nothing := range nothings {
			if name == "temperature" && nothing == "null" {
				documented += `,null`
			}
			request := with(t, simpleRequest, name, nothing)
			w.up.Answer(harness.JSON(200, simpleAnswer))
			answer, receipt := w.send(t, http.MethodPost, "/chat/completions", request)
			must := nothing == "" || nothing == "null" || strings.Contains(","+documented+",", ","+nothing+",")
			switch {
			case answer.status == 200:
				sameJSON(t, name+": "+nothing, []byte(request), w.up.Only(t).Body)
			case must:
				t.Errorf("%s: %s is refused: %s", name, nothing, answer)
			case receipt.Reason != "invalid_request" || len(w.up.Requests()) != 0 || !bytes.Contains(answer.body, []byte(name)):
				t.Errorf("%s: %s: %s, receipt %+v", name, nothing, answer, receipt)
			}
		}
	}
}

func TestWire_03_the_seven_kinds_of_nothing_stay_apart_within_messages_and_tools(t *testing.T) {
	w := open(t)
	shapes := []struct {
		document string // with one %s, a member and its comma
		name     string
		must     []string
	}{
		{`{"model":"m","messages":[{%s"role":"user","content":"x"}]}`, "name", []string{`""`}},
		{`{"model":"m","messages":[{%s"role":"assistant","content":"x"}]}`, "tool_calls", []string{`[]`}},
		{`{"model":"m","messages":[{%s"role":"assistant","content":"x"}]}`, "refusal", []string{`""`}},
		{`{"model":"m","messages":[{%s"role":"assistant"}]}`, "content", []string{`""`, `[]`}},
		{`{"model":"m","messages":[{%s"role":"user"}]}`, "content", []string{`""`, `[]`}},
		{`{"model":"m","messages":[{%s"role":"tool","tool_call_id":""}]}`, "content", []string{`""`, `[]`}},
		{`{"model":"m","messages":[{%s"role":"tool","content":"x"}]}`, "tool_call_id", []string{`""`}},
		{`{"model":"m","messages":[{%s"role":"function","name":""}]}`, "content", []string{`""`}},
		{`{"model":"m","messages":[{"role":"user","content":[{%s"type":"text"}]}]}`, "text", []string{`""`}},
		{`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{%s"url":""}}]}]}`, "detail", []string{`""`}},
		{`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{%s"name":"f"}}]}`, "parameters", []string{`{}`}},
		{`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{%s"name":"f"}}]}`, "strict", []string{`false`}},
		{`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{%s"name":"f"}}]}`, "description", []string{`""`}},
		{`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{%s"type":"function"}]}`, "function", []string{`{}`}},
		{`{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{%s"name":"n"}}}`, "schema", []string{`{}`}},
		{`{"model":"m","messages":[{"role":"user","content":"x"}],"stream_options":{%s"x":1}}`, "include_usage", []string{`false`}},
	}
	for _, shape := range shapes {
		for _, nothing := range nothings {
			member := ""
			if nothing != "" {
				member = fmt.Sprintf("%q:%s,", shape.name, nothing)
			}
			request := fmt.Sprintf(shape.document, member)
			w.up.Answer(harness.JSON(200, simpleAnswer))
			answer, _ := w.send(t, http.MethodPost, "/chat/completions", request)
			must := nothing == "" || nothing == "null"
			for _, m := range shape.must {
				must = must || m == nothing
			}
			switch {
			case answer.status == 200:
				sameJSON(t, request, []byte(request), w.up.Only(t).Body)
			case must:
				t.Errorf("%s is refused: %s", request, answer)
			case !bytes.Contains(answer.body, []byte(shape.name)):
				t.Errorf("%s: the refusal does not name %s: %s", request, shape.name, answer)
			}
		}
	}
}

func TestWire_03_the_seven_kinds_of_nothing_stay_apart_in_answers(t *testing.T) {
	w := open(t)
	shapes := map[string][]string{
		`{%s"id":"c","object":"chat.completion","created":1,"model":"m","choices":[]}`:  {"usage", "system_fingerprint", "service_tier", "metadata", "moderation", "x"},
		`{%s"object":"chat.completion"}`:                                                {"id", "created", "model", "choices"},
		`{"id":"c","choices":[{%s"x":1}]}`:                                              {"index", "message", "logprobs", "finish_reason"},
		`{"id":"c","choices":[{"index":0,"finish_reason":"stop","message":{%s"x":1}}]}`: {"role", "content", "refusal", "tool_calls", "annotations", "audio", "function_call"},
		`{"id":"c","choices":[],"usage":{%s"x":1}}`:                                     {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"},
		`{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{%s"x":1}}}`: {"cached_tokens"},
		`{"id":"c","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{%s"type":"function"}]}}]}`:                       {"id", "function"},
		`{"id":"c","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"type":"function","function":{%s"x":1}}]}}]}`:    {"name", "arguments"},
		`{"id":"c","choices":[{"index":0,"logprobs":{%s"x":1}}]}`:                                                                      {"content", "refusal"},
	}
	for document, names := range shapes {
		for _, name := range names {
			for _, nothing := range nothings {
				member := ""
				if nothing != "" {
					member = fmt.Sprintf("%q:%s,", name, nothing)
				}
				body := fmt.Sprintf(document, member)
				w.up.Answer(harness.JSON(200, body))
				answer, _ := w.send(t, http.MethodPost, "/chat/completions", simpleRequest)
				if answer.status != 200 {
					t.Errorf("%s: %s", body, answer)
					continue
				}
				sameJSON(t, body, []byte(body), answer.body)
			}
		}
	}
}

func TestWire_04_content_null_absent_and_empty_of_an_assistant_stay_apart(t *testing.T) {
	w := open(t)
	for _, content := range []string{``, `"content":null,`, `"content":"",`, `"content":[],`} {
		request := `{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant",` + content +
			`"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}]}`
		for _, stream := range []bool{false, true} {
			body := request
			w.up.Answer(harness.JSON(200, simpleAnswer))
			if stream {
				body = with(t, request, "stream", "true")
				w.up.Answer(harness.Events(lastChunk))
			}
			sent, _ := w.chat(t, body)
			want, _ := harness.At([]byte(request), "messages", 1)
			got, _ := harness.At(sent.Body, "messages", 1)
			sameJSON(t, content, want, got)
		}
	}
}

// oddArguments are what models write where JSON is meant.
var oddArguments = []string{
	``, `{}`, `{"a": 1.0, "b":9007199254740993}`, `{"unclosed": `, `not json`, "{\n\t\"x\" : 1}\n", `"{\"twice\": true}"`, `{"é":"\u00e9 😀 </script>"}`, `null`, `{"a":1}{"b":2}`,
}

func TestWire_07_arguments_are_an_opaque_string(t *testing.T) {
	w := open(t)
	for _, arguments := range oddArguments {
		text := quote(t, arguments)
		request := `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":` + text + `}}],"function_call":{"name":"f","arguments":` + text + `}}]}`
		body := `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":` + text + `}}]},"finish_reason":"tool_calls"}]}`
		w.up.Answer(harness.JSON(200, body))
		sent, answer := w.chat(t, request)
		sameJSON(t, arguments, []byte(request), sent.Body)
		sameJSON(t, arguments, []byte(body), answer.body)
	}
}

func TestWire_07_arguments_pass_in_the_pieces_in_which_they_came(t *testing.T) {
	w := open(t)
	var chunks []string
	for _, piece := range []string{`{"lo`, ``, `c": "Bo`, "\u00e9", `\u00`, `e1"`, ` : oops`} {
		chunks = append(chunks, `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":`+quote(t, piece)+`}}]},"finish_reason":null}]}`)
	}
	chunks = append(chunks, lastChunk)
	w.up.Answer(harness.Events(chunks...))
	_, answer := w.chat(t, streamRequest)
	got := events(t, answer.body)
	if len(got) != len(chunks)+1 {
		t.Fatalf("%d events, want %d", len(got), len(chunks)+1)
	}
	for i := range chunks {
		sameJSON(t, "chunk", []byte(chunks[i]), []byte(got[i]))
	}
}

func TestWire_08_content_keeps_its_form_and_unknown_parts_pass(t *testing.T) {
	w := open(t)
	for _, content := range []string{
		`"text"`, `[{"type":"text","text":"one"}]`, `[{"type":"text","text":"a"},{"type":"text","text":"b"}]`, `[{"type":"video","video":{"b":1,"a":2}}]`, `["bare"]`, `[[]]`, `[{}]`, `[null]`, `{"an":"object"}`, `[{"type":7}]`,
	} {
		for _, role := range []string{"user", "system", "developer", "assistant", "tool", "novel"} {
			request := `{"model":"m","messages":[{"role":"` + role + `","content":` + content + `}]}`
			w.up.Answer(harness.JSON(200, simpleAnswer))
			answer, _ := w.send(t, http.MethodPost, "/chat/completions", request)
			switch {
			case answer.status == 200:
				sameJSON(t, role+" "+content, []byte(request), w.up.Only(t).Body)
			case content == `{"an":"object"}` || content == `["bare"]` || content == `[[]]` || content == `[null]`:
				// Not what any version of the API takes: a refusal that says where is as good.
				if !bytes.Contains(answer.body, []byte("messages[0].content")) {
					t.Errorf("%s %s: %s", role, content, answer)
				}
			default:
				t.Errorf("%s %s: %s", role, content, answer)
			}
		}
	}
}

func TestWire_09_nothing_is_renamed(t *testing.T) {
	w := open(t)
	request := `{"model":"o3","messages":[{"role":"developer","content":"d"},{"role":"system","content":"s"},{"role":"user","content":"u"}],"max_tokens":1,"functions":[],"user":"u"}`
	for _, stream := range []bool{false, true} {
		w.up.Answer(harness.JSON(200, simpleAnswer))
		body := request
		if stream {
			body = with(t, request, "stream", "true")
			w.up.Answer(harness.Events(lastChunk))
		}
		sent, _ := w.chat(t, body)
		got := sent.Body
		if stream {
			got = []byte(with(t, with(t, string(got), "stream", ""), "stream_options", ""))
		}
		sameJSON(t, "request", []byte(request), got)
	}
}
