package lossless

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/tests/harness"
)

type chunkMessage = sluicev1.ChatCompletionChunk

func TestWire_17_error_objects_pass_unchanged(t *testing.T) {
	w := open(t)
	for _, object := range []string{
		`{"message":"m","type":"invalid_request_error","param":null,"code":null}`,
		`{"message":"m","type":null,"param":"messages[0]","code":"context_length_exceeded"}`,
		`{"message":"m","code":404}`,
		`{"message":"m","code":429.0}`,
		`{"message":"m","code":9007199254740993}`,
		`{"message":"m","code":12345678901234567890}`,
		`{"message":"m","code":{"nested":true}}`,
		`{"message":"m","code":["a"]}`,
		`{"message":"m","code":""}`,
		`{"message":"","type":"","param":"","code":""}`,
		`{"message":"m","type":7,"param":["a"],"code":false}`,
		`{"message":"m","innererror":{"z":1,"a":{"filtered":true}},"status":400,"details":[]}`,
		`{"type":"x"}`,
		`{"message":null,"type":"x"}`,
		`{"message":{"an":"object"}}`,
		`{"message":"<>&\u2028 😀 \ud83d\ude00"}`,
		`{}`,
	} {
		for _, envelope := range []string{`{"error":%s}`, `{"error":%s,"request_id":"r","x":{"b":1,"a":2}}`} {
			body := fmt.Sprintf(envelope, object)
			w.up.Answer(harness.JSON(400, body))
			answer, _ := w.send(t, http.MethodPost, "/chat/completions", simpleRequest)
			if answer.status != 400 {
				t.Errorf("%s: %s", body, answer)
			}
			sameJSON(t, body, []byte(body), answer.body)
		}
	}
	sameBytesOfError(t, w)
}

func sameBytesOfError(t *testing.T, w wire) {
	t.Helper()
	body := `{"error":{"message":"m","type":"t","param":null,"code":"c","innererror":{"z":1,"a":2,"n":1.0}}}`
	w.up.Answer(harness.JSON(400, body))
	answer, _ := w.send(t, http.MethodPost, "/chat/completions", simpleRequest)
	sameBytes(t, []byte(body), answer.body, "error", "innererror")
}

func TestWire_17_an_error_event_within_a_stream_passes_unchanged(t *testing.T) {
	w := open(t)
	event := `{"error":{"message":"m","type":"server_error","param":null,"code":503,"innererror":{"z":1,"a":2}},"request_id":"r"}`
	w.up.Answer(harness.EventsWithoutEnd(firstChunk, event))
	answer, _ := w.send(t, http.MethodPost, "/chat/completions", streamRequest)
	got := events(t, answer.body)
	if len(got) != 2 {
		t.Fatal(answer)
	}
	sameJSON(t, "error event", []byte(event), []byte(got[1]))
}

func TestWire_18_retry_limit_and_id_headers_reach_the_caller_and_others_do_not(t *testing.T) {
	w := open(t)
	pass := [][2]string{
		{"Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"},
		{"retry-after-ms", "1500"},
		{"x-should-retry", "true"},
		{"x-request-id", "req_upstream"},
		{"x-ratelimit-limit-requests", "60"},
		{"x-ratelimit-limit-tokens", "150000"},
		{"x-ratelimit-remaining-requests", "59"},
		{"x-ratelimit-remaining-tokens", "149984"},
		{"x-ratelimit-reset-requests", "1s"},
		{"x-ratelimit-reset-tokens", "6m0s"},
		{"openai-organization", "org"},
		{"openai-processing-ms", "5"},
		{"openai-version", "2020-10-01"},
		{"openai-model", "m"},
	}
	stay := [][2]string{
		{"Set-Cookie", "__cf_bm=secret"},
		{"Server", "cloudflare"},
		{"CF-RAY", "1"},
		{"Via", "1.1 x"},
		{"Proxy-Authenticate", "Basic"},
		{"WWW-Authenticate", "Bearer"},
		{"Keep-Alive", "timeout=5"},
		{"Alt-Svc", "h3"},
		{"Strict-Transport-Security", "max-age=1"},
		{"X-Powered-By", "x"},
		{"Access-Control-Allow-Origin", "https://evil.example"},
		{"X-Sluice-Request-Id", "forged"},
		{"X-Sluice-Error-Reason", "forged"},
		{"Grpc-Status", "0"},
	}
	all := slices.Concat(pass, stay)
	for name, test := range map[string]struct {
		reply   harness.Reply
		request string
	}{
		"an answer":            {harness.JSON(200, simpleAnswer, all...), simpleRequest},
		"an error":             {harness.JSON(429, `{"error":{"message":"m"}}`, all...), simpleRequest},
		"a stream":             {harness.Reply{Header: append([][2]string{{"Content-Type", "text/event-stream"}}, all...), Pieces: [][]byte{[]byte("data: " + lastChunk + "\n\ndata: [DONE]\n\n")}}, streamRequest},
		"an error of a stream": {harness.JSON(503, `{"error":{"message":"m"}}`, all...), streamRequest},
	} {
		w.up.Answer(test.reply)
		answer, receipt := w.send(t, http.MethodPost, "/chat/completions", test.request)
		for _, field := range pass {
			if got := answer.header[textproto.CanonicalMIMEHeaderKey(field[0])]; !slices.Equal(got, []string{field[1]}) {
				t.Errorf("%s: %s = %q, want %q", name, field[0], got, field[1])
			}
		}
		for _, field := range stay {
			if slices.Contains(answer.header[textproto.CanonicalMIMEHeaderKey(field[0])], field[1]) {
				t.Errorf("%s: %s came through", name, field[0])
			}
		}
		if id := answer.header.Get("X-Sluice-Request-Id"); id == "" || id != receipt.ID {
			t.Errorf("%s: x-sluice-request-id %q, receipt %q", name, id, receipt.ID)
		}
	}
}

