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

// A target that hangs, before its first chunk or after it: which bound ends it, as what,
// and whether a breaker below may hold that against the target.
func TestStream_ends_an_attempt_at_the_first_bound(t *testing.T) {
	const s = time.Second
	const (
		total      = sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT
		firstToken = sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_FIRST_TOKEN_TIMEOUT
	)
	for name, test := range map[string]struct {
		timeouts Timeouts
		policy   Policy
		begun    time.Duration // when the first chunk comes; 0: never
		after    time.Duration
		reason   sluicev1.ErrorReason
		says     string
	}{
		"first token":              {Timeouts{FirstToken: 2 * s, Total: 5 * s}, Policy{AttemptTimeout: 4 * s}, 0, 2 * s, firstToken, "no first token within 2s"},
		"of equal ones the finest": {Timeouts{FirstToken: 2 * s, Total: 2 * s}, Policy{AttemptTimeout: 2 * s, TotalTimeout: 2 * s}, 0, 2 * s, firstToken, "no first token within 2s"},
		"attempt":                  {Timeouts{FirstToken: 5 * s, Total: 5 * s}, Policy{AttemptTimeout: 4 * s}, 0, 4 * s, total, "no answer within 4s"},
		"target's total":           {Timeouts{FirstToken: 5 * s, Total: 3 * s}, Policy{AttemptTimeout: 4 * s}, 0, 3 * s, total, "no answer within 3s"},
		"the whole call":           {Timeouts{FirstToken: 5 * s}, Policy{TotalTimeout: 4 * s}, 0, 4 * s, total, "no answer before the time for the whole call, 4s, ran out"},
		"the rest of the stream":   {Timeouts{FirstToken: 2 * s, Total: 5 * s}, Policy{AttemptTimeout: 3 * s, TotalTimeout: 4 * s}, s, 5 * s, total, "the answer did not end within 5s"},
		"none after the beginning": {Timeouts{FirstToken: 2 * s}, Policy{AttemptTimeout: 2 * s, TotalTimeout: 2 * s}, s, time.Hour, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.policy.MaxAttempts = 1
				targets := []Target{{Provider: adapters.Provider{Name: "a"}, Timeouts: test.timeouts}}
				var blamed *adapters.Error
				start := time.Now()
				o, err := Stream(t.Context(), test.policy, targets, Request{}, func(Outcome) {}, func(int, bool) error { return nil }, nil,
					func(ctx context.Context, _ int, _ *adapters.Call, send func(int) error) error {
						if test.begun > 0 {
							time.Sleep(test.begun)
							if err := send(1); err != nil {
								return err
							}
						}
						if wait(ctx, time.Until(start.Add(time.Hour))) {
							return nil
						}
						blamed, _ = errors.AsType[*adapters.Error](context.Cause(ctx))
						return ctx.Err()
					})
				if took := time.Since(start); took != test.after {
					t.Errorf("ended after %v, want %v", took, test.after)
				}
				if test.reason == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if f := fault.From(err); f.Reason != test.reason || !strings.Contains(f.Message(), test.says) || f.Status != 504 {
					t.Errorf("%v (%d), want %v: %s", err, f.Status, test.reason, test.says)
				}
				if blamed == nil || blamed.Kind != adapters.KindTimeout || blamed.Provider != "a" {
					t.Errorf("the cause below is %v", blamed)
				}
				if a := o.Attempts[0]; adapters.KindOf(a.Err) != adapters.KindTimeout || a.Duration != test.after || a.FirstToken != test.begun || (o.Answered == 0) != (test.begun > 0) {
					t.Errorf("%+v", o)
				}
			})
		})
	}
}

