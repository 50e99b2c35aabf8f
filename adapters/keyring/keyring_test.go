package keyring

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func TestRing_gives_each_key_its_share_exactly(t *testing.T) {
	for name, c := range map[string]struct {
		weights []int
		calls   int
		want    []int
	}{
		"one key":                     {[]int{1}, 7, []int{7}},
		"equal":                       {[]int{1, 1, 1}, 300, []int{100, 100, 100}},
		"five to one to one":          {[]int{5, 1, 1}, 700, []int{500, 100, 100}},
		"large weights":               {[]int{300_000, 700_000}, 1000, []int{300, 700}},
		"none for the weight 0":       {[]int{2, 0, 1}, 300, []int{200, 0, 100}},
		"all of weight 0 are equal":   {[]int{0, 0}, 10, []int{5, 5}},
		"less than 0 is as 0":         {[]int{-5, 1}, 10, []int{0, 10}},
		"a share ends where it began": {[]int{3, 2}, 5, []int{3, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var keys []Key
			for i, weight := range c.weights {
				keys = append(keys, named(fmt.Sprint(i), weight))
			}
			b := newBed(keys...)
			for range c.calls {
				if err := b.chat("m"); err != nil {
					t.Fatal(err)
				}
			}
			got := make([]int, len(keys))
			for _, k := range b.taken() {
				got[k[len("sk-")]-'0']++
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("the keys got %v calls, want %v", got, c.want)
			}
		})
	}
}

func TestRing_spreads_the_calls_of_a_heavy_key(t *testing.T) {
	b := newBed(named("a", 5), named("b", 1), named("c", 1))
	for range 7 {
		_ = b.chat("m")
	}
	// The example of nginx's smooth weighted round robin, weights 5, 1, 1.
	if got := strings.ReplaceAll(strings.Join(b.taken(), " "), "sk-", ""); got != "a a b a c a a" {
		t.Errorf("the keys came as %s", got)
	}
}

func TestRing_names_the_key_of_every_operation(t *testing.T) {
	b := newBed(named("a", 1))
	ctx := t.Context()
	for name, do := range map[string]func(*adapters.Call) (answered bool, err error){
		"chat": func(c *adapters.Call) (bool, error) {
			got, err := b.provider.Chat.Chat(ctx, c, new(sluicev1.ChatCompletionRequest))
			return got.GetId() == "answer", err
		},
		"stream": func(c *adapters.Call) (answered bool, err error) {
			err = b.provider.Chat.StreamChat(ctx, c, new(sluicev1.ChatCompletionRequest), func(*sluicev1.ChatCompletionChunk) error {
				answered = true
				return nil
			})
			return answered, err
		},
		"embed": func(c *adapters.Call) (bool, error) {
			got, err := b.provider.Embed.Embed(ctx, c, new(sluicev1.CreateEmbeddingsRequest))
			return got.GetModel() == "answer", err
		},
		"list": func(c *adapters.Call) (bool, error) {
			got, err := b.provider.Models.List(ctx, c)
			return got.GetObject() == "answer", err
		},
		"get": func(c *adapters.Call) (bool, error) {
			got, err := b.provider.Models.Get(ctx, c)
			return got.GetId() == "answer", err
		},
	} {
		call := &adapters.Call{Model: "m"}
		answered, err := do(call)
		if err != nil || !answered || call.KeyName != "a" || call.Key.Reveal() != "sk-a" {
			t.Errorf("%s: answered %t, %v, key %q", name, answered, err, call.KeyName)
		}
	}
}

func TestRing_leaves_alone_what_the_provider_does_not_offer_and_a_provider_without_keys(t *testing.T) {
	if p := New("p", []Key{named("a", 1)}, Settings{}).Wrap(adapters.Provider{Name: "p"}); p.Chat != nil || p.Embed != nil || p.Models != nil || p.Name != "p" {
		t.Errorf("capabilities came out of nothing: %+v", p)
	}
	f := &fake{}
	ring := New("p", nil, Settings{})
	p := ring.Wrap(adapters.Provider{Chat: f})
	call := &adapters.Call{Key: adapters.NewSecret("own")}
	if _, err := p.Chat.Chat(t.Context(), call, nil); err != nil || call.Key.Reveal() != "own" {
		t.Errorf("%v and key %q", err, call.Key.Reveal())
	}
	if _, ok := ring.Ready("m"); !ok || len(ring.Snapshot()) != 0 {
		t.Error("a ring without keys is not ready, or tells of some")
	}
}

