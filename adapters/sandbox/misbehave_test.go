package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func hello(model string) string {
	return `{"model":"` + model + `","messages":[{"role":"user","content":"Hello there"}]}`
}

// attempt streams from a model and tells the tokens that came and the error.
func attempt(ctx context.Context, t *testing.T, model string) (tokens int, err error) {
	t.Helper()
	err = provider(t).Chat.StreamChat(ctx, &adapters.Call{}, request(t, hello(model)), func(c *sluicev1.ChatCompletionChunk) error {
		for _, choice := range c.GetChoices() {
			if choice.GetDelta().GetContent() != "" {
				tokens++
			}
			if choice.FinishReason != nil {
				t.Error("a finish reason was sent")
			}
		}
		if c.GetUsage() != nil {
			t.Error("a usage was sent")
		}
		return nil
	})
	return tokens, err
}

func failureOf(t *testing.T, model string) *adapters.Error {
	t.Helper()
	_, err := provider(t).Chat.Chat(t.Context(), &adapters.Call{}, request(t, hello(model)))
	var e *adapters.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: error %v", model, err)
	}
	return e
}

// Statuses, types and codes are those of OpenAI's guide "Error codes" where it has
// them; the kinds are those of the SPI.
func TestErrorModels_fail_with_their_status(t *testing.T) {
	tests := []struct {
		model           string
		kind            adapters.Kind
		status          int
		errorType, code string
		retryAfter      time.Duration
	}{
		{"error-400", adapters.KindInvalid, 400, "invalid_request_error", "invalid_value", 0},
		{"error-401", adapters.KindAuth, 401, "invalid_request_error", "invalid_api_key", 0},
		{"error-403", adapters.KindPermission, 403, "request_forbidden", "unsupported_country_region_territory", 0},
		{"error-404", adapters.KindNotFound, 404, "invalid_request_error", "model_not_found", 0},
		{"error-408", adapters.KindTimeout, 408, "invalid_request_error", "request_timeout", 0},
		{"error-409", adapters.KindConflict, 409, "invalid_request_error", "conflict", 0},
		{"error-413", adapters.KindTooLarge, 413, "invalid_request_error", "request_too_large", 0},
		{"error-422", adapters.KindInvalid, 422, "invalid_request_error", "unprocessable_entity", 0},
		{"error-429", adapters.KindRateLimited, 429, "requests", "rate_limit_exceeded", time.Second},
		{"error-429-1500ms", adapters.KindRateLimited, 429, "requests", "rate_limit_exceeded", 1500 * time.Millisecond},
		{"error-500", adapters.KindUnavailable, 500, "server_error", "", 0},
		{"error-502", adapters.KindUnavailable, 502, "server_error", "bad_gateway", 0},
		{"error-503", adapters.KindOverloaded, 503, "server_error", "service_unavailable", 0},
		{"error-503-30s", adapters.KindOverloaded, 503, "server_error", "service_unavailable", 30 * time.Second},
		{"error-504", adapters.KindTimeout, 504, "server_error", "gateway_timeout", 0},
		{"error-529", adapters.KindOverloaded, 529, "overloaded_error", "overloaded", 0},
		{"error-418", adapters.KindInvalid, 418, "invalid_request_error", "", 0},
		{"error-599", adapters.KindUnavailable, 599, "server_error", "", 0},
		{"out-of-quota", adapters.KindRateLimited, 429, "insufficient_quota", "insufficient_quota", 0},
		{"filtered-input", adapters.KindContentFiltered, 400, "invalid_request_error", "content_filter", 0},
		{"error-mid-stream", adapters.KindUnavailable, 500, "server_error", "", 0},
	}
	for _, tt := range tests {
		e := failureOf(t, tt.model)
		got := e.Envelope.GetError()
		if e.Kind != tt.kind || e.Status != tt.status || e.RetryAfter != tt.retryAfter || e.Provider != "sandbox" {
			t.Errorf("%s: %+v", tt.model, e)
		}
		if got.GetType() != tt.errorType || got.GetCodeString() != tt.code || got.GetMessage() == "" || (got.Code == nil) != (tt.code == "") {
			t.Errorf("%s: envelope %v", tt.model, got)
		}
		header := e.Header.Get("retry-after-ms")
		if want := strconv.FormatInt(tt.retryAfter.Milliseconds(), 10); tt.retryAfter != 0 && header != want || tt.retryAfter == 0 && header != "" {
			t.Errorf("%s: retry-after-ms %q", tt.model, header)
		}
		for _, f := range e.Header {
			if !adapters.ReturnedResponseHeader(f.Name) {
				t.Errorf("%s: header %s may not reach a caller", tt.model, f.Name)
			}
		}
	}
	limited := failureOf(t, "error-429-1500ms").Header
	if limited.Get("retry-after") != "2" || limited.Get("x-ratelimit-remaining-requests") != "0" || limited.Get("x-ratelimit-reset-requests") != "1.5s" {
		t.Errorf("headers of a 429: %v", limited)
	}
}

