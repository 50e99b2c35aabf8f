package keyring

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func TestRing_says_how_long_to_wait_when_every_key_is_benched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1), named("b", 1))
		b.will(func(key, _ string) error {
			if key == "sk-a" {
				return limited(30 * time.Second)
			}
			return limited(20*time.Second + 1)
		})
		if e := asError(t, b.chat("m")); !e.OtherKey {
			t.Errorf("%v, want one that another key may mend", e)
		}
		if e := asError(t, b.chat("m")); e.OtherKey {
			t.Error("another key may mend it, although none is left")
		}
		b.taken()
		time.Sleep(5 * time.Second)
		e := asError(t, b.chat("m"))
		if e.Kind != adapters.KindRateLimited || !e.Unsent || e.OtherKey || e.Status != 429 || e.RetryAfter != 15*time.Second+1 || e.Provider != "p" {
			t.Errorf("%+v, want a rate limit of 15 s that was not sent", e)
		}
		if e.Envelope.GetError().GetMessage() != "Rate limit reached" {
			t.Errorf("the envelope is %v, want the provider's", e.Envelope)
		}
		want := adapters.Header{{Name: "x-ratelimit-remaining-requests", Value: "0"}, {Name: "retry-after", Value: "16"}}
		if !slices.Equal(e.Header, want) {
			t.Errorf("the header is %v, want %v", e.Header, want)
		}
		if len(b.taken()) > 0 {
			t.Error("the provider was asked")
		}
		b.wantReady(t, "m", 15*time.Second+1)
		b.wantReady(t, "n", 0)
		time.Sleep(15*time.Second + 1)
		b.will(nil)
		b.wantReady(t, "m", 0)
		if err := b.chat("m"); err != nil {
			t.Errorf("after the time: %v", err)
		}
	})
}

func TestRing_does_not_change_the_errors_that_it_was_given(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1), named("b", 1))
		failure := limited(20 * time.Second)
		b.will(func(string, string) error { return failure })
		for range 3 {
			_ = b.chat("m")
		}
		if failure.OtherKey || failure.Unsent || failure.Header.Get("retry-after") != "20" || len(failure.Header) != 2 {
			t.Errorf("the provider's error became %+v", failure)
		}
	})
}

func TestRing_tells_of_a_finer_wait_too(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1))
		failure := limited(1500 * time.Millisecond)
		failure.Header = adapters.Header{{Name: "retry-after-ms", Value: "1500"}}
		b.will(fails("a", failure))
		_ = b.chat("m")
		time.Sleep(time.Second)
		e := asError(t, b.chat("m"))
		if e.Header.Get("retry-after-ms") != "500" || e.Header.Get("retry-after") != "1" {
			t.Errorf("the header is %v", e.Header)
		}
	})
}

func TestRing_says_that_every_key_was_refused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1), named("b", 1))
		b.will(func(string, string) error { return refused(adapters.KindAuth, 401) })
		_, _ = b.chat("m"), b.chat("m")
		b.taken()
		e := asError(t, b.chat("m"))
		if e.Kind != adapters.KindAuth || !e.Unsent || e.Status != 0 || e.Envelope != nil || e.RetryAfter != time.Minute || len(b.taken()) > 0 {
			t.Errorf("%+v, want a refusal that was not sent", e)
		}
		time.Sleep(time.Minute)
		b.will(nil)
		for range 4 {
			if err := b.chat("m"); err != nil {
				t.Error(err)
			}
		}
		if got := b.taken(); !slices.Contains(got, "sk-a") || !slices.Contains(got, "sk-b") {
			t.Errorf("not all keys are back: %q", got)
		}
	})
}

func TestRing_tells_of_the_rate_limit_when_some_keys_were_refused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1), named("b", 1))
		b.will(func(key, _ string) error {
			if key == "sk-a" {
				return limited(5 * time.Minute)
			}
			return refused(adapters.KindAuth, 401)
		})
		_, _ = b.chat("m"), b.chat("m")
		if e := asError(t, b.chat("m")); e.Kind != adapters.KindRateLimited || e.RetryAfter != time.Minute {
			t.Errorf("%+v, want a rate limit until the first key is back", e)
		}
	})
}

