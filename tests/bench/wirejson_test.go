package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/bytedance/sonic"

	"github.com/sluice-ai/sluice/proto/wirejson"
)

// contender is one way to turn a document into Go values and back.
type contender struct {
	name   string
	decode func(document) (any, error)
	encode func(any) ([]byte, error)
}

func contenders() []contender {
	return []contender{
		{"wirejson", func(d document) (any, error) {
			m := d.message()
			return m, wirejson.Unmarshal(d.json, m, wirejson.Options{})
		}, func(v any) ([]byte, error) { return wirejson.Marshal(v.(wirejson.Message)), nil }},
		structs("encoding/json", standard{}, func(d document) any { return d.standard() }),
		structs("sonic", sonicDefault{}, func(d document) any { return d.sonic() }),
	}
}

func structs(name string, c codec, empty func(document) any) contender {
	return contender{name, func(d document) (any, error) {
		v := empty(d)
		return v, c.Unmarshal(d.json, v)
	}, c.Marshal}
}

// decoding and encoding of one document, to be run often.
func decoding(_ testing.TB, c contender, d document) func() error {
	return func() error {
		_, err := c.decode(d)
		return err
	}
}

func encoding(t testing.TB, c contender, d document) func() error {
	v, err := c.decode(d)
	if err != nil {
		t.Fatal(err)
	}
	return func() error {
		_, err := c.encode(v)
		return err
	}
}

func sonicRuns() string {
	if sonic.APIKind == sonic.UseSonicJSON {
		return "its own just-in-time code on " + runtime.Version()
	}
	return "encoding/json instead of its own code on " + runtime.Version() + ": no comparison"
}

func benchmark(b *testing.B, size int, run func() error) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	b.Log("sonic runs " + sonicRuns())
	for _, d := range documents() {
		for _, c := range contenders() {
			b.Run(d.name+"/"+c.name, func(b *testing.B) {
				benchmark(b, len(d.json), decoding(b, c, d))
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, d := range documents() {
		for _, c := range contenders() {
			b.Run(d.name+"/"+c.name, func(b *testing.B) {
				benchmark(b, len(d.json), encoding(b, c, d))
			})
		}
	}
}

// BenchmarkDecodeRatio prints how much CPU time the others take for one that
// wirejson takes, garbage collection included.
func BenchmarkDecodeRatio(b *testing.B) {
	ratios(b, "decode", decoding)
}

// BenchmarkEncodeRatio is BenchmarkDecodeRatio for encoding.
func BenchmarkEncodeRatio(b *testing.B) {
	ratios(b, "encode", encoding)
}

// cost of one run.
type cost struct {
	cpu           time.Duration
	allocs, bytes uint64
}

// measure runs often enough that the clock and a collection or two do not matter.
func measure(b *testing.B, run func() error) cost {
	const enough = 150 * time.Millisecond
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start, n := cpuTime(b), 0
	used := time.Duration(0)
	for used < enough {
		for range 32 {
			if err := run(); err != nil {
				b.Fatal(err)
			}
		}
		n += 32
		used = cpuTime(b) - start
	}
	runtime.ReadMemStats(&after)
	return cost{used / time.Duration(n), (after.Mallocs - before.Mallocs) / uint64(n), (after.TotalAlloc - before.TotalAlloc) / uint64(n)}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ratios measures all of them by turns, so that a noisy machine disturbs each alike,
// and takes each one's best.
func ratios(b *testing.B, what string, prepare func(testing.TB, contender, document) func() error) {
	const rounds = 5
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\n%s\t\tbytes\tcpu us\tMB/s\tallocs\tB\tx wirejson\t\n", what)
	for _, d := range documents() {
		all := contenders()
		best := make([]cost, len(all))
		for range rounds {
			for i, c := range all {
				if r := measure(b, prepare(b, c, d)); best[i].cpu == 0 || r.cpu < best[i].cpu {
					best[i] = r
				}
			}
		}
		for i, c := range all {
			ratio := float64(best[i].cpu) / float64(best[0].cpu)
			fmt.Fprintf(table, "%s\t%s\t%d\t%.1f\t%.0f\t%d\t%d\t%.2f\t\n", d.name, c.name, len(d.json),
				float64(best[i].cpu)/1e3, float64(len(d.json))*1e3/float64(best[i].cpu), best[i].allocs, best[i].bytes, ratio)
			if i > 0 {
				b.ReportMetric(ratio, d.name+"-"+c.name+"-x")
			}
		}
	}
	b.ReportMetric(0, "ns/op") // says nothing here
	if err := table.Flush(); err != nil {
		b.Fatal(err)
	}
	fmt.Println("sonic runs " + sonicRuns())
}

// The comparison is fair when all of them read everything there is to compare.
func TestDocuments_say_the_same_through_every_contender(t *testing.T) {
	for _, d := range documents() {
		var want any
		for _, c := range contenders() {
			v, err := c.decode(d)
			if err != nil {
				t.Fatalf("%s with %s: %v", d.name, c.name, err)
			}
			out, err := c.encode(v)
			if err != nil {
				t.Fatalf("%s with %s: %v", d.name, c.name, err)
			}
			var got any
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%s with %s: %v", d.name, c.name, err)
			}
			dropNulls(got)
			if want == nil {
				want = got
			} else if !reflect.DeepEqual(got, want) {
				t.Errorf("%s with %s reads something else", d.name, c.name)
			}
		}
	}
}

// dropNulls takes out what structs write without having read it, and the reverse.
func dropNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if value == nil {
				delete(v, name)
			}
			dropNulls(value)
		}
	case []any:
		for _, value := range v {
			dropNulls(value)
		}
	}
}
