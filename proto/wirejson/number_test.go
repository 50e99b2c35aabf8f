package wirejson_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// A double is typed exactly when strconv's shortest decimal of it is the number that
// came, and then it is the nearest one.
func TestDoubles_are_typed_when_every_digit_comes_back(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	typed, rode := 0, 0
	check := func(text string) {
		t.Helper()
		m := new(sluicev1.FloatList)
		got := wirejson.Unmarshal([]byte(`[`+text+`]`), m, wirejson.Options{}) == nil
		v, err := strconv.ParseFloat(text, 64)
		want := err == nil && decimal(strconv.FormatFloat(v, 'e', -1, 64)) == decimal(text)
		if got != want {
			t.Fatalf("%s: typed %t, want %t", text, got, want)
		}
		if !got {
			rode++
			return
		}
		typed++
		if math.Float64bits(m.Values[0]) != math.Float64bits(v) {
			t.Fatalf("%s: got %v, want %v", text, m.Values[0], v)
		}
		if back := wirejson.Marshal(m); decimal(strings.Trim(string(back), "[]")) != decimal(text) {
			t.Fatalf("%s: came back as %s", text, back)
		}
	}
	for _, text := range []string{
		"0", "-0", "0.0", "0e0", "1", "9007199254740993", "9007199254740992", "1e22", "1e23", "123456789012345678", "5e-324", "2.4703282292062328e-324",
		"1.7976931348623157e308", "1.7976931348623159e308", "0.1", "0.10", "100", "1E2", "1e+2", "0.000001", "0.0000001", "4.35", "18446744073709551615", "18446744073709551616", "0.30000000000000004",
	} {
		check(text)
	}
	for range 20_000 {
		digits := 1 + r.IntN(20)
		var b strings.Builder
		if r.IntN(2) == 0 {
			b.WriteByte('-')
		}
		b.WriteString(strconv.Itoa(r.IntN(10)))
		b.WriteByte('.')
		for range digits {
			b.WriteByte(byte('0' + r.IntN(10)))
		}
		if r.IntN(3) == 0 {
			b.WriteString("e" + strconv.Itoa(r.IntN(640)-320))
		}
		check(b.String())
		check(strconv.FormatFloat(math.Float64frombits(r.Uint64()&^(1<<62)), 'g', -1, 64))
		check(strconv.FormatFloat(r.NormFloat64(), 'f', -1, 64))
		check(strconv.FormatFloat(math.Ldexp(1, r.IntN(120)-60)*(1+r.Float64()*1e-14), 'f', 15+r.IntN(3), 64))
	}
	if typed < 1000 || rode < 1000 {
		t.Errorf("the test is lopsided: %d typed, %d rode", typed, rode)
	}
}

func TestIntegers_are_typed_when_their_value_is_one(t *testing.T) {
	cases := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"-0", 0, true},
		{"-1", -1, true},
		{"1.0", 1, true},
		{"1.50", 0, false},
		{"1e3", 1000, true},
		{"1.5e1", 15, true},
		{"15e-1", 0, false},
		{"150e-1", 15, true},
		{"0.000e5", 0, true},
		{"123456789012345678", 123456789012345678, true},
		{"9223372036854775807", math.MaxInt64, true},
		{"9223372036854775808", 0, false},
		{"-9223372036854775808", math.MinInt64, true},
		{"-9223372036854775809", 0, false},
		{"922337203685477580700e-2", math.MaxInt64, true},
		{"1e18", 1e18, true},
		{"1e19", 0, false},
		{"18446744073709551616", 0, false},
		{"10000000000000000000000e-22", 1, true},
		{"1e-1", 0, false},
		{"99999999999999999999999", 0, false},
	}
	for _, c := range cases {
		m := new(sluicev1.TokenList)
		err := wirejson.Unmarshal([]byte(`[`+c.in+`]`), m, wirejson.Options{})
		if (err == nil) != c.ok || c.ok && m.Values[0] != c.want {
			t.Errorf("%s: got %v, %v", c.in, m.Values, err)
		}
	}
}

// encoding/json prints doubles as JavaScript does, and so does the encoder.
func TestAppendDouble_prints_like_encoding_json(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	values := []float64{
		0, 1, -1, 0.1, 1e-6, 9.999999e-7, 1e-7, 1e21, 1e20, 999999999999999900000, 123456789, 1 << 53, 1<<53 + 2, 0.5, 999.999, 1000.5,
		math.MaxFloat64, math.SmallestNonzeroFloat64, 0.30000000000000004, 0.1 + 0.7, 1e-5, 0.000123, 99.99999999999999, 1e-6 + 1e-15, math.Copysign(0, -1),
	}
	for range 50_000 {
		v := r.NormFloat64() * math.Pow(10, float64(r.IntN(12)-6))
		values = append(values, v, -v, float64(float32(v)), math.Round(v*1e6)/1e6, math.Round(v*1e9)/1e9, math.Round(v*1e15)/1e15)
	}
	for _, v := range values {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := wirejson.AppendDouble(nil, v); string(got) != string(want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got := wirejson.AppendDouble(nil, v); string(got) != "null" {
			t.Errorf("%v: got %s", v, got)
		}
	}
}