func TestWire_18_an_answer_without_an_id_gets_ours(t *testing.T) {
	w := open(t)
	w.up.Answer(harness.JSON(200, simpleAnswer))
	answer, receipt := w.send(t, http.MethodPost, "/chat/completions", simpleRequest, "X-Request-Id", "chosen-by-the-caller")
	if id := answer.header.Get("X-Request-Id"); id != receipt.ID || id == "chosen-by-the-caller" {
		t.Errorf("x-request-id %q, receipt %q", id, receipt.ID)
	}
}

func TestWire_18_credentials_cookies_and_hop_by_hop_headers_do_not_go_upstream(t *testing.T) {
	w := open(t)
	secret := "never-upstream"
	names := []string{
		"Cookie", "X-Api-Key", "Api-Key", "Proxy-Authorization", "X-Goog-Api-Key", "X-Auth-Token", "Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via",
		"Te", "Keep-Alive", "Referer", "X-Internal-Token", "Grpc-Metadata-X", "Grpc-Timeout", "X-Http-Method-Override", "Baggage", "X-Stainless-Helper-Method", "User-Agent",
	}
	header := []string{"Connection", "X-Hop", "X-Hop", secret}
	for _, name := range names {
		header = append(header, name, secret)
	}
	for path, body := range map[string]string{"/chat/completions": simpleRequest, "/embeddings": `{"model":"e","input":"x"}`, "/models": "", "/models/m": ""} {
		method := http.MethodPost
		if body == "" {
			method = http.MethodGet
		}
		w.up.Answer(harness.JSON(200, simpleAnswer))
		w.send(t, method, path, body, header...)
		sent := w.up.Only(t)
		var text bytes.Buffer
		_ = sent.Header.Write(&text)
		if all := sent.URI + text.String() + string(sent.Body); strings.Contains(all, secret) || strings.Contains(all, callerKey) {
			t.Errorf("%s: %s", path, all)
		}
		if got := sent.Header["Authorization"]; !slices.Equal(got, []string{"Bearer " + upstreamKey}) {
			t.Errorf("%s: Authorization %q", path, got)
		}
	}
	if strings.Contains(w.Log(), callerKey) || strings.Contains(w.Log(), upstreamKey) || strings.Contains(w.Log(), secret) {
		t.Error("the log holds a secret")
	}
}

func TestWire_18_a_provider_that_quotes_our_key_does_not_give_it_away(t *testing.T) {
	w := open(t)
	for _, body := range []string{
		`{"error":{"message":"Incorrect API key provided: ` + upstreamKey + `.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`,
		`{"error":{"message":"m","innererror":{"key":"Bearer ` + upstreamKey + `"}}}`,
		`key ` + upstreamKey + ` is bad`,
		`{"error":{"message":"\u0073k-upstream-1234567890"}}`,
	} {
		w.up.Answer(harness.JSON(401, body, [2]string{"x-ratelimit-key", upstreamKey}))
		answer, _ := w.send(t, http.MethodPost, "/chat/completions", simpleRequest)
		var text bytes.Buffer
		_ = answer.header.Write(&text)
		if answer.status != 401 || strings.Contains(text.String()+string(answer.body)+w.Log(), upstreamKey) || bytes.Contains(answer.body, []byte(`\u0073k-upstream`)) {
			t.Errorf("%s %s", answer, text.String())
		}
	}
}

