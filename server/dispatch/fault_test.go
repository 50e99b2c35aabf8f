package dispatch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

func TestFault_keeps_what_the_provider_said(t *testing.T) {
	number := &sluicev1.ErrorEnvelope{Error: &sluicev1.Error{Message: "slow down", Code: &sluicev1.Error_CodeNumber{CodeNumber: 429}}}
	f := FromProvider(&adapters.Error{
		Kind: adapters.KindRateLimited, Provider: "p", Status: 429, Envelope: number, RetryAfter: 2 * time.Second,
		Header: adapters.Header{{Name: "x-ratelimit-remaining-requests", Value: "0"}}, Cause: errors.New("10.0.0.1: secret"),
	})
	if f.Status != 429 || f.Envelope != number || f.RetryAfter != 2*time.Second || f.Header.Get("x-ratelimit-remaining-requests") != "0" {
		t.Errorf("lost something: %+v", f)
	}
	if strings.Contains(f.Error(), "10.0.0.1") {
		t.Errorf("the cause shows: %v", f)
	}
	// A 200 that could not be used is the gateway's 502, not a success.
	if f := FromProvider(&adapters.Error{Kind: adapters.KindProtocol, Provider: "p", Status: 200}); f.Status != 502 {
		t.Errorf("status %d, want 502", f.Status)
	}
	for kind := adapters.KindInternal; kind <= adapters.KindSaturated; kind++ {
		if reasons[kind] == sluicev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			t.Errorf("%v has no reason", kind)
		}
	}
}

func TestUnary_lists_what_was_tried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := scene{windows: make([]int64, 3), steps: []step{
			{err: &adapters.Error{Kind: adapters.KindTimeout, Provider: "a", Step: adapters.StepFirstByte, Message: "slow"}, wait: 1500 * time.Millisecond},
			{err: &adapters.Error{Kind: adapters.KindCircuitOpen, Provider: "b", Message: "spared", RetryAfter: time.Second}},
			{err: &adapters.Error{Kind: adapters.KindRateLimited, Provider: "c", Status: 429, Message: "slow down", RetryAfter: 20 * time.Second}},
		}}.run(t.Context())
		f := fault.From(got.err)
		if f.Message() != "provider c: slow down; tried a/m: upstream_first_byte_timeout, b/m: circuit_open, c/m: upstream_rate_limited" {
			t.Errorf("message %q", f.Message())
		}
		if f.Reason != sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED || f.Status != 429 || f.RetryAfter != 20*time.Second || f.Provider != "c" {
			t.Errorf("%+v", f)
		}
		if len(f.Attempts) != 3 {
			t.Fatalf("%d attempts", len(f.Attempts))
		}
		if a := f.Attempts[0]; a.GetProvider() != "a" || a.GetModel() != "m" || a.GetReason() != sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_FIRST_BYTE_TIMEOUT || a.GetHttpStatus() != 0 || a.GetDurationMs() != 1500 {
			t.Errorf("%v", a)
		}
		if a := f.Attempts[2]; a.GetProvider() != "c" || a.GetReason() != sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED || a.GetHttpStatus() != 429 {
			t.Errorf("%v", a)
		}
		if tried := Tried(got.outcome.Attempts); tried != "a/m=upstream_first_byte_timeout, b/m=circuit_open, c/m=upstream_rate_limited(429)" {
			t.Errorf("tried %q", tried)
		}
	})
}

func TestUnary_leaves_others_error_objects_alone(t *testing.T) {
	envelope := &sluicev1.ErrorEnvelope{Error: &sluicev1.Error{Message: "slow down"}}
	theirs := &adapters.Error{Kind: adapters.KindRateLimited, Provider: "a", Status: 429, Envelope: envelope}
	ours := fault.New(sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "made by op")
	for name, test := range map[string]struct {
		err     error
		message string
		listed  int
	}{
		"a provider's":      {theirs, "slow down", 2},
		"a fault of op":     {ours, "made by op", 0},
		"one alone is told": {errors.New("secret"), "internal error", 1},
	} {
		got := scene{windows: make([]int64, 2), steps: []step{{err: test.err}}}.run(t.Context())
		if f := fault.From(got.err); f.Message() != test.message || len(f.Attempts) != test.listed {
			t.Errorf("%s: %q, %d attempts", name, f.Message(), len(f.Attempts))
		}
	}
	if envelope.GetError().GetMessage() != "slow down" || ours.Message() != "made by op" {
		t.Error("what was shared has changed")
	}
}

