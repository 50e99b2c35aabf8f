package route

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func sticky(by ...StickyBy) Sticky { return Sticky{By: by, Header: "x-session-id", PromptBytes: 8} }

func stickyTable(t *testing.T, targets ...Target) *Table {
	t.Helper()
	return build(t, []Model{{Name: "m", Strategy: StrategySticky, Sticky: sticky(StickyUser), Targets: targets}}, "")
}

func user(i int) *Query { return &Query{Model: "m", User: "user-" + strconv.Itoa(i)} }

var five = []Target{
	{Provider: "a", Model: "x", Weight: 1},
	{Provider: "b", Model: "x", Weight: 3},
	{Provider: "a", Model: "y", Weight: 2},
	{Provider: "c", Model: "x", Weight: 4},
	{Provider: "d", Model: "x"},
}

func TestSticky_shares_keys_by_weight(t *testing.T) {
	got := count(t, draws, stickyTable(t, five...), user, nil)
	shared(t, got, draws, map[string]float64{"a": 0.3, "b": 0.3, "c": 0.4, "d": 0})
}

func TestSticky_moves_only_the_keys_of_a_target_that_leaves(t *testing.T) {
	whole := stickyTable(t, five...)
	for gone := range five {
		rest := stickyTable(t, slices.Delete(slices.Clone(five), gone, gone+1)...)
		to := map[string]int{}
		for i := range 5000 {
			before, after := resolve(t, whole, user(i), nil).Targets, resolve(t, rest, user(i), nil).Targets
			if before[0].ID != gone {
				if list(before[:1]) != list(after[:1]) {
					t.Fatalf("without %s, %s moved from %s to %s", list(five[gone:gone+1]), user(i).User, list(before[:1]), list(after[:1]))
				}
				continue
			}
			// It goes where it would have gone next, and so does a failover.
			if list(before[1:2]) != list(after[:1]) {
				t.Fatalf("%s moved to %s, not to its second, %s", user(i).User, list(after[:1]), list(before[1:2]))
			}
			to[list(after[:1])]++
		}
		if five[gone].Weight > 0 && len(to) != 3 {
			t.Errorf("the keys of %s went to %v, want all three others", list(five[gone:gone+1]), to)
		}
	}
}

func TestSticky_moves_keys_only_to_a_target_that_comes(t *testing.T) {
	before, after := stickyTable(t, five...), stickyTable(t, slices.Insert(slices.Clone(five), 1, Target{Provider: "e", Model: "x", Weight: 5})...)
	moved := map[string]int{}
	for i := range draws {
		from, to := resolve(t, before, user(i), nil).Targets[:1], resolve(t, after, user(i), nil).Targets[:1]
		switch {
		case to[0].Provider == "e":
			moved["moved"]++
		case list(from) != list(to):
			t.Fatalf("%s moved from %s to %s", user(i).User, list(from), list(to))
		default:
			moved["stayed"]++
		}
	}
	shared(t, moved, draws, map[string]float64{"moved": 5. / 15, "stayed": 10. / 15})
}

func TestSticky_does_not_depend_on_the_order_of_the_configuration_or_on_chance(t *testing.T) {
	backwards := slices.Clone(five)
	slices.Reverse(backwards)
	one, other := stickyTable(t, five...), stickyTable(t, backwards...)
	for i := range 2000 {
		got, err := one.Resolve(user(i), nil, func() float64 { panic("chance is not asked") })
		if err != nil {
			t.Fatal(err)
		}
		if again := resolve(t, other, user(i), nil); list(got.Targets) != list(again.Targets) {
			t.Fatalf("%s and %s", list(got.Targets), list(again.Targets))
		}
	}
}

// Keys must stay when a replica runs a newer release: these numbers, computed apart in
// another language, are a promise.
func TestSticky_hashes_are_the_same_in_every_release(t *testing.T) {
	for text, want := range map[string]uint64{
		"a":                      0xa9f9c047a9d0ffc5,
		"user-42":                0x6c42443bb5567770,
		"a longer text than one": 0x6a990141f6af9897,
	} {
		if got := hash([]byte(text)); got != want {
			t.Errorf("%q: got %#016x, want %#016x", text, got, want)
		}
	}
}

// 0xe220a8397b1dcdaf is the first number of SplitMix64 with the seed 0, as its authors'
// implementation prints it: the finaliser of the golden ratio.
func TestSticky_mixes_as_SplitMix64(t *testing.T) {
	if got := mix(0x9e3779b97f4a7c15); got != 0xe220a8397b1dcdaf {
		t.Errorf("got %#x", got)
	}
}