func TestWire_19_refusals_come_in_the_envelope_with_an_exact_status(t *testing.T) {
	w := open(t)
	for _, test := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{http.MethodPost, "/chat/completion", simpleRequest, 404, `"unknown_url"`},
		{http.MethodGet, "/chat/completions", "", 405, `"method_not_allowed"`},
		{http.MethodPost, "/chat/completions", `{"model":`, 400, `null`},
		{http.MethodPost, "/chat/completions", ``, 400, `null`},
		{http.MethodDelete, "/models/m", "", 405, `"method_not_allowed"`},
	} {
		answer, receipt := w.send(t, test.method, test.path, test.body)
		var envelope struct {
			Error map[string]json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(answer.body, &envelope); err != nil {
			t.Errorf("%s %s: %v in %s", test.method, test.path, err, answer)
			continue
		}
		for _, member := range []string{"message", "type", "param", "code"} {
			if envelope.Error[member] == nil {
				t.Errorf("%s %s: no %s in %s", test.method, test.path, member, answer)
			}
		}
		if answer.status != test.status || string(envelope.Error["code"]) != test.code || receipt.Status != test.status ||
			answer.header.Get("X-Should-Retry") != "false" || answer.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %s %v", test.method, test.path, answer, answer.header)
		}
	}
	if n := len(w.up.Requests()); n != 0 {
		t.Errorf("%d requests went upstream", n)
	}
}

// The official SDKs repeat by themselves, and say so in every request. Source: openai-go
// v3, internal/requestconfig.
func TestWire_20_what_an_SDK_will_repeat_is_not_repeated_here(t *testing.T) {
	w := openPatient(t)
	for status, retry := range map[int]string{
		400: "false", 401: "false", 403: "false", 404: "false", 408: "", 409: "", 413: "false", 422: "false", 429: "", 500: "", 502: "", 503: "", 504: "", 529: "",
	} {
		for _, request := range []string{simpleRequest, streamRequest} {
			w.up.Answer(harness.JSON(status, `{"error":{"message":"m"}}`))
			answer, _ := w.send(t, http.MethodPost, "/chat/completions", request, "X-Stainless-Retry-Count", "0")
			if n := len(w.up.Requests()); n != 1 || answer.status != status {
				t.Errorf("status %d: %d calls, %s", status, n, answer)
			}
			// The SDKs follow x-should-retry before their own rule: false must be said where a
			// retry is pointless, and true or nothing elsewhere.
			if got := answer.header.Get("X-Should-Retry"); got != retry {
				t.Errorf("status %d: x-should-retry %q, want %q", status, got, retry)
			}
		}
	}
}

func TestWire_20_a_request_that_was_sent_is_not_sent_again(t *testing.T) {
	w := openPatient(t)
	for _, request := range []string{simpleRequest, streamRequest} {
		w.up.Answer(harness.Reply{Silent: true, End: harness.EndCut})
		answer, _ := w.send(t, http.MethodPost, "/chat/completions", request)
		if n := len(w.up.Requests()); n != 1 || answer.status != http.StatusBadGateway {
			t.Errorf("%d calls, %s", n, answer)
		}
	}
}

func TestWire_23_query_parameters_and_ids_pass_as_sent(t *testing.T) {
	w := open(t)
	for _, test := range [][3]string{
		{"/chat/completions?beta=true&x=a%2Fb&x=%20&empty=&flag", simpleRequest, "/v1/chat/completions?beta=true&x=a%2Fb&x=%20&empty=&flag"},
		{"/chat/completions?api-version=2024-10-21&expires_after[anchor]=created_at", simpleRequest, "/v1/chat/completions?api-version=2024-10-21&expires_after[anchor]=created_at"},
		{"/embeddings?beta=true", `{"model":"e","input":"x"}`, "/v1/embeddings?beta=true"},
		{"/models?limit=10&after=m_1&order=desc", "", "/v1/models?limit=10&after=m_1&order=desc"},
		{"/models/ft:gpt-4o:org::abc?x=1", "", "/v1/models/ft:gpt-4o:org::abc?x=1"},
		{"/models/a%2Fb", "", "/v1/models/a%2Fb"},
	} {
		method := http.MethodPost
		if test[1] == "" {
			method = http.MethodGet
		}
		w.up.Answer(harness.JSON(200, simpleAnswer))
		w.send(t, method, test[0], test[1])
		if got := w.up.Only(t).URI; got != test[2] {
			t.Errorf("%s went upstream as %s, want %s", test[0], got, test[2])
		}
	}
}

