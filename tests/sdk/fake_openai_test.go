package sdk_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// fakeOpenAI is a provider that speaks OpenAI's dialect, as another machine would:
// with members and headers that nobody here knows. /received/{user} tells the last
// request of a user and how many there were, /ended/{user} answers when a stream of the user's ended because
// nobody listens any more.
//
// The model gpt-refuses answers with an error, gpt-stumbles with one to the first
// request of a user, and gpt-endless streams for as long as somebody listens.
type fakeOpenAI struct {
	mu       sync.Mutex
	received map[string]received      // by user; guarded by mu
	ended    map[string]chan struct{} // by user; guarded by mu
}

type received struct {
	Times   int               `json:"times"`
	Body    json.RawMessage   `json:"body"`
	Raw     string            `json:"raw"`
	Headers map[string]string `json:"headers"`
}

const requestID = "req_upstream"

func startFakeOpenAI(t *testing.T) string {
	t.Helper()
	fake := &fakeOpenAI{received: map[string]received{}, ended: map[string]chan struct{}{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", fake.chat)
	mux.HandleFunc("POST /v1/embeddings", fake.embed)
	mux.HandleFunc("GET /received/{user}", fake.tell)
	mux.HandleFunc("GET /ended/{user}", fake.awaitEnd)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func (f *fakeOpenAI) chat(w http.ResponseWriter, r *http.Request) {
	request, times, ok := f.take(w, r)
	if !ok {
		return
	}
	switch {
	case request.Model == "gpt-stumbles" && times == 1:
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"error":{"message":"try again","type":"server_error","param":null,"code":null}}`)
	case request.Model == "gpt-endless":
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: "+chunk(`{"role":"assistant","content":"on and on"}`, "null")+"\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(f.end(request.User))
	case request.Model == "gpt-refuses":
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":{"message":"max_tokens is too large","type":"invalid_request_error",`+
			`"param":"max_tokens","code":4711,"innererror":{"code":"TooLarge","details":[1,null]}}}`)
	case request.Stream:
		w.Header().Set("Content-Type", "text/event-stream")
		for _, event := range []string{
			chunk(`{"role":"assistant","content":"","reasoning_content":"because"}`, "null"),
			chunk(`{"content":"Hello "}`, "null"),
			chunk(`{"content":"from upstream."}`, "null"),
			chunk(`{}`, `"stop"`),
		} {
			io.WriteString(w, "data: "+event+"\n\n")
			w.(http.Flusher).Flush()
		}
		if request.StreamOptions.IncludeUsage {
			io.WriteString(w, `data: {"id":"chatcmpl-up","object":"chat.completion.chunk","created":1,"model":"gpt-up",`+
				`"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9}}`+"\n\n")
		}
		io.WriteString(w, "data: [DONE]\n\n")
	default:
		io.WriteString(w, `{"id":"chatcmpl-up","object":"chat.completion","created":1,"model":"gpt-up",`+
			`"choices":[{"index":0,"message":{"role":"assistant","content":"Hello from upstream.","refusal":null,`+
			`"reasoning_content":"because"},"logprobs":null,"finish_reason":"stop"}],`+
			`"usage":{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9,"x_cost":0.25},`+
			`"x_answer":{"big":9007199254740993,"nothing":null}}`)
	}
}

func chunk(delta, finishReason string) string {
	return `{"id":"chatcmpl-up","object":"chat.completion.chunk","created":1,"model":"gpt-up",` +
		`"choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finishReason + `}]}`
}

// embed sends floats, whatever it is asked for.
func (f *fakeOpenAI) embed(w http.ResponseWriter, r *http.Request) {
	if _, _, ok := f.take(w, r); ok {
		io.WriteString(w, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-0.25,0.125]}],`+
			`"model":"embed-up","usage":{"prompt_tokens":1,"total_tokens":1}}`)
	}
}

type fakeRequest struct {
	Model         string `json:"model"`
	Stream        bool   `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	User string `json:"user"`
}

// take reads and keeps the request, and sets the headers of every answer. It returns
// the request and how many its user has sent.
func (f *fakeOpenAI) take(w http.ResponseWriter, r *http.Request) (request fakeRequest, times int, ok bool) {
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return request, 0, false
	}
	headers := map[string]string{}
	for name := range r.Header {
		headers[name] = r.Header.Get(name)
	}
	f.mu.Lock()
	times = f.received[request.User].Times + 1
	f.received[request.User] = received{times, raw, string(raw), headers}
	f.mu.Unlock()

	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Request-Id", requestID)
	w.Header().Set("X-Ratelimit-Remaining-Requests", "41")
	w.Header().Set("Openai-Processing-Ms", "7")
	w.Header().Set("Set-Cookie", "__cf_bm=secret")
	return request, times, true
}

func (f *fakeOpenAI) tell(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	last, ok := f.received[r.PathValue("user")]
	f.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(last)
}

func (f *fakeOpenAI) awaitEnd(w http.ResponseWriter, r *http.Request) {
	select {
	case <-f.end(r.PathValue("user")):
		w.WriteHeader(http.StatusNoContent)
	case <-r.Context().Done():
	}
}

// end returns the channel that is closed when the user's stream ends.
func (f *fakeOpenAI) end(user string) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended[user] == nil {
		f.ended[user] = make(chan struct{})
	}
	return f.ended[user]
}
