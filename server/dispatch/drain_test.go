package dispatch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

type valueKey struct{}

// A stream of one chunk a second whose caller leaves: what is sent, what is drained, how
// the attempt and the call end.
func TestStream_drains_when_the_caller_left(t *testing.T) {
	const s = time.Second
	gone := errors.New("broken pipe")
	down := failure(adapters.KindUnavailable, 500).err
	for name, test := range map[string]struct {
		drain         time.Duration
		leaves        time.Duration // the context ends; 0: it does not
		refuses       int           // send fails at this chunk, from 1; 0: never
		first, chunks int           // seconds before the first chunk; chunks
		end           error
		sent, drained int
		took          time.Duration
		attempt       error // context.Canceled stands for an attempt that was cut
		begun         bool
	}{
		"to its end":                       {time.Minute, 2*s + s/2, 0, 1, 5, nil, 2, 3, 5 * s, nil, true},
		"up to the cap":                    {2 * s, 2*s + s/2, 0, 1, 9, nil, 2, 2, 4*s + s/2, context.Canceled, true},
		"before the first chunk":           {time.Minute, s / 2, 0, 3, 2, nil, 0, 2, 4 * s, nil, false},
		"before the first, up to the cap":  {time.Second, s / 2, 0, 3, 2, nil, 0, 0, s + s/2, context.Canceled, false},
		"to a failure":                     {time.Minute, 2*s + s/2, 0, 1, 3, down, 2, 1, 3 * s, down, true},
		"to a failure before the first":    {time.Minute, s / 2, 0, 1, 0, down, 0, 0, s, down, false},
		"after a send that failed":         {time.Minute, 0, 2, 1, 5, nil, 2, 3, 5 * s, nil, true},
		"after a first send that failed":   {time.Minute, 0, 1, 1, 3, nil, 1, 2, 3 * s, nil, true},
		"a failed send, up to the cap":     {2*s + s/2, 0, 2, 1, 9, nil, 2, 2, 4*s + s/2, context.Canceled, true},
		"a failed send and then the end":   {2*s + s/2, 3*s + s/2, 2, 1, 9, nil, 2, 2, 4*s + s/2, context.Canceled, true},
		"not at all, when there is no cap": {0, 2*s + s/2, 0, 1, 5, nil, 2, 0, 2*s + s/2, context.Canceled, true},
		"nor after a send that failed":     {0, 0, 2, 1, 5, nil, 2, 0, 2 * s, gone, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.WithValue(t.Context(), valueKey{}, "kept"))
				defer cancel()
				if test.leaves > 0 {
					time.AfterFunc(test.leaves, cancel)
				}
				sent, drained, begun, asked := 0, 0, false, 0
				start := time.Now()
				o, err := Stream(ctx, Policy{Drain: test.drain}, make([]Target, 2), Request{}, func(Outcome) { begun = true },
					func(int, bool) error {
						if sent++; sent == test.refuses {
							return gone
						}
						return nil
					}, func(int) { drained++ },
					func(ctx context.Context, _ int, _ *adapters.Call, send func(int) error) error {
						asked++
						if ctx.Value(valueKey{}) != "kept" {
							t.Error("the context lost its values")
						}
						for i := range test.chunks {
							pause := s
							if i == 0 {
								pause = time.Duration(test.first) * s
							}
							if !wait(ctx, pause) {
								return ctx.Err()
							}
							if err := send(i); err != nil {
								return err
							}
						}
						if test.chunks == 0 && !wait(ctx, time.Duration(test.first)*s) {
							return ctx.Err()
						}
						return test.end
					})
				if took := time.Since(start); sent != test.sent || drained != test.drained || begun != test.begun || took != test.took || asked != 1 {
					t.Errorf("%d sent, %d drained, begun %t, %d asked in %v; want %d, %d, %t, 1, %v", sent, drained, begun, asked, took, test.sent, test.drained, test.begun, test.took)
				}
				if reason := fault.From(err).Reason; err == nil || reason != sluicev1.ErrorReason_ERROR_REASON_CANCELED {
					t.Errorf("the call ended with %v", err)
				}
				if got := o.Attempts[0].Err; !errors.Is(got, test.attempt) || len(o.Attempts) != 1 {
					t.Errorf("the attempt ended with %v, want %v; %d attempts", got, test.attempt, len(o.Attempts))
				}
				if answered := sent+drained > 0 || test.attempt == nil; (o.Answered == 0) != answered {
					t.Errorf("answered %d", o.Answered)
				}
			})
		})
	}
}

func TestUnary_drains_to_an_answer_that_is_accounted_for(t *testing.T) {
	for name, test := range map[string]struct {
		takes    time.Duration
		answer   int
		took     time.Duration
		answered int
	}{
		"to its end":    {5 * time.Second, 7, 5 * time.Second, 0},
		"up to the cap": {time.Minute, 0, 11 * time.Second, -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				answer, o, err := Unary(ctx, Policy{Drain: 10 * time.Second}, make([]Target, 2), Request{}, func(ctx context.Context, _ int, _ *adapters.Call) (int, error) {
					if !wait(ctx, test.takes) {
						if _, blamed := errors.AsType[*adapters.Error](context.Cause(ctx)); blamed {
							t.Error("the target is blamed for the caller's leaving")
						}
						return 0, ctx.Err()
					}
					return 7, nil
				})
				if answer != test.answer || fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED || time.Since(start) != test.took {
					t.Errorf("%d, %v after %v", answer, err, time.Since(start))
				}
				if o.Answered != test.answered || len(o.Attempts) != 1 || o.Attempts[0].Duration != test.took {
					t.Errorf("%+v", o)
				}
			})
		})
	}
}

// Draining bounds nothing for callers who stay.
func TestUnary_does_not_drain_while_the_caller_is_there(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer, _, err := Unary(t.Context(), Policy{Drain: time.Second}, make([]Target, 1), Request{}, func(ctx context.Context, _ int, _ *adapters.Call) (int, error) {
			if !wait(ctx, time.Minute) {
				return 0, ctx.Err()
			}
			return 7, nil
		})
		if err != nil || answer != 7 {
			t.Errorf("%d, %v", answer, err)
		}
	})
}

func TestDrain_leaves_nothing_behind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		running, d := keepOn(ctx, nil, time.Hour)
		d.end()
		cancel()
		synctest.Wait()
		if running.Err() == nil || d.timer != nil {
			t.Error("it still waits for the caller to leave")
		}
	})
}

func TestDrain_ends_at_once_when_it_is_stopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller, leave := context.WithCancel(t.Context())
		stop, end := context.WithCancel(t.Context())
		start := time.Now()
		time.AfterFunc(time.Second, leave)
		time.AfterFunc(time.Minute, end)
		_, outcome, err := Unary(caller, Policy{Drain: time.Hour, Stop: stop}, make([]Target, 1), Request{}, func(ctx context.Context, _ int, _ *adapters.Call) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if err == nil || time.Since(start) != time.Minute || len(outcome.Attempts) != 1 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