func TestUnary_tells_when_the_first_target_may_be_asked_again(t *testing.T) {
	wait := func(kind adapters.Kind, after time.Duration) step {
		return fails(adapters.Error{Kind: kind, Unsent: true, RetryAfter: after})
	}
	for name, test := range map[string]struct {
		steps []step
		want  time.Duration
	}{
		"the shortest of all that were refused on this side": {[]step{wait(adapters.KindCircuitOpen, 9*time.Second), wait(adapters.KindSaturated, 2*time.Second), wait(adapters.KindRateLimited, 5*time.Second)}, 2 * time.Second},
		"of those that say":            {[]step{wait(adapters.KindAuth, 0), wait(adapters.KindCircuitOpen, 9*time.Second), wait(adapters.KindAuth, 0)}, 9 * time.Second},
		"the answer's own":             {[]step{wait(adapters.KindCircuitOpen, time.Second), {err: &adapters.Error{Kind: adapters.KindRateLimited, Status: 429, RetryAfter: 7 * time.Second}}, wait(adapters.KindSaturated, time.Second)}, 7 * time.Second},
		"none when an answer has none": {[]step{wait(adapters.KindCircuitOpen, time.Second), failure(adapters.KindOverloaded, 503), wait(adapters.KindSaturated, time.Second)}, 0},
	} {
		got := scene{policy: Policy{Repeat: RepeatNever}, windows: make([]int64, 3), steps: test.steps}.run(t.Context())
		if f := fault.From(got.err); f.RetryAfter != test.want || len(got.asked) != 3 {
			t.Errorf("%s: %v, want %v; asked %q", name, f.RetryAfter, test.want, got.asked)
		}
	}
}

func TestFault_gives_one_advice_when_to_come_back(t *testing.T) {
	// As a keyring says it, whose keys are all left alone.
	benched := func(seconds string, wait time.Duration) step {
		return fails(adapters.Error{
			Kind: adapters.KindRateLimited, Status: 429, Unsent: true, RetryAfter: wait,
			Header: adapters.Header{{Name: "retry-after", Value: seconds}, {Name: "x-ratelimit-remaining-requests", Value: "0"}},
		})
	}
	for want, steps := range map[string][]step{
		"":   {benched("2", 2*time.Second), benched("60", time.Minute)},
		"60": {benched("90", 90*time.Second), benched("60", time.Minute)},
	} {
		got := scene{policy: Policy{Repeat: RepeatNever}, windows: make([]int64, 2), steps: steps}.run(t.Context())
		f := fault.From(got.err)
		if f.Header.Get("retry-after") != want || f.Header.Get("x-ratelimit-remaining-requests") != "0" {
			t.Errorf("come back after %v, and the headers say %v", f.RetryAfter, f.Header)
		}
		if last := steps[1].err.(*adapters.Error); last.Header.Get("retry-after") != "60" { //nolint:errorlint,forcetypeassert // made above
			t.Error("the provider's error was changed")
		}
	}
}

func TestTried_is_a_header_that_fits(t *testing.T) {
	many := make([]Attempt, 100)
	for i := range many {
		many[i] = Attempt{Provider: "prov\u00efder", Model: "mod\r\nel", Err: failure(adapters.KindOverloaded, 503).err}
	}
	const one = "prov?der/mod??el=upstream_overloaded(503)"
	got := Tried(many)
	if len(got) > 1024 || len(got)+len(", "+one) <= 1024 || strings.ReplaceAll(got, one, "x") != strings.TrimSuffix(strings.Repeat("x, ", (len(got)+2)/len(one+", ")), ", ") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	for want, attempts := range map[string][]Attempt{
		"":                                  {{Provider: "a", Model: "m"}},
		"a=internal":                        {{Provider: "a", Err: errors.New("secret")}, {Provider: "b"}},
		"a/m=canceled":                      {{Provider: "a", Model: "m", Err: context.Canceled}},
		"a/m=deadline_exceeded":             {{Provider: "a", Model: "m", Err: context.DeadlineExceeded}},
		"a/m=canceled, b/m=canceled":        {{Provider: "a", Model: "m", Err: &SendError{errors.New("pipe")}}, {Provider: "b", Model: "m", Err: &adapters.Error{Kind: adapters.KindCanceled}}},
		"a/m=upstream_unavailable":          {{Provider: "a", Model: "m", Err: &adapters.Error{Kind: adapters.KindUnavailable}}},
		"a/m=upstream_unauthenticated(401)": {{Provider: "a", Model: "m", Err: &adapters.Error{Kind: adapters.KindAuth, Status: 401}}},
	} {
		if got := Tried(attempts); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Source: proto/sluice/v1/error.proto, the comments on the reasons.
func TestReason_names_the_time_that_ran_out(t *testing.T) {
	for step, want := range map[adapters.Step]sluicev1.ErrorReason{
		adapters.StepTotal:      sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT,
		adapters.StepConnect:    sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONNECT_TIMEOUT,
		adapters.StepFirstByte:  sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_FIRST_BYTE_TIMEOUT,
		adapters.StepFirstToken: sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_FIRST_TOKEN_TIMEOUT,
		adapters.StepIdle:       sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_IDLE_TIMEOUT,
		adapters.Step(99):       sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT,
	} {
		if got := Reason(&adapters.Error{Kind: adapters.KindTimeout, Step: step}); got != want {
			t.Errorf("%v: %v, want %v", step, got, want)
		}
		// The step is a timeout's alone.
		if got := Reason(&adapters.Error{Kind: adapters.KindProtocol, Step: step}); got != sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PROTOCOL {
			t.Errorf("%v of a protocol error: %v", step, got)
		}
	}
	if Reason(nil) != 0 || Reason(fault.New(sluicev1.ErrorReason_ERROR_REASON_OVERLOADED, "x")) != sluicev1.ErrorReason_ERROR_REASON_OVERLOADED ||
		Reason(&adapters.Error{Kind: 99}) != sluicev1.ErrorReason_ERROR_REASON_INTERNAL {
		t.Error("the rest")
	}
}
