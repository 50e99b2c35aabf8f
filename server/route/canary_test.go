package route

import (
	"strconv"
	"testing"
)

func canaries(strategy Strategy, first, second float64) []Model {
	return []Model{{Name: "m", Strategy: strategy, Sticky: Sticky{By: []StickyBy{StickyUser}}, Targets: []Target{
		{Provider: "c", Canary: new(first), Lacks: FeatureVision},
		{Provider: "a", Weight: 1},
		{Provider: "d", Canary: new(second), Priority: -5, Weight: 1000},
		{Provider: "b", Weight: 3},
		{Provider: "e", Weight: 1, Priority: 1},
	}}}
}

func TestCanary_gets_its_share_and_comes_last_of_other_calls(t *testing.T) {
	table := build(t, canaries(StrategyWeighted, 5, 12.5), "")
	shared(t, count(t, draws, table, always(&Query{Model: "m"}), nil), draws,
		map[string]float64{"c": 0.05, "d": 0.125, "a": 0.825 / 4, "b": 0.825 * 3 / 4, "e": 0})

	// The share of one that cannot serve the call goes to the ordinary ones.
	shared(t, count(t, draws, table, always(&Query{Model: "m", Features: FeatureVision}), nil), draws,
		map[string]float64{"c": 0, "d": 0.125, "a": 0.875 / 4, "b": 0.875 * 3 / 4, "e": 0})

	table = build(t, canaries(StrategyPriority, 5, 12.5), "")
	for point, want := range map[float64]string{
		0:      "c a b e d",
		0.0499: "c a b e d",
		0.05:   "d a b e c",
		0.1749: "d a b e c",
		0.175:  "a b e c d",
		0.9999: "a b e c d",
	} {
		d, err := table.Resolve(&Query{Model: "m"}, nil, func() float64 { return point })
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, target := range d.Targets {
			got += " " + target.Provider
		}
		if got[1:] != want {
			t.Errorf("at %v: got%s, want %s", point, got, want)
		}
	}
}

func TestCanary_of_0_gets_no_call_and_of_100_every_one(t *testing.T) {
	for _, strategy := range strategies {
		users := func(i int) *Query { return &Query{Model: "m", User: strconv.Itoa(i)} }
		got := count(t, 2000, build(t, canaries(strategy, 0, 100), ""), users, nil)
		shared(t, got, 2000, map[string]float64{"c": 0, "d": 1})
	}
}

func TestCanary_keeps_sticky_keys_in_or_out(t *testing.T) {
	small, large := build(t, canaries(StrategySticky, 5, 0), ""), build(t, canaries(StrategySticky, 20, 0), "")
	got := map[string]int{}
	for i := range draws {
		q := &Query{Model: "m", User: "user-" + strconv.Itoa(i)}
		before, after := resolve(t, small, q, nil).Targets, resolve(t, large, q, nil).Targets
		if again := resolve(t, small, q, nil).Targets; list(again) != list(before) {
			t.Fatalf("%s goes to %s and to %s", q.User, list(before), list(again))
		}
		got[before[0].Provider]++
		if from, to := before[0].Provider, after[0].Provider; from != to && to != "c" {
			t.Fatalf("a larger share of the canary moves %s from %s to %s", q.User, from, to)
		}
	}
	shared(t, got, draws, map[string]float64{"c": 0.05, "a": 0.95 / 4, "b": 0.95 * 3 / 4})

	// Without a key, chance decides.
	shared(t, count(t, draws, small, always(&Query{Model: "m"}), nil), draws, map[string]float64{"c": 0.05, "a": 0.95 / 4, "b": 0.95 * 3 / 4})
}

func TestCanary_meets_other_keys_on_each_route(t *testing.T) {
	one, two := canaries(StrategySticky, 50, 0)[0], canaries(StrategySticky, 50, 0)[0]
	two.Name = "n"
	table := build(t, []Model{one, two}, "")
	both := map[string]int{}
	for i := range draws {
		user := strconv.Itoa(i)
		m, n := resolve(t, table, &Query{Model: "m", User: user}, nil), resolve(t, table, &Query{Model: "n", User: user}, nil)
		if m.Targets[0].Provider == "c" && n.Targets[0].Provider == "c" {
			both["both"]++
		} else {
			both["else"]++
		}
	}
	shared(t, both, draws, map[string]float64{"both": 0.25, "else": 0.75})
}

func TestCanary_serves_alone_when_nobody_else_can(t *testing.T) {
	models := canaries(StrategyWeighted, 5, 5)
	for i := range models[0].Targets {
		if models[0].Targets[i].Canary == nil {
			models[0].Targets[i].Lacks = FeatureTools
		}
	}
	d := resolve(t, build(t, models, ""), &Query{Model: "m", Features: FeatureTools}, nil)
	if len(d.Targets) != 2 || d.Targets[0].Canary == nil || d.Targets[1].Canary == nil {
		t.Errorf("got %s", list(d.Targets))
	}
}