func TestStream_begun_and_cut_by_its_bound_is_not_tried_again(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		targets := []Target{{Timeouts: Timeouts{Total: time.Second}}, {}}
		asked := 0
		_, err := Stream(t.Context(), Policy{Repeat: RepeatFailed}, targets, Request{}, func(Outcome) {}, func(int, bool) error { return nil }, nil,
			func(ctx context.Context, _ int, _ *adapters.Call, send func(int) error) error {
				asked++
				if err := send(1); err != nil {
					return err
				}
				<-ctx.Done()
				return ctx.Err()
			})
		if asked != 1 || fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT {
			t.Errorf("asked %d, %v", asked, err)
		}
	})
}

// The first token bounds nothing in a single answer, which has none.
func TestUnary_has_no_first_token(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, err := Unary(t.Context(), Policy{}, []Target{{Timeouts: Timeouts{FirstToken: time.Second}}}, Request{}, func(ctx context.Context, _ int, _ *adapters.Call) (*int, error) {
			if !wait(ctx, time.Minute) {
				return nil, ctx.Err()
			}
			return new(int), nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A target that got less than half of the call's time is not to blame when that runs out.
func TestUnary_blames_a_target_for_the_whole_call_only_with_a_fair_share(t *testing.T) {
	for used, fair := range map[time.Duration]bool{0: true, 5 * time.Second: true, 5*time.Second + 1: false, 9 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			var cause error
			start := time.Now()
			_, o, err := Unary(t.Context(), Policy{TotalTimeout: 10 * time.Second}, make([]Target, 2), Request{}, func(ctx context.Context, at int, _ *adapters.Call) (*int, error) {
				if at == 0 {
					time.Sleep(used)
					return nil, failure(adapters.KindUnavailable, 502).err
				}
				<-ctx.Done()
				cause = context.Cause(ctx)
				return nil, ctx.Err()
			})
			if _, blamed := errors.AsType[*adapters.Error](cause); blamed != fair || cause.Error() == "" {
				t.Errorf("%v of 10s used before: %v", used, cause)
			}
			if f := fault.From(err); f.Reason != sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT || !strings.Contains(f.Message(), "for the whole call, 10s") || time.Since(start) != 10*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
			if len(o.Attempts) != 2 || adapters.KindOf(o.Attempts[1].Err) != adapters.KindTimeout {
				t.Errorf("%+v", o)
			}
		})
	}
}

// A call that waited for a place at its target until its time ran out never reached it.
func TestUnary_believes_a_refusal_after_its_time(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, o, err := Unary(t.Context(), Policy{AttemptTimeout: time.Second, MaxAttempts: 1}, make([]Target, 2), Request{}, func(ctx context.Context, at int, _ *adapters.Call) (*int, error) {
			if at == 0 {
				<-ctx.Done()
				return nil, &adapters.Error{Kind: adapters.KindSaturated, Unsent: true}
			}
			return new(int), nil
		})
		if err != nil || len(o.Attempts) != 2 || o.Attempts[0].Asked() || adapters.KindOf(o.Attempts[0].Err) != adapters.KindSaturated {
			t.Errorf("%v, %+v", err, o)
		}
	})
}

// The adapter's context ends, and it sends its first chunk all the same: it is too late,
// and nothing of it may reach the caller, who gets another target's answer.
func TestStream_sends_nothing_of_an_attempt_whose_time_is_over(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, begun := "", 0
		o, err := Stream(t.Context(), Policy{AttemptTimeout: time.Second}, make([]Target, 2), Request{}, func(Outcome) { begun++ },
			func(chunk string, _ bool) error { got += chunk; return nil }, nil,
			func(ctx context.Context, at int, _ *adapters.Call, send func(string) error) error {
				if at == 0 {
					<-ctx.Done()
					return send("late")
				}
				return send("well")
			})
		if err != nil || got != "well" || begun != 1 || o.Answered != 1 || adapters.KindOf(o.Attempts[0].Err) != adapters.KindTimeout {
			t.Errorf("%q, begun %d times, %v, %+v", got, begun, err, o)
		}
	})
}

