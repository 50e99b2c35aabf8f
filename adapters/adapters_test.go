package adapters

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

func TestSecret_prints_nowhere(t *testing.T) {
	secret := NewSecret("sk-marker")
	var out bytes.Buffer
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, format, secret)
		fmt.Fprintf(&out, format, struct{ Keys []Secret }{[]Secret{secret}})
		fmt.Fprintf(&out, format, &secret)
	}
	text, err := json.Marshal(map[string]any{"key": secret, "keys": []Secret{secret}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", secret, "settings", Settings{APIKeys: []Secret{secret}})
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", secret, "settings", Settings{APIKeys: []Secret{secret}})
	if strings.Contains(out.String(), "sk-marker") || strings.Contains(out.String(), fmt.Sprintf("%x", "sk-marker")) {
		t.Errorf("the secret shows: %s", out.String())
	}
	if secret.Reveal() != "sk-marker" {
		t.Error("Reveal lost the value")
	}
}

func TestHeader_sets_gets_and_adds(t *testing.T) {
	h := Header{{"a", "1"}, {"b", "2"}, {"a", "3"}}
	shared := h
	h.Set("a", "4")
	if h.Get("a") != "4" || len(h) != 2 || h.Get("c") != "" || shared.Get("a") != "1" {
		t.Errorf("%v, shared %v", h, shared)
	}
}

func TestHeaders_that_cross_are_chosen_by_name(t *testing.T) {
	for name, want := range map[string]bool{"retry-after": true, "x-ratelimit-limit-requests": true, "openai-processing-ms": true, "x-request-id": true, "set-cookie": false, "server": false, "authorization": false, "connection": false} {
		if ReturnedResponseHeader(name) != want {
			t.Errorf("returned %s: %t", name, !want)
		}
	}
	for _, name := range []string{"authorization", "cookie", "openai-insecure-api-key", "api-key", "x-api-key", "host"} {
		if slices.Contains(ForwardedRequestHeaders, name) {
			t.Errorf("%s is forwarded", name)
		}
	}
}

func TestError_tells_all_but_its_cause(t *testing.T) {
	cause := errors.New("dial 10.0.0.1")
	err := fmt.Errorf("wrapped: %w", &Error{Kind: KindOverloaded, Provider: "p", Status: 503, Message: "busy", Cause: cause})
	if got := err.Error(); got != "wrapped: p: overloaded (status 503): busy" {
		t.Error(got)
	}
	if KindOf(err) != KindOverloaded || KindOf(cause) != KindInternal || !errors.Is(err, cause) {
		t.Error("kind or cause lost")
	}
	told := &Error{Kind: KindInvalid, Provider: "p", Status: 400, Message: "prompt", Envelope: &sluicev1.ErrorEnvelope{Error: &sluicev1.Error{Message: "prompt", Code: &sluicev1.Error_CodeString{CodeString: "bad"}}}}
	if got := told.LogText(); got != `p: invalid (status 400) code "bad"` {
		t.Error(got)
	}
	for k := KindInternal; k <= KindCircuitOpen; k++ {
		if strings.HasPrefix(k.String(), "kind(") {
			t.Errorf("kind %d has no name", k)
		}
	}
}
