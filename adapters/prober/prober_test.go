package prober

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

	"go.uber.org/goleak"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lister is a provider whose answers a test sets.
type lister struct {
	mu     sync.Mutex
	answer func(ctx context.Context) error
	asked  []time.Time
}

func (l *lister) List(ctx context.Context, _ *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	l.mu.Lock()
	l.asked = append(l.asked, time.Now())
	answer := l.answer
	l.mu.Unlock()
	if err := answer(ctx); err != nil {
		return nil, err
	}
	return new(sluicev1.ListModelsResponse), nil
}

// turn makes it answer otherwise from now on.
func (l *lister) turn(answer func(ctx context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

// times are those of the checks.
func (l *lister) times() []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.asked)
}

func (l *lister) Get(context.Context, *adapters.Call) (*sluicev1.Model, error) {
	panic("a prober lists")
}

func well(context.Context) error { return nil }

func fails(err error) func(context.Context) error { return func(context.Context) error { return err } }

var refused error = &adapters.Error{Kind: adapters.KindUnavailable, Provider: "p", Unsent: true}

// quick goes down after two failures.
var quick = Settings{Interval: 10 * time.Second, Timeout: 2 * time.Second, Failures: 2}

// round is longer than an interval and shorter than two, jitter included.
const round = 11*time.Second + 1

// started returns a prober that has made its first check, and the changes it tells.
func started(t *testing.T, l *lister) (p *Prober, changes *[]string) {
	t.Helper()
	changes = new([]string)
	p, err := New(adapters.Provider{Name: "p", Models: l}, quick, func(provider string, up bool) {
		*changes = append(*changes, fmt.Sprint(provider, " ", up))
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Start(t.Context())
	t.Cleanup(p.Stop)
	synctest.Wait()
	return p, changes
}

func TestProber_goes_down_after_failures_in_a_row_and_up_by_one_success(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{answer: fails(refused)}
		p, changes := started(t, l)
		if s := p.Snapshot(); !p.Up() || !s.Up || s.Failures != 1 || s.Reason != "unavailable" || !s.Checked.Equal(time.Now()) {
			t.Fatalf("after one failure: %t, %+v", p.Up(), s)
		}
		l.turn(well) // which forgets the first failure
		time.Sleep(round)
		l.turn(fails(refused))
		time.Sleep(round)
		if !p.Up() {
			t.Fatal("down after a failure, a success and a failure")
		}
		time.Sleep(round)
		if s := p.Snapshot(); p.Up() || s.Up || s.Failures != 2 || s.Provider != "p" {
			t.Fatalf("after two failures in a row: %t, %+v", p.Up(), s)
		}
		time.Sleep(3 * round)
		l.turn(well)
		time.Sleep(round)
		if s := p.Snapshot(); !p.Up() || !s.Up || s.Failures != 0 || s.Reason != "" {
			t.Errorf("after a success: %t, %+v", p.Up(), s)
		}
		p.Stop()
		if want := []string{"p false", "p true"}; !slices.Equal(*changes, want) {
			t.Errorf("changes are %q, want %q", *changes, want)
		}
	})
}

func TestProber_asks_at_once_and_then_about_every_interval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{answer: well}
		begun := time.Now()
		p, _ := started(t, l)
		time.Sleep(1000 * quick.Interval)
		p.Stop()
		asked := l.times()
		if !asked[0].Equal(begun) {
			t.Errorf("the first check came after %s", asked[0].Sub(begun))
		}
		distinct := make(map[time.Duration]bool)
		for i, at := range asked[1:] {
			pause := at.Sub(asked[i])
			distinct[pause] = true
			if pause < 9*time.Second || pause > 11*time.Second {
				t.Errorf("a pause of %s", pause)
			}
		}
		if n := len(asked); n < 980 || n > 1020 || len(distinct) < n/2 {
			t.Errorf("%d checks with %d distinct pauses in 1000 intervals", n, len(distinct))
		}
	})
}

func TestProber_gives_a_provider_that_hangs_its_timeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{answer: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		p, _ := started(t, l)
		time.Sleep(quick.Timeout - 1)
		if s := p.Snapshot(); !s.Checked.IsZero() {
			t.Fatalf("before the timeout: %+v", s)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s := p.Snapshot(); s.Failures != 1 || s.Reason != "timeout" {
			t.Errorf("after the timeout: %+v", s)
		}
	})
}

func TestProber_takes_a_panic_as_a_failure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{answer: func(context.Context) error { panic("defect") }}
		p, _ := started(t, l)
		time.Sleep(round)
		if s := p.Snapshot(); p.Up() || s.Reason != "internal" {
			t.Errorf("%t, %+v", p.Up(), s)
		}
	})
}

