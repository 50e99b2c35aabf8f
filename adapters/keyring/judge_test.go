package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func (b *bed) stream(model string, send func(*sluicev1.ChatCompletionChunk) error) error {
	return b.provider.Chat.StreamChat(context.Background(), &adapters.Call{Model: model}, new(sluicev1.ChatCompletionRequest), send)
}

func TestRing_judges_a_stream_when_it_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1))
		b.will(fails("a", limited(20*time.Second)))
		err := b.stream("m", func(*sluicev1.ChatCompletionChunk) error {
			b.wantReady(t, "m", 0)
			return nil
		})
		if adapters.KindOf(err) != adapters.KindRateLimited {
			t.Errorf("%v, want the provider's", err)
		}
		b.wantReady(t, "m", 20*time.Second)
	})
}

func TestRing_does_not_take_the_receivers_word_for_the_providers(t *testing.T) {
	b := newBed(named("a", 1), named("b", 1))
	enough := limited(time.Minute)
	if err := b.stream("m", func(*sluicev1.ChatCompletionChunk) error { return enough }); err != error(enough) { //nolint:errorlint // it must be the error itself
		t.Errorf("%v, want the receiver's error", err)
	}
	for _, state := range b.ring.Snapshot() {
		if state.Benched != "" {
			t.Errorf("%v is benched", state)
		}
	}
}

func TestRing_learns_nothing_from_errors_that_are_not_about_the_key(t *testing.T) {
	for _, failure := range []error{
		context.Canceled, context.DeadlineExceeded, errors.New("other"),
		refused(adapters.KindInvalid, 400), refused(adapters.KindNotFound, 404), refused(adapters.KindUnavailable, 500),
		refused(adapters.KindOverloaded, 529), refused(adapters.KindTimeout, 0), refused(adapters.KindProtocol, 200),
		refused(adapters.KindContextWindow, 400), refused(adapters.KindContentFiltered, 400),
	} {
		b := newBed(named("a", 1), named("b", 1))
		b.will(fails("a", failure))
		if err := b.chat("m"); err != failure { //nolint:errorlint // it must be the error itself
			t.Errorf("%v became %v", failure, err)
		}
		for _, state := range b.ring.Snapshot() {
			if state.Benched != "" {
				t.Errorf("%v benched %v", failure, state)
			}
		}
	}
}

func TestRing_leaves_a_call_alone_whose_target_has_a_credential(t *testing.T) {
	b := newBed(named("a", 1), named("b", 1))
	b.will(func(string, string) error { return refused(adapters.KindAuth, 401) })
	for _, name := range []string{"authorization", "X-Api-Key", "api-key"} {
		call := &adapters.Call{Model: "m", TargetHeader: adapters.Header{{Name: name, Value: "own"}}}
		_, err := b.provider.Chat.Chat(t.Context(), call, new(sluicev1.ChatCompletionRequest))
		streamed := b.provider.Chat.StreamChat(t.Context(), call, new(sluicev1.ChatCompletionRequest), func(*sluicev1.ChatCompletionChunk) error { return nil })
		for _, err := range []error{err, streamed} {
			if e := asError(t, err); e.OtherKey || call.KeyName != "" {
				t.Errorf("%s: %+v with key %q", name, e, call.KeyName)
			}
		}
	}
	for _, state := range b.ring.Snapshot() {
		if state.Benched != "" {
			t.Errorf("%v is benched for another credential", state)
		}
	}
	call := &adapters.Call{Model: "m", TargetHeader: adapters.Header{{Name: "idempotency-key", Value: "1"}}}
	_, _ = b.provider.Chat.Chat(t.Context(), call, new(sluicev1.ChatCompletionRequest))
	if call.KeyName == "" {
		t.Error("a header that is no credential kept the ring from choosing")
	}
}

func TestRing_lets_one_call_try_a_key_that_comes_back(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1), named("b", 1))
		b.will(fails("a", refused(adapters.KindAuth, 401)))
		_ = b.chat("m")
		time.Sleep(time.Minute)
		_ = b.chat("m") // the turn of the other one
		b.taken()
		// A call that takes long: nobody knows yet whether the key is good.
		hold := make(chan struct{})
		var slow sync.WaitGroup
		slow.Go(func() {
			_ = b.stream("m", func(*sluicev1.ChatCompletionChunk) error {
				<-hold
				return nil
			})
		})
		synctest.Wait()
		b.will(nil)
		for range 4 {
			_ = b.chat("m")
		}
		if got := b.taken(); slices.Contains(got, "sk-a") {
			t.Errorf("other calls used the key as well: %q", got)
		}
		close(hold)
		slow.Wait()
		for range 4 {
			_ = b.chat("m")
		}
		if got := b.taken()[1:]; len(slices.DeleteFunc(got, func(k string) bool { return k != "sk-a" })) != 2 {
			t.Errorf("the key did not get its half after it had proved itself: %q", got)
		}
	})
}

