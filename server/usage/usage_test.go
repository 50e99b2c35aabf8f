package usage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func receipt() *Receipt {
	return &Receipt{
		ID: "c-1", Door: "rest", Operation: OperationChat, Streamed: true, RequestModel: "fast", Route: "fast",
		Provider: "openai", ProviderModel: "gpt-4o-mini", ResponseModel: "gpt-4o-mini-2024-07-18", Status: 200,
		Tokens: Tokens{Input: 10, CachedInput: 4, Output: 20}, FinishReasons: []string{"stop"},
		Attempts: []Attempt{{Provider: "openai", Model: "gpt-4o-mini", Outcome: "ok", Status: 200, Duration: time.Second}},
		Start:    time.Now(), Duration: 2 * time.Second, FirstToken: 300 * time.Millisecond,
	}
}

func TestLog_writes_one_line_with_the_conventions_names(t *testing.T) {
	var out bytes.Buffer
	NewLog(slog.New(slog.NewJSONHandler(&out, nil))).Record(receipt())
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	// Names: OpenTelemetry semantic conventions for generative AI, 1.37.
	for name, want := range map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.request.model": "fast", "gen_ai.provider.name": "openai",
		"gen_ai.response.model": "gpt-4o-mini-2024-07-18", "gen_ai.usage.input_tokens": 10.0, "gen_ai.usage.output_tokens": 20.0,
		"id": "c-1", "door": "rest", "route": "fast", "provider_model": "gpt-4o-mini", "status": 200.0, "stream": true, "level": "INFO", "duration_ms": 2000.0, "ttft_ms": 300.0,
	} {
		if line[name] != want {
			t.Errorf("%s = %v, want %v", name, line[name], want)
		}
	}
	if _, ok := line["error.type"]; ok {
		t.Error("a call that succeeded has an error.type")
	}
}

func TestLog_ranks_failures_by_whose_they_are_and_clips_what_callers_sent(t *testing.T) {
	for reason, level := range map[sluicev1.ErrorReason]string{
		sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST:      "INFO",
		sluicev1.ErrorReason_ERROR_REASON_CANCELED:             "INFO",
		sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE: "WARN",
		sluicev1.ErrorReason_ERROR_REASON_INTERNAL:             "ERROR",
	} {
		var out bytes.Buffer
		r := receipt()
		r.Reason, r.Cause, r.RequestModel = reason, errors.New("connection reset"), strings.Repeat("m", 10_000)
		r.FinishReasons = slices.Repeat([]string{strings.Repeat("f", 10_000)}, 1000)
		r.Attempts = slices.Repeat([]Attempt{{Provider: "p", Model: r.RequestModel, Outcome: "timeout"}}, 3)
		NewLog(slog.New(slog.NewJSONHandler(&out, nil))).Record(r)
		if !strings.Contains(out.String(), `"level":"`+level+`"`) || !strings.Contains(out.String(), "connection reset") || out.Len() > 6000 {
			t.Errorf("%v: %d bytes: %.300s", reason, out.Len(), out.String())
		}
	}
}

func TestLog_leaves_out_what_a_provider_said(t *testing.T) {
	var out bytes.Buffer
	r := receipt()
	r.Reason = sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_INVALID_REQUEST
	r.Cause = fmt.Errorf("wrapped: %w", &adapters.Error{
		Kind: adapters.KindInvalid, Provider: "p", Status: 400, Message: "marker-prompt",
		Envelope: &sluicev1.ErrorEnvelope{Error: &sluicev1.Error{Message: "invalid input: 'marker-prompt'"}},
	})
	NewLog(slog.New(slog.NewJSONHandler(&out, nil))).Record(r)
	if strings.Contains(out.String(), "marker-prompt") || !strings.Contains(out.String(), "p: invalid (status 400)") {
		t.Error(out.String())
	}
}

func TestMetrics_count_calls_tokens_and_attempts(t *testing.T) {
	reg := prometheus.NewRegistry()
	NewMetrics(reg).Record(receipt())
	for name, want := range map[string]int{
		"gen_ai_server_request_duration_seconds":    1,
		"gen_ai_server_time_to_first_token_seconds": 1,
		"gen_ai_client_token_usage":                 2, // input and output
		"gen_ai_client_operation_duration_seconds":  1,
	} {
		if got, err := testutil.GatherAndCount(reg, name); err != nil || got != want {
			t.Errorf("%s: %d series, %v, want %d", name, got, err, want)
		}
	}
}

func TestMetrics_do_not_grow_with_what_callers_invent(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	for i := range 3 * maxModelLabels {
		failed, served := receipt(), receipt()
		failed.RequestModel, failed.Reason = fmt.Sprintf("invented-%d", i), sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND
		served.RequestModel = fmt.Sprintf("model-%d", i)
		m.Record(failed)
		m.Record(served)
	}
	// Every name that earned a label, "other" for served ones and "other" for failed ones.
	if got, err := testutil.GatherAndCount(reg, "gen_ai_server_request_duration_seconds"); err != nil || got != maxModelLabels+2 {
		t.Errorf("%d series, %v, want %d", got, err, maxModelLabels+2)
	}
}

// A decoded name refers to the document that it came in.
func TestMetrics_keep_no_request(t *testing.T) {
	document := strings.Repeat("m", 1<<20)
	var l labels
	for range 2 {
		if got := l.label(document[:5], true); got != "mmmmm" || unsafe.StringData(got) == unsafe.StringData(document) {
			t.Errorf("the label %q is a part of its request", got)
		}
	}
	for name, label := range l.names {
		if unsafe.StringData(name) == unsafe.StringData(document) || unsafe.StringData(label) == unsafe.StringData(document) {
			t.Error("a request is kept")
		}
	}
}

func TestEstimateTokens_rounds_up(t *testing.T) {
	for text, want := range map[int64]int64{0: 0, 1: 1, 4: 1, 5: 2} {
		if got := EstimateTokens(text); got != want {
			t.Errorf("%d bytes: %d, want %d", text, got, want)
		}
	}
}
