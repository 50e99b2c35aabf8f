package dispatch

import (
	"context"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// One healthy target, as nearly every call has it.
func benchmark(b *testing.B, call func(ctx context.Context, p Policy, targets []Target, r Request) error) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	targets := []Target{{Provider: adapters.Provider{Name: "a"}, Model: "m", Gauge: &Gauge{}}}
	r := Request{Budget: NewBudget(0.2, 10)}
	b.ReportAllocs()
	for b.Loop() {
		if err := call(ctx, Policy{TotalTimeout: time.Minute}, targets, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnary(b *testing.B) {
	answer := new(string)
	benchmark(b, func(ctx context.Context, p Policy, targets []Target, r Request) error {
		_, _, err := Unary(ctx, p, targets, r, func(context.Context, int, *adapters.Call) (*string, error) { return answer, nil })
		return err
	})
}

func BenchmarkStream(b *testing.B) {
	chunk := new(string)
	benchmark(b, func(ctx context.Context, p Policy, targets []Target, r Request) error {
		_, err := Stream(ctx, p, targets, r, func(Outcome) {}, func(*string, bool) error { return nil }, func(*string) {},
			func(_ context.Context, _ int, _ *adapters.Call, send func(*string) error) error {
				for range 10 {
					if err := send(chunk); err != nil {
						return err
					}
				}
				return nil
			})
		return err
	})
}