func TestProber_judges_by_kind(t *testing.T) {
	unsent := func(kind adapters.Kind) error { return &adapters.Error{Kind: kind, Unsent: true} }
	judged := make(map[adapters.Kind]bool)
	for _, c := range []struct {
		name string
		err  error
		want verdict
	}{
		{"no error", nil, alive},
		{"not reached", refused, dead},
		{"not connected in time", unsent(adapters.KindTimeout), dead},
		{"a panic", errors.New("the adapter panicked"), dead},
		{"wrapped", fmt.Errorf("in a wrap: %w", refused), dead},
		{"all keys refused before", unsent(adapters.KindAuth), unknown},
		{"all keys used up before", unsent(adapters.KindRateLimited), unknown},
		{"circuit open", unsent(adapters.KindCircuitOpen), unknown},
		{"saturated", unsent(adapters.KindSaturated), unknown},
		{"a list that it does not have", unsent(adapters.KindUnsupported), alive},
		{"auth", &adapters.Error{Kind: adapters.KindAuth, Status: 401}, alive},
		{"permission", &adapters.Error{Kind: adapters.KindPermission, Status: 403}, alive},
		{"rate limited", &adapters.Error{Kind: adapters.KindRateLimited, Status: 429}, alive},
		{"not found", &adapters.Error{Kind: adapters.KindNotFound, Status: 404}, alive},
		{"invalid", &adapters.Error{Kind: adapters.KindInvalid, Status: 400}, alive},
		{"conflict", &adapters.Error{Kind: adapters.KindConflict, Status: 409}, alive},
		{"too large", &adapters.Error{Kind: adapters.KindTooLarge, Status: 413}, alive},
		{"content filtered", &adapters.Error{Kind: adapters.KindContentFiltered, Status: 400}, alive},
		{"context window", &adapters.Error{Kind: adapters.KindContextWindow, Status: 400}, alive},
		{"overloaded", &adapters.Error{Kind: adapters.KindOverloaded, Status: 503}, dead},
		{"unavailable", &adapters.Error{Kind: adapters.KindUnavailable, Status: 500}, dead},
		{"timeout", &adapters.Error{Kind: adapters.KindTimeout}, dead},
		{"protocol", &adapters.Error{Kind: adapters.KindProtocol, Status: 200}, dead},
		{"internal", &adapters.Error{Kind: adapters.KindInternal}, dead},
		{"canceled below us", &adapters.Error{Kind: adapters.KindCanceled}, dead},
		{"a kind of the future", &adapters.Error{Kind: adapters.Kind(99)}, dead},
	} {
		if got := judge(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		judged[adapters.KindOf(c.err)] = true
	}
	for kind := adapters.Kind(0); !strings.HasPrefix(kind.String(), "kind("); kind++ {
		if !judged[kind] {
			t.Errorf("%s does not stand in this table", kind)
		}
	}
}

func TestProber_learns_nothing_from_a_check_that_did_not_ask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{answer: fails(refused)}
		p, _ := started(t, l)
		time.Sleep(round)
		before := p.Snapshot()
		l.turn(fails(&adapters.Error{Kind: adapters.KindRateLimited, Unsent: true}))
		time.Sleep(3 * round)
		if after := p.Snapshot(); after != before || p.Up() {
			t.Errorf("before %+v, after %+v", before, after)
		}
	})
}

func TestStop_ends_a_check_under_way_and_keeps_the_finding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{answer: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		p, changes := started(t, l)
		begun := time.Now()
		p.Stop()
		p.Stop()
		p.Start(t.Context()) // too late
		time.Sleep(time.Hour)
		if asked := l.times(); len(asked) != 1 || !asked[0].Equal(begun) {
			t.Errorf("checks at %s, want one at %s", asked, begun)
		}
		if s := p.Snapshot(); !p.Up() || s.Failures != 0 || len(*changes) != 0 {
			t.Errorf("a check that was cut off counted: %+v, %q", s, *changes)
		}
	})
}

func TestStart_ends_with_its_context_and_starts_once(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{answer: well}
		p, err := New(adapters.Provider{Name: "p", Models: l}, quick, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		p.Start(ctx)
		p.Start(ctx)
		synctest.Wait()
		cancel()
		time.Sleep(time.Hour)
		if asked := l.times(); len(asked) != 1 {
			t.Errorf("%d checks, want the first alone", len(asked))
		}
		p.Stop()
	})
}

func TestStop_without_a_start_returns(t *testing.T) {
	p, err := New(adapters.Provider{Name: "p", Models: &lister{answer: well}}, Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	p.Start(t.Context())
	if !p.Up() || !p.Snapshot().Checked.IsZero() {
		t.Errorf("%+v", p.Snapshot())
	}
}

func TestNew_refuses_a_provider_without_a_list(t *testing.T) {
	if p, err := New(adapters.Provider{Name: "p"}, Settings{}, nil); p != nil || !errors.Is(err, ErrNoModels) {
		t.Errorf("%v, %v", p, err)
	}
}

func TestInherit_keeps_a_provider_down_until_it_answers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{answer: fails(refused)}
		before, _ := started(t, l)
		time.Sleep(round)
		before.Stop()
		var changes []bool
		p, err := New(adapters.Provider{Name: "p", Models: l}, quick, func(_ string, up bool) { changes = append(changes, up) })
		if err != nil {
			t.Fatal(err)
		}
		p.Inherit(before.Snapshot())
		if p.Up() {
			t.Error("up before the first check")
		}
		p.Start(t.Context())
		time.Sleep(round)
		if p.Up() {
			t.Error("up although it never answered")
		}
		l.turn(well)
		time.Sleep(round)
		p.Stop()
		if !p.Up() || !slices.Equal(changes, []bool{true}) {
			t.Errorf("%+v, changes %v", p.Snapshot(), changes)
		}
	})
}