func TestWire_24_OpenAI_headers_of_the_caller_pass(t *testing.T) {
	w := open(t)
	want := map[string]string{
		"Openai-Beta": "assistants=v2", "Openai-Organization": "org-1", "Openai-Project": "proj_1", "Idempotency-Key": "key-1", "X-Client-Request-Id": "mine-1",
	}
	for _, door := range w.Doors(t) {
		header := http.Header{}
		for name, value := range want {
			header.Set(name, value)
		}
		w.up.Answer(harness.JSON(200, simpleAnswer))
		if a := door.Chat(t.Context(), harness.Call{JSON: []byte(simpleRequest), Header: header}); a.Err != nil || a.Failure != nil {
			t.Errorf("%s: %v %+v", door.Name, a.Err, a.Failure)
		}
		w.Receipt(t)
		sent := w.up.Only(t)
		for name, value := range want {
			if got := sent.Header[name]; !slices.Equal(got, []string{value}) {
				t.Errorf("%s: %s = %q, want %q", door.Name, name, got, value)
			}
		}
	}
}

func TestWire_25_embeddings_have_the_form_that_was_asked_for(t *testing.T) {
	w := open(t)
	values := []float32{1, -2, 0.0023064255, -0.009327292, 1e-7, 0, float32(math.Pi), 3.4028235e38, 1e-45}
	var packed []byte
	var numbers []string
	for _, v := range values {
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(v))
		number, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, string(number))
	}
	text := `"` + base64.StdEncoding.EncodeToString(packed) + `"`
	floats := "[" + strings.Join(numbers, ",") + "]"
	body := func(embedding string) string {
		return `{"object":"list","data":[{"object":"embedding","index":0,"embedding":` + embedding + `}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`
	}
	for _, asked := range []string{``, `"encoding_format":null,`, `"encoding_format":"float",`, `"encoding_format":"base64",`} {
		for _, spoken := range []string{floats, text} {
			w.up.Answer(harness.JSON(200, body(spoken)))
			request := `{` + asked + `"model":"e","input":"x"}`
			answer, _ := w.send(t, http.MethodPost, "/embeddings", request)
			sameJSON(t, "request", []byte(request), w.up.Only(t).Body)
			if strings.Contains(asked, "base64") {
				sameJSON(t, asked, []byte(body(text)), answer.body)
				continue
			}
			got, _ := harness.At(answer.body, "data", 0, "embedding")
			var read []float32
			if err := json.Unmarshal(got, &read); err != nil || !slices.Equal(read, values) {
				t.Errorf("%s spoken as %s: %s", asked, spoken, got)
			}
		}
	}
}

func TestWire_25_no_digit_of_a_vector_is_lost(t *testing.T) {
	w := open(t)
	for _, vector := range []string{`[0.12345678901234567,1.0,1e-10,-0.0]`, `[0.12345678901234567890123456789]`, `[9007199254740993]`, `[1e400]`, `[]`, `null`, `{"sparse":{"b":1,"a":2}}`, `[[0.1],[0.2]]`} {
		body := `{"object":"list","data":[{"object":"embedding","index":0,"embedding":` + vector + `}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`
		w.up.Answer(harness.JSON(200, body))
		answer, _ := w.send(t, http.MethodPost, "/embeddings", `{"model":"e","input":"x","encoding_format":"float"}`)
		sameJSON(t, vector, []byte(body), answer.body)
	}
}

func TestWire_25_every_form_of_input_passes(t *testing.T) {
	w := open(t)
	for _, input := range []string{`"x"`, `""`, `["a",""]`, `[]`, `[1,2,3]`, `[[1],[2,3]]`, `[[]]`, `[9007199254740993]`, `[12345678901234567890]`, `[1.0]`, `[{"image":"x"}]`, `{"a":1}`, `["a",1]`, `[[1],"b"]`, `[null]`, `7`} {
		request := `{"model":"e","input":` + input + `}`
		w.up.Answer(harness.JSON(200, `{"object":"list","data":[],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`))
		answer, _ := w.send(t, http.MethodPost, "/embeddings", request)
		if answer.status != 200 {
			t.Errorf("%s: %s", input, answer)
			continue
		}
		sameJSON(t, input, []byte(request), w.up.Only(t).Body)
	}
}

func TestWire_00_the_request_is_plain_HTTP_with_a_length(t *testing.T) {
	w := open(t)
	w.up.Handle(func(rw http.ResponseWriter, r *http.Request, sent *harness.Request) {
		if r.ContentLength != int64(len(sent.Body)) || len(r.TransferEncoding) != 0 {
			t.Errorf("length %d of %d, transfer encoding %q", r.ContentLength, len(sent.Body), r.TransferEncoding)
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, simpleAnswer)
	})
	sent, _ := w.chat(t, simpleRequest)
	if sent.Method != http.MethodPost || sent.URI != "/v1/chat/completions" || sent.Header.Get("Content-Type") != "application/json" || sent.Header.Get("Accept") != "application/json" {
		t.Errorf("%+v", sent)
	}
}
