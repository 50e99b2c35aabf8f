package route

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

const draws = 20_000

// count resolves n calls and counts by which provider is first.
func count(t *testing.T, n int, table *Table, query func(i int) *Query, look func(*Target) Health) map[string]int {
	t.Helper()
	source := rand.New(rand.NewPCG(1, 2))
	first := map[string]int{}
	for i := range n {
		d, err := table.Resolve(query(i), look, source.Float64)
		if err != nil {
			t.Fatal(err)
		}
		first[d.Targets[0].Provider]++
	}
	return first
}

// shared checks shares of n draws against what is expected, within four standard
// deviations of a binomial draw. Shares of 0 and 1 are exact.
func shared(t *testing.T, got map[string]int, n int, want map[string]float64) {
	t.Helper()
	total := 0
	for name, p := range want {
		total += got[name]
		expected, bound := float64(n)*p, 4*math.Sqrt(float64(n)*p*(1-p))
		if math.Abs(float64(got[name])-expected) > bound {
			t.Errorf("%s came first %d times of %d, want %.0f +- %.0f", name, got[name], n, expected, bound)
		}
	}
	if total != n {
		t.Errorf("%d of %d draws are of others: %v", n-total, n, got)
	}
}

func always(q *Query) func(int) *Query { return func(int) *Query { return q } }

// health answers by provider.
func health(of map[string]Health) func(*Target) Health {
	return func(t *Target) Health { return of[t.Provider] }
}

func order(t *testing.T, table *Table, q *Query, of map[string]Health) string {
	t.Helper()
	var providers []string
	for _, target := range resolve(t, table, q, health(of)).Targets {
		providers = append(providers, target.Provider)
	}
	return strings.Join(providers, " ")
}

func TestWeighted_spreads_calls_by_weight_within_a_priority(t *testing.T) {
	targets := []Target{
		{Provider: "a", Weight: 1},
		{Provider: "b", Weight: 3},
		{Provider: "c"},
		{Provider: "e"},
		{Provider: "d", Weight: 6},
		{Provider: "f", Weight: 100, Priority: 1},
	}
	table := build(t, []Model{{Name: "m", Targets: targets}}, "")
	source := rand.New(rand.NewPCG(3, 4))
	second := map[string]int{} // behind d
	n := 0
	for range draws {
		d, err := table.Resolve(&Query{Model: "m"}, nil, source.Float64)
		if err != nil {
			t.Fatal(err)
		}
		if got := list(d.Targets[3:]); got != "c=m e=m f=m" {
			t.Fatalf("%s: weight 0 must come last of its priority, as configured, and priority 1 after it", got)
		}
		if d.Targets[0].Provider == "d" {
			n++
			second[d.Targets[1].Provider]++
		}
	}
	shared(t, second, n, map[string]float64{"a": 0.25, "b": 0.75})
	shared(t, count(t, draws, table, always(&Query{Model: "m"}), nil), draws, map[string]float64{"a": 0.1, "b": 0.3, "d": 0.6, "c": 0, "e": 0, "f": 0})
}

// The statistic is Pearson's chi-square; 36.12 is its 99.99 % quantile at 10 degrees
// of freedom (tables of the distribution).
func TestWeighted_holds_its_shares_over_eleven_targets(t *testing.T) {
	var targets []Target
	sum := 0
	for i := range 11 {
		targets = append(targets, Target{Provider: "a", Model: string(rune('A' + i)), Weight: i*i + 1})
		sum += i*i + 1
	}
	table := build(t, []Model{{Name: "m", Targets: targets}}, "")
	source := rand.New(rand.NewPCG(5, 6))
	got := make([]int, len(targets))
	for range draws {
		d, err := table.Resolve(&Query{Model: "m"}, nil, source.Float64)
		if err != nil {
			t.Fatal(err)
		}
		got[d.Targets[0].ID]++
	}
	statistic := 0.0
	for i, target := range targets {
		expected := draws * float64(target.Weight) / float64(sum)
		statistic += (float64(got[i]) - expected) * (float64(got[i]) - expected) / expected
	}
	if statistic > 36.12 {
		t.Errorf("chi-square %.1f: %v", statistic, got)
	}
}