func TestRing_spares_the_only_key_only_when_the_provider_asks_for_it(t *testing.T) {
	quota := limited(0)
	quota.Envelope = envelope("You exceeded your current quota", "insufficient_quota")
	quotaWithWait := limited(time.Second)
	quotaWithWait.Envelope = quota.Envelope
	for name, c := range map[string]struct {
		failure error
		want    time.Duration
	}{
		"401":                   {refused(adapters.KindAuth, 401), 0},
		"403":                   {refused(adapters.KindPermission, 403), 0},
		"429":                   {limited(0), 0},
		"no quota":              {quota, 0},
		"429 with a wait":       {limited(20 * time.Second), 20 * time.Second},
		"429 with a long wait":  {limited(23 * time.Hour), time.Hour},
		"no quota, with a wait": {quotaWithWait, time.Second},
		"503 with a wait":       {&adapters.Error{Kind: adapters.KindOverloaded, Status: 503, RetryAfter: time.Minute}, 0},
		"the caller left":       {context.Canceled, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(named("a", 1))
				b.will(fails("a", c.failure))
				if err := b.chat("m"); err != c.failure { //nolint:errorlint // it must be the error itself
					t.Errorf("the error became %v", err)
				}
				b.wantReady(t, "m", c.want)
				b.wantReady(t, "n", 0)
			})
		})
	}
}

func TestRing_benches_a_key_without_quota_for_all_models(t *testing.T) {
	for name, change := range map[string]func(*adapters.Error){
		"by code": func(e *adapters.Error) { e.Envelope = envelope("no", "insufficient_quota") },
		"by type": func(e *adapters.Error) {
			quota := "insufficient_quota"
			e.Envelope = &sluicev1.ErrorEnvelope{Error: &sluicev1.Error{Type: &quota}}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBed(named("a", 1), named("b", 1))
			failure := limited(time.Second)
			change(failure)
			b.will(fails("a", failure))
			_ = b.chat("m")
			want := KeyState{Name: "a", Benched: "rate_limited", Until: time.Now().Add(5 * time.Minute)}
			if got := b.ring.Snapshot()[0]; got != want {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		})
	}
}

func TestRing_keeps_the_last_key_when_a_prompt_is_refused_with_all(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1), named("b", 1), named("c", 1))
		b.will(func(string, string) error { return refused(adapters.KindPermission, 403) })
		for i := range 5 {
			if e := asError(t, b.chat("m")); e.Status != 403 || e.OtherKey != (i < 2) {
				t.Errorf("call %d: %+v", i, e)
			}
		}
		b.wantReady(t, "m", 0)
	})
}

func TestRing_uses_a_key_of_weight_0_when_the_others_are_benched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1), named("spare", 0))
		b.will(fails("a", limited(20*time.Second)))
		if e := asError(t, b.chat("m")); !e.OtherKey {
			t.Errorf("%v, want one that the spare key may mend", e)
		}
		_, _ = b.chat("m"), b.chat("m")
		b.will(nil)
		time.Sleep(20 * time.Second)
		_, _ = b.chat("m"), b.chat("m")
		if got := b.taken(); !slices.Equal(got, []string{"sk-a", "sk-spare", "sk-spare", "sk-a", "sk-a"}) {
			t.Errorf("the keys came as %q", got)
		}
	})
}

func TestSnapshot_shows_no_key(t *testing.T) {
	b := newBed(named("a", 1), named("b", 1))
	b.will(fails("a", refused(adapters.KindAuth, 401)))
	_ = b.chat("m")
	if text := fmt.Sprintf("%v %+v %#v", b.ring.Snapshot(), b.ring.Snapshot(), b.ring.Snapshot()); strings.Contains(text, "sk-") {
		t.Errorf("a key is in %s", text)
	}
}