func TestRing_benches_the_key_that_was_refused_and_not_the_provider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(named("a", 1), named("b", 1))
		b.will(fails("a", refused(adapters.KindAuth, 401)))
		e := asError(t, b.chat("m"))
		if e.Kind != adapters.KindAuth || e.Status != 401 || !e.OtherKey || e.Unsent {
			t.Errorf("%+v, want the provider's 401 that another key may mend", e)
		}
		for _, model := range []string{"m", "n"} {
			for range 4 {
				if err := b.chat(model); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := b.taken()[1:]; slices.Contains(got, "sk-a") {
			t.Errorf("the refused key was used: %q", got)
		}
		b.wantReady(t, "m", 0)
		want := []KeyState{{Name: "a", Benched: "auth", Until: time.Now().Add(time.Minute)}, {Name: "b"}}
		if got := b.ring.Snapshot(); !slices.Equal(got, want) {
			t.Errorf("the keys are %v, want %v", got, want)
		}
	})
}

func TestRing_waits_twice_as_long_each_time_and_forgets_with_a_success(t *testing.T) {
	for name, c := range map[string]struct {
		failure *adapters.Error
		waits   []time.Duration
		most    time.Duration
	}{
		"401":                        {refused(adapters.KindAuth, 401), []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute}, 30 * time.Minute},
		"403":                        {refused(adapters.KindPermission, 403), []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute}, 30 * time.Minute},
		"429 without a word of when": {limited(0), []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(named("a", 1), named("b", 0))
				b.will(fails("a", c.failure))
				wait := func() time.Duration {
					t.Helper()
					if e := asError(t, b.chat("m")); !e.OtherKey {
						t.Fatalf("%v, want one that another key may mend", e)
					}
					return time.Until(b.ring.Snapshot()[0].Until)
				}
				for i, want := range c.waits {
					if got := wait(); got != want {
						t.Errorf("failure %d: left alone for %s, want %s", i+1, got, want)
					}
					time.Sleep(want - 1)
					if err := b.chat("m"); err != nil {
						t.Errorf("failure %d: a moment before the end: %v", i+1, err)
					}
					time.Sleep(time.Nanosecond)
				}
				for range 10 {
					time.Sleep(wait())
				}
				if got := wait(); got != c.most {
					t.Errorf("left alone for %s at last, want %s", got, c.most)
				}
				time.Sleep(c.most)
				b.will(nil)
				if err := b.chat("m"); err != nil {
					t.Fatal(err)
				}
				b.will(fails("a", c.failure))
				if got := wait(); got != c.waits[0] {
					t.Errorf("after a success: left alone for %s, want %s", got, c.waits[0])
				}
			})
		})
	}
}

func TestRing_benches_a_key_for_the_model_whose_limit_is_used_up(t *testing.T) {
	for name, failure := range map[string]*adapters.Error{
		"429": limited(20 * time.Second), "403": refused(adapters.KindPermission, 403),
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBed(named("a", 1), named("b", 1))
			b.will(func(key, model string) error {
				if key == "sk-a" && model == "m" {
					return failure
				}
				return nil
			})
			if e := asError(t, b.chat("m")); !e.OtherKey {
				t.Errorf("%s: %v, want one that another key may mend", name, e)
			}
			b.taken()
			for range 4 {
				if err := b.chat("m"); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if got := b.taken(); slices.Contains(got, "sk-a") {
				t.Errorf("%s: the key was used for the model: %q", name, got)
			}
			for range 4 {
				_ = b.chat("n")
			}
			if got := b.taken(); !slices.Contains(got, "sk-a") {
				t.Errorf("%s: the key was not used for another model: %q", name, got)
			}
			if got := b.ring.Snapshot(); len(got) != 2 || got[0].Model != "m" || got[0].Name != "a" || got[0].Benched != failure.Kind.String() {
				t.Errorf("%s: the keys are %v", name, got)
			}
		})
	}
}