func TestWeighted_survives_the_ends_of_chance(t *testing.T) {
	table := build(t, []Model{{Name: "m", Targets: []Target{{Provider: "c"}, {Provider: "a", Weight: 1}, {Provider: "b", Weight: 1_000_000}, {Provider: "d"}}}}, "")
	for point, want := range map[float64]string{0: "a b c d", math.Nextafter(1, 0): "b a c d"} {
		d, err := table.Resolve(&Query{Model: "m"}, nil, func() float64 { return point })
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, target := range d.Targets {
			got = append(got, target.Provider)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("at %v: got %v, want %s", point, got, want)
		}
	}
}

func TestPriority_keeps_the_order_of_the_configuration(t *testing.T) {
	table := build(t, []Model{{Name: "m", Strategy: StrategyPriority, Targets: []Target{
		{Provider: "d", Weight: 1, Priority: 2},
		{Provider: "a", Weight: 1},
		{Provider: "f", Weight: 0},
		{Provider: "b", Weight: 100},
		{Provider: "c", Weight: 5, Priority: 1},
		{Provider: "e", Weight: 1},
	}}}, "")
	got := count(t, 100, table, always(&Query{Model: "m"}), nil)
	shared(t, got, 100, map[string]float64{"a": 1})
	if got := order(t, table, &Query{Model: "m"}, nil); got != "a b e f c d" {
		t.Error(got)
	}
}

func TestLeastLatency_counts_what_a_target_runs(t *testing.T) {
	table := build(t, []Model{{Name: "m", Strategy: StrategyLeastLatency, Targets: []Target{
		{Provider: "a", Weight: 1}, {Provider: "b", Weight: 1}, {Provider: "c", Weight: 1}, {Provider: "d"}, {Provider: "e", Weight: 1, Priority: 1},
	}}}, "")
	const ms = 0.001
	for name, test := range map[string]struct {
		of   map[string]Health
		want string
	}{
		"the fastest":                     {map[string]Health{"a": {Latency: 300 * ms}, "b": {Latency: 100 * ms}, "c": {Latency: 200 * ms}, "d": {Latency: ms}, "e": {Latency: ms}}, "b c a d e"},
		"the fastest is busy":             {map[string]Health{"a": {Latency: 300 * ms}, "b": {Latency: 100 * ms, Busy: 3}, "c": {Latency: 200 * ms}}, "c a b d e"},
		"one is not known":                {map[string]Health{"a": {Latency: 300 * ms}, "b": {Latency: 100 * ms}}, "c b a d e"},
		"one is not known, and runs some": {map[string]Health{"a": {Latency: 300 * ms}, "b": {Latency: 100 * ms}, "c": {Busy: 1}}, "b c a d e"},
		"none is known":                   {map[string]Health{"a": {Busy: 2}, "b": {Busy: 3}, "c": {Busy: 1}}, "c a b d e"},
		"the fastest is spared":           {map[string]Health{"a": {Latency: 300 * ms}, "b": {Latency: 100 * ms, Spared: true}, "c": {Latency: 200 * ms}}, "c a d e b"},
	} {
		if got := order(t, table, &Query{Model: "m"}, test.of); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
	// Equals share by weight.
	shared(t, count(t, draws, table, always(&Query{Model: "m"}), nil), draws, map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3})
}