func TestRing_does_not_count_the_failures_of_one_moment_as_several(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1), named("b", 0))
		b.will(fails("a", refused(adapters.KindAuth, 401)))
		hold := make(chan struct{})
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() {
				_ = b.stream("m", func(*sluicev1.ChatCompletionChunk) error {
					<-hold
					return nil
				})
			})
		}
		synctest.Wait()
		close(hold)
		calls.Wait()
		if got := time.Until(b.ring.Snapshot()[0].Until); got != time.Minute {
			t.Errorf("left alone for %s, want a minute", got)
		}
	})
}

func TestRing_does_not_take_an_old_success_for_a_new_one(t *testing.T) {
	for name, failure := range map[string]*adapters.Error{"401": refused(adapters.KindAuth, 401), "429": limited(time.Minute)} {
		synctest.Test(t, func(t *testing.T) {
			b := newBed(named("a", 1), named("b", 0))
			b.will(fails("a", failure))
			_ = b.chat("m")
			time.Sleep(time.Minute)
			hold := make(chan struct{})
			var slow sync.WaitGroup
			slow.Go(func() {
				_ = b.stream("m", func(*sluicev1.ChatCompletionChunk) error {
					<-hold
					return nil
				})
			})
			synctest.Wait()
			time.Sleep(probeFor)
			_ = b.chat("m")
			b.will(nil)
			close(hold)
			slow.Wait()
			if b.ring.Snapshot()[0].Benched == "" {
				t.Errorf("%s: a call that began before the last one undid it", name)
			}
		})
	}
}

func TestRing_remembers_a_bounded_number_of_models(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		ring := New("p", []Key{named("a", 1)}, Settings{Models: 3})
		b := &bed{f, ring, ring.Wrap(adapters.Provider{Chat: f})}
		wait := map[string]time.Duration{"m0": time.Second, "m1": time.Minute, "m2": 2 * time.Minute, "m3": 3 * time.Minute, "m4": 4 * time.Minute}
		b.will(func(_, model string) error { return limited(wait[model]) })
		for i := range 3 {
			_ = b.chat(fmt.Sprintf("m%d", i))
		}
		time.Sleep(2 * time.Second)
		// m0 is over and goes first; then m1, which ends next.
		_ = b.chat("m3")
		b.wantReady(t, "m1", 58*time.Second)
		_ = b.chat("m4")
		b.wantReady(t, "m1", 0)
		b.wantReady(t, "m2", 118*time.Second)
		b.wantReady(t, "m3", 3*time.Minute)
		if len(ring.models) != 3 {
			t.Errorf("%d models are remembered, want 3", len(ring.models))
		}
	})
}

func TestRing_does_not_keep_a_large_request(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1))
		b.will(func(string, string) error { return limited(time.Minute) })
		document := strings.Repeat("m", 1<<20)
		for _, model := range []string{document[:5], document} {
			if e := asError(t, b.chat(model)); e.Unsent {
				t.Fatalf("a call of another model: %v", e)
			}
			b.wantReady(t, model, time.Minute)
			for name := range b.ring.models {
				if len(name) > 1<<10 || unsafe.StringData(name) == unsafe.StringData(document) {
					t.Errorf("%d bytes are remembered, or the request that they are a part of", len(name))
				}
			}
		}
	})
}

func TestRing_does_not_keep_a_large_answer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1))
		failure := limited(time.Minute)
		failure.Envelope = envelope(strings.Repeat("x", 1<<20), "rate_limit_exceeded")
		b.will(fails("a", failure))
		_ = b.chat("m")
		if e := asError(t, b.chat("m")); e.Envelope != nil || e.Message == "" || e.Status != 429 {
			t.Errorf("%v, want a message of its own", e)
		}
	})
}

func TestRing_takes_calls_from_many_at_once(t *testing.T) {
	b := newBed(named("a", 2), named("b", 1), named("c", 1))
	b.will(func(key, model string) error {
		switch {
		case key == "sk-c":
			return refused(adapters.KindAuth, 401)
		case key == "sk-b" && model == "m1":
			return limited(time.Hour)
		}
		return nil
	})
	var calls sync.WaitGroup
	for i := range 16 {
		calls.Go(func() {
			for n := range 200 {
				model := fmt.Sprintf("m%d", (i+n)%4)
				// A key that fails says that another may do.
				err := b.chat(model)
				for err != nil && asError(t, err).OtherKey {
					err = b.chat(model)
				}
				if err != nil {
					t.Errorf("%s: %v", model, err)
				}
				b.ring.Ready(model)
				b.ring.Snapshot()
			}
		})
	}
	calls.Wait()
	b.taken()
	for range 100 {
		_ = b.chat("m1")
	}
	if got := slices.Compact(slices.Sorted(slices.Values(b.taken()))); !slices.Equal(got, []string{"sk-a"}) {
		t.Errorf("m1 was served by %q, want the one good key", got)
	}
}