func TestSticky_hash_spreads_keys_that_differ_little(t *testing.T) {
	// Keys as people number them, and prompts that differ at one place only.
	for name, text := range map[string]func(i int) string{
		"numbers":        strconv.Itoa,
		"long numbers":   func(i int) string { return "tenant-0000-user-" + strconv.Itoa(100_000+i) },
		"lengths":        func(i int) string { return strings.Repeat("x", i%4096+1) + strconv.Itoa(i/4096) },
		"one early byte": func(i int) string { return string([]byte{byte(i), byte(i >> 8)}) + strings.Repeat("y", 200) },
		"one late byte":  func(i int) string { return strings.Repeat("y", 200) + string([]byte{byte(i >> 8), byte(i)}) },
	} {
		seen := map[uint64]bool{}
		var buckets [64]int
		for i := range draws {
			h := hash([]byte(text(i)))
			seen[h] = true
			buckets[h>>58]++
		}
		if len(seen) != draws {
			t.Errorf("%s: %d of %d texts have a hash of their own", name, len(seen), draws)
		}
		statistic := 0.0
		for _, n := range buckets {
			statistic += math.Pow(float64(n)-draws/64., 2) / (draws / 64.)
		}
		// The 99.99 % quantile of chi-square at 63 degrees of freedom is 113.5.
		if statistic > 113.5 {
			t.Errorf("%s: chi-square %.1f", name, statistic)
		}
	}
}

func TestSticky_takes_the_first_key_that_a_call_has(t *testing.T) {
	header := func(value string) func(string) string {
		return func(name string) string {
			if name == "x-session-id" {
				return value
			}
			return ""
		}
	}
	prompt := func(text string) func(int) []byte { return func(int) []byte { return []byte(text) } }
	all := sticky(StickySession, StickyUser, StickyKey, StickyPrompt)
	for name, test := range map[string]struct {
		sticky Sticky
		q      Query
		want   string
	}{
		"session":                    {all, Query{Header: header("s"), User: "u", Caller: "k", Prompt: prompt("p")}, "s"},
		"user":                       {all, Query{Header: header(""), User: "u", Caller: "k", Prompt: prompt("p")}, "u"},
		"key":                        {all, Query{Caller: "k", Prompt: prompt("p")}, "k"},
		"prompt":                     {all, Query{Prompt: prompt("p")}, "p"},
		"the beginning of a prompt":  {all, Query{Prompt: prompt("0123456789")}, "01234567"},
		"none":                       {all, Query{}, ""},
		"an empty prompt":            {all, Query{Prompt: prompt("")}, ""},
		"the order of the entry":     {sticky(StickyPrompt, StickyUser), Query{User: "u", Prompt: prompt("p")}, "p"},
		"one that is not asked for":  {sticky(StickyUser), Query{Header: header("s"), Caller: "k"}, ""},
		"a prompt of no bytes":       {Sticky{By: []StickyBy{StickyPrompt}}, Query{Prompt: prompt("p")}, ""},
		"a session without a header": {Sticky{By: []StickyBy{StickySession}}, Query{Header: header("s")}, ""},
		"nothing to go by":           {Sticky{}, Query{User: "u"}, ""},
	} {
		key, ok := test.sticky.key(&test.q)
		if ok != (test.want != "") || ok && key != hash([]byte(test.want)) {
			t.Errorf("%s: got %#x %t, want the hash of %q", name, key, ok, test.want)
		}
	}
}

func TestSticky_without_a_key_goes_by_weight(t *testing.T) {
	got := count(t, draws, stickyTable(t, five...), always(&Query{Model: "m"}), nil)
	shared(t, got, draws, map[string]float64{"a": 0.3, "b": 0.3, "c": 0.4, "d": 0})
}

func TestSticky_shares_keys_among_targets_of_the_same_provider_and_model(t *testing.T) {
	twin := Target{Provider: "a", Model: "x", Weight: 1}
	table := stickyTable(t, twin, twin, twin)
	got := map[string]int{}
	for i := range draws {
		got[strconv.Itoa(resolve(t, table, user(i), nil).Targets[0].ID)]++
	}
	shared(t, got, draws, map[string]float64{"0": 1. / 3, "1": 1. / 3, "2": 1. / 3})
}

func TestSticky_keys_return_when_their_target_recovers(t *testing.T) {
	table := stickyTable(t, five...)
	spared := health(map[string]Health{"c": {Spared: true}})
	for i := range 2000 {
		healthy, sick := resolve(t, table, user(i), nil).Targets, resolve(t, table, user(i), spared).Targets
		if sick[len(sick)-1].Provider != "c" {
			t.Fatalf("the spared one is not last: %s", list(sick))
		}
		at := slices.IndexFunc(healthy, func(t Target) bool { return t.Provider == "c" })
		if want := slices.Concat(healthy[:at], healthy[at+1:], healthy[at:at+1]); list(sick) != list(want) {
			t.Fatalf("got %s, want %s", list(sick), list(want))
		}
	}
}