func TestLeastBusy_counts_calls_per_weight(t *testing.T) {
	table := build(t, []Model{{Name: "m", Strategy: StrategyLeastBusy, Targets: []Target{
		{Provider: "a", Weight: 1}, {Provider: "b", Weight: 3}, {Provider: "c", Weight: 1}, {Provider: "d"}, {Provider: "e"}, {Provider: "f", Weight: 9, Priority: 1},
	}}}, "")
	for name, test := range map[string]struct {
		of   map[string]Health
		want string
	}{
		"the heavier takes more":  {map[string]Health{"a": {Busy: 1}, "b": {Busy: 4}, "c": {Busy: 2}, "d": {Busy: 1}}, "b a c e d f"},
		"the heavier is full":     {map[string]Health{"a": {Busy: 0}, "b": {Busy: 3}, "c": {Busy: 2}, "d": {Busy: 1}}, "a b c e d f"},
		"weight 0 runs none":      {map[string]Health{"a": {Busy: 50}, "b": {Busy: 60}, "c": {Busy: 90}, "d": {Busy: 1}}, "b a c e d f"},
		"the least busy is spare": {map[string]Health{"a": {Spared: true}, "b": {Busy: 4}, "c": {Busy: 2}, "e": {Busy: 1}}, "b c d e f a"},
	} {
		if got := order(t, table, &Query{Model: "m"}, test.of); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
	// (2+1)/3 is (0+1)/1: equals share by weight.
	busy := health(map[string]Health{"b": {Busy: 2}, "c": {Busy: 9}})
	shared(t, count(t, draws, table, always(&Query{Model: "m"}), busy), draws, map[string]float64{"a": 0.25, "b": 0.75})
}

func TestCheapest_estimates_the_price_of_the_call(t *testing.T) {
	table := build(t, []Model{{Name: "m", Strategy: StrategyCheapest, Targets: []Target{
		{Provider: "a", Weight: 1, Price: &Price{Input: 1, Output: 10}},
		{Provider: "b", Weight: 1, Price: &Price{Input: 3, Output: 1}},
		{Provider: "c", Weight: 1},
		{Provider: "d", Price: &Price{}},
		{Provider: "e", Weight: 1, Priority: 1, Price: &Price{}},
	}}}, "")
	for name, test := range map[string]struct {
		q    Query
		want string
	}{
		"a long answer":                {Query{PromptTokens: 100, OutputTokens: 1000}, "b a c d e"},
		"a long prompt":                {Query{PromptTokens: 10_000, OutputTokens: 100}, "a b c d e"},
		"an answer of assumed length":  {Query{PromptTokens: 2249}, "b a c d e"}, // 2249+5000 > 6747+500
		"a prompt that outweighs that": {Query{PromptTokens: 2251}, "a b c d e"},
	} {
		test.q.Model = "m"
		if got := order(t, table, &test.q, nil); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
	same := &Price{Input: 1, Output: 1}
	table = build(t, []Model{{Name: "m", Strategy: StrategyCheapest, Targets: []Target{
		{Provider: "a", Weight: 1, Price: same}, {Provider: "b", Weight: 4, Price: same}, {Provider: "c", Weight: 5},
	}}}, "")
	shared(t, count(t, draws, table, always(&Query{Model: "m"}), nil), draws, map[string]float64{"a": 0.2, "b": 0.8, "c": 0})
}

func TestSpared_targets_come_behind_those_of_all_priorities_and_choices(t *testing.T) {
	table := build(t, []Model{
		{Name: "m", Strategy: StrategyPriority, Targets: []Target{
			{Provider: "a", Weight: 1}, {Provider: "b", Weight: 1}, {Provider: "c", Weight: 1, Priority: 1}, {Provider: "d", Weight: 1, Canary: new(100.0)},
		}},
		{Name: "n", Strategy: StrategyPriority, Targets: []Target{{Provider: "e", Weight: 1}, {Provider: "f", Weight: 1}}},
	}, "")
	for name, test := range map[string]struct {
		q      Query
		spared string
		want   string
	}{
		"none":                   {Query{Model: "m"}, "", "d a b c"},
		"a first one":            {Query{Model: "m"}, "a", "d b c a"},
		"a whole priority":       {Query{Model: "m"}, "b a", "d c a b"},
		"the canary":             {Query{Model: "m"}, "d", "a b c d"},
		"all":                    {Query{Model: "m"}, "a b c d", "d a b c"},
		"of the first choice":    {Query{Choices: []string{"m", "n"}}, "a b c d", "e f d a b c"},
		"of each choice":         {Query{Choices: []string{"m", "n", "openai/x"}}, "b e", "d a c f openai b e"},
		"an explicit provider":   {Query{Choices: []string{"openai/x", "n"}}, "openai", "e f openai"},
		"named twice":            {Query{Choices: []string{"n", "openai/x", "n"}}, "e", "f openai e"},
		"only one name":          {Query{Choices: []string{"n"}}, "e", "f e"},
		"only an explicit one's": {Query{Model: "openai/x"}, "openai", "openai"},
	} {
		of := map[string]Health{}
		for provider := range strings.FieldsSeq(test.spared) {
			of[provider] = Health{Spared: true}
		}
		if got := order(t, table, &test.q, of); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}