func TestUnary_gives_each_attempt_what_is_its_targets(t *testing.T) {
	targets := []Target{
		{Provider: adapters.Provider{Name: "a"}, Model: "m1"},
		{
			Provider: adapters.Provider{Name: "b"}, Model: "m2", Header: adapters.Header{{Name: "x-team", Value: "t"}},
			Timeouts: Timeouts{Connect: 1, FirstByte: 2, Idle: 3},
		},
	}
	r := Request{Header: adapters.Header{{Name: "openai-beta", Value: "x"}}, Query: "q=1", Caller: "c"}
	var calls []adapters.Call
	answer, o, err := Unary(t.Context(), Policy{}, targets, r, func(_ context.Context, at int, call *adapters.Call) (string, error) {
		calls = append(calls, *call)
		call.KeyName = targets[at].Provider.Name + "-key"
		call.Reply.Header = adapters.Header{{Name: "x-request-id", Value: targets[at].Provider.Name}}
		if at == 0 {
			panic("adapter")
		}
		return "answer", nil
	})
	// A panic ends the call: what has it done already?
	if len(calls) != 1 || fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_INTERNAL || answer != "" {
		t.Errorf("%d calls, %v", len(calls), err)
	}
	if _, ok := errors.AsType[*PanicError](o.Attempts[0].Err); !ok || o.Attempts[0].Key != "a-key" {
		t.Errorf("%+v", o.Attempts)
	}
	answer, o, err = Unary(t.Context(), Policy{}, targets[1:], r, func(_ context.Context, _ int, call *adapters.Call) (string, error) {
		calls = append(calls, *call)
		call.Reply.Header = adapters.Header{{Name: "x-request-id", Value: "b"}}
		return "answer", nil
	})
	call := calls[1]
	if err != nil || answer != "answer" || o.Answered != 0 || o.Reply.Header.Get("x-request-id") != "b" {
		t.Errorf("%q, %v, %+v", answer, err, o)
	}
	if call.Model != "m2" || call.Header.Get("openai-beta") != "x" || call.TargetHeader.Get("x-team") != "t" || call.Query != "q=1" || call.Caller != "c" ||
		call.Timeouts != (adapters.Timeouts{Connect: 1, FirstByte: 2, Idle: 3}) {
		t.Errorf("%+v", call)
	}
}

func TestUnary_without_a_target_is_our_defect(t *testing.T) {
	_, o, err := Unary(t.Context(), Policy{}, nil, Request{}, func(context.Context, int, *adapters.Call) (int, error) { return 1, nil })
	if fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_INTERNAL || o.Answered != -1 || len(o.Attempts) != 0 {
		t.Errorf("%v, %+v", err, o)
	}
}

// A call that waits for a place, as a limiter has it, and the end of its context.
func TestUnary_tells_who_ended_the_wait_for_a_place(t *testing.T) {
	for name, test := range map[string]struct {
		leaves time.Duration // 0: the caller stays
		reason sluicev1.ErrorReason
		asked  bool
	}{
		"the caller left":                     {7 * time.Second, sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, false},
		"the time for the whole call ran out": {0, sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.leaves > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.leaves)
					defer cancel()
				}
				_, o, err := Unary(ctx, Policy{TotalTimeout: 10 * time.Second}, make([]Target, 2), Request{}, func(ctx context.Context, at int, _ *adapters.Call) (int, error) {
					if at == 0 {
						time.Sleep(6 * time.Second)
						return 0, failure(adapters.KindUnavailable, 500).err
					}
					<-ctx.Done()
					return 0, &adapters.Error{Kind: adapters.KindCanceled, Unsent: true, Cause: ctx.Err()}
				})
				if f := fault.From(err); f.Reason != test.reason || len(o.Attempts) != 2 || o.Attempts[1].Asked() != test.asked {
					t.Errorf("%v, want %v; attempts %+v", err, test.reason, o.Attempts)
				}
			})
		})
	}
}