func TestUnreachable_and_timeout_have_no_status(t *testing.T) {
	for model, kind := range map[string]adapters.Kind{"unreachable": adapters.KindUnavailable, "timeout": adapters.KindTimeout} {
		if e := failureOf(t, model); e.Kind != kind || e.Status != 0 || e.Envelope != nil || e.Message == "" {
			t.Errorf("%s: %+v", model, e)
		}
	}
}

func TestBreakingStreams_send_their_tokens_first(t *testing.T) {
	for model, want := range map[string]struct {
		tokens int
		kind   adapters.Kind
	}{
		"cut-stream":         {3, adapters.KindProtocol},
		"cut-stream-0":       {0, adapters.KindProtocol},
		"cut-stream-7":       {7, adapters.KindProtocol},
		"error-mid-stream":   {3, adapters.KindUnavailable},
		"error-mid-stream-1": {1, adapters.KindUnavailable},
	} {
		tokens, err := attempt(t.Context(), t, model)
		if tokens != want.tokens || adapters.KindOf(err) != want.kind {
			t.Errorf("%s: %d tokens, error %v", model, tokens, err)
		}
		if e := failureOf(t, model); e.Kind != want.kind {
			t.Errorf("%s, unary: %v", model, e)
		}
	}
	// More tokens than the answer has: it breaks before the finish reason.
	if tokens, err := attempt(t.Context(), t, "cut-stream-99999"); tokens < 10 || adapters.KindOf(err) != adapters.KindProtocol {
		t.Errorf("cut-stream-99999: %d tokens, error %v", tokens, err)
	}
}

func TestWaits_end_with_the_context_at_once(t *testing.T) {
	for _, model := range []string{"hang", "hang-mid-stream", "slow-10m", "slow-9m"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 1234*time.Millisecond)
			defer cancel()
			began := time.Now()
			tokens, err := attempt(ctx, t, model)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 1234*time.Millisecond {
				t.Errorf("%s: error %v after %v", model, err, time.Since(began))
			}
			if want := map[string]int{"hang-mid-stream": 3}[model]; tokens != want {
				t.Errorf("%s: %d tokens", model, tokens)
			}
			began = time.Now()
			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := provider(t).Chat.Chat(ctx, &adapters.Call{}, request(t, hello(model))); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("%s, unary: error %v after %v", model, err, time.Since(began))
			}
		})
	}
}

func TestSlow_takes_the_documented_time(t *testing.T) {
	for model, first := range map[string]time.Duration{"slow": time.Second, "slow-2s": 2 * time.Second, "slow-250ms": 250 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			var at []time.Duration
			tokens := 0
			err := provider(t).Chat.StreamChat(t.Context(), &adapters.Call{}, request(t, hello(model)), func(c *sluicev1.ChatCompletionChunk) error {
				at = append(at, time.Since(began))
				if len(c.GetChoices()) > 0 && c.GetChoices()[0].GetDelta().GetContent() != "" {
					tokens++
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			whole := first + time.Duration(tokens-1)*first/10
			if at[0] != first || at[2]-at[1] != first/10 || at[len(at)-1] != whole {
				t.Errorf("%s: chunks at %v, want the first at %v and the last at %v", model, at, first, whole)
			}
			began = time.Now()
			if _, err := provider(t).Chat.Chat(t.Context(), &adapters.Call{}, request(t, hello(model))); err != nil || time.Since(began) != whole {
				t.Errorf("%s, unary: %v, error %v, want %v", model, time.Since(began), err, whole)
			}
		})
	}
}

func TestCanceled_calls_get_no_answer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := attempt(ctx, t, "chat"); !errors.Is(err, context.Canceled) {
		t.Errorf("StreamChat: %v", err)
	}
	if _, err := provider(t).Embed.Embed(ctx, &adapters.Call{}, &sluicev1.CreateEmbeddingsRequest{Model: "embed"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Embed: %v", err)
	}
}

func TestStream_stops_between_tokens_when_the_caller_leaves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sent := 0
	err := provider(t).Chat.StreamChat(ctx, &adapters.Call{}, request(t, hello("long")), func(*sluicev1.ChatCompletionChunk) error {
		if sent++; sent == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || sent != 10 {
		t.Errorf("error %v after %d chunks", err, sent)
	}
}

func TestFlaky_fails_for_its_share_of_requests(t *testing.T) {
	for model, bounds := range map[string][2]int{"flaky": {400, 600}, "flaky-10": {50, 160}, "flaky-0": {0, 0}, "flaky-100": {1000, 1000}} {
		failed := 0
		for i := range 1000 {
			body := fmt.Sprintf(`{"model":"%s","messages":[{"role":"user","content":"%d"}]}`, model, i)
			_, err := provider(t).Chat.Chat(t.Context(), &adapters.Call{}, request(t, body))
			_, again := provider(t).Chat.Chat(t.Context(), &adapters.Call{}, request(t, body))
			if (err == nil) != (again == nil) {
				t.Fatalf("%s: two answers to %s", model, body)
			}
			if err != nil {
				failed++
			}
		}
		if failed < bounds[0] || failed > bounds[1] {
			t.Errorf("%s: %d of 1000 failed", model, failed)
		}
	}
}
