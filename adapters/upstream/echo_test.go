package upstream

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

// A debugging proxy may answer with what it was asked.
func TestClient_hides_its_key_in_answers_too(t *testing.T) {
	const key = "sk-marker-0123"
	bearer := Dialect{Authorize: func(h http.Header, key string) { h["Authorization"] = []string{"Bearer " + key} }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := r.Header.Get("Authorization")
		w.Header().Set("X-Request-Id", said)
		if r.URL.Path == "/stream" {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, `data: {"echo":"`+said+"\"}\n\n")
			return
		}
		_, _ = io.WriteString(w, `{"echo":"`+said+`"}`)
	}))
	defer server.Close()
	c, err := New(adapters.Settings{Name: "p", BaseURL: server.URL, APIKeys: []adapters.Secret{adapters.NewSecret(key)}}, bearer)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const want = `{"echo":"Bearer [redacted]"}`

	answer, err := c.Do(t.Context(), &Request{Method: http.MethodPost, Path: "/whole", Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	if string(answer.Body) != want || strings.Contains(answer.Header.Get("x-request-id"), key) {
		t.Errorf("%s, %v", answer.Body, answer.Header)
	}
	stream, err := c.Stream(t.Context(), &Request{Method: http.MethodPost, Path: "/stream", Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	event, err := stream.Next()
	if err != nil {
		t.Fatal(err)
	}
	if string(event.Data) != want || strings.Contains(stream.Header.Get("x-request-id"), key) {
		t.Errorf("%s, %v", event.Data, stream.Header)
	}
}
