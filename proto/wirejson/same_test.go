package wirejson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// tree is a JSON document as encoding/json's tokenizer sees it: what the tests of
// this package compare against, so that they do not trust the code under test.
type tree struct {
	token   json.Token // of a scalar, or the opening delimiter
	names   []string   // of an object, in order of arrival
	members []tree
}

func parseTree(data []byte) (tree, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	t, err := readTree(d)
	if err != nil {
		return t, err
	}
	if _, err := d.Token(); err != io.EOF {
		return t, fmt.Errorf("data after the document: %w", err)
	}
	return t, nil
}

func readTree(d *json.Decoder) (t tree, err error) {
	if t.token, err = d.Token(); err != nil {
		return t, err
	}
	if t.token != json.Delim('{') && t.token != json.Delim('[') {
		return t, nil
	}
	for d.More() {
		if t.token == json.Delim('{') {
			name, err := d.Token()
			if err != nil {
				return t, err
			}
			t.names = append(t.names, name.(string))
		}
		member, err := readTree(d)
		if err != nil {
			return t, err
		}
		t.members = append(t.members, member)
	}
	_, err = d.Token()
	return t, err
}

// String writes a tree in a form that is the same for equal values: members sorted
// by name, those of one name in their order, numbers as digits and exponent.
func (t tree) String() string {
	var b strings.Builder
	t.write(&b)
	return b.String()
}

func (t tree) write(b *strings.Builder) {
	switch v := t.token.(type) {
	case json.Delim:
		b.WriteRune(rune(v))
		order := make([]int, len(t.members))
		for i := range order {
			order[i] = i
		}
		if v == '{' {
			slices.SortStableFunc(order, func(i, j int) int { return strings.Compare(t.names[i], t.names[j]) })
		}
		for _, i := range order {
			if v == '{' {
				fmt.Fprintf(b, "%q:", t.names[i])
			}
			t.members[i].write(b)
			b.WriteByte(',')
		}
		b.WriteString("end")
	case json.Number:
		b.WriteString(decimal(v.String()))
	case string:
		fmt.Fprintf(b, "%q", v)
	default:
		fmt.Fprint(b, v)
	}
}

// decimal is the exact value of a number: sign, digits without zeros at either end,
// exponent.
func decimal(s string) string {
	s, negative := strings.CutPrefix(s, "-")
	mantissa, e, _ := strings.Cut(strings.ToLower(s), "e")
	exponent := new(big.Int)
	if e != "" {
		exponent.SetString(strings.TrimPrefix(e, "+"), 10)
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent.Sub(exponent, big.NewInt(int64(len(fraction))))
	short := strings.TrimRight(digits, "0")
	exponent.Add(exponent, big.NewInt(int64(len(digits)-len(short))))
	if short == "" {
		return "0"
	}
	if negative {
		short = "-" + short
	}
	return short + "e" + exponent.String()
}

// sameJSON fails the test unless both documents have the same value.
func sameJSON(t *testing.T, got, want []byte) {
	t.Helper()
	g, err := parseTree(got)
	if err != nil {
		t.Fatalf("output is no JSON: %v\n%s", err, got)
	}
	w, err := parseTree(want)
	if err != nil {
		t.Fatalf("input is no JSON: %v\n%s", err, want)
	}
	if g.String() != w.String() {
		t.Fatalf("value changed\n got %s\nwant %s", got, want)
	}
}

func TestDecimal_tells_values_apart_exactly(t *testing.T) {
	equal := [][2]string{{"1", "1.0"}, {"1000", "1e3"}, {"0.5", "5E-1"}, {"-0", "0"}, {"12.50", "1250e-2"}, {"0e99", "0"}}
	for _, c := range equal {
		if decimal(c[0]) != decimal(c[1]) {
			t.Errorf("%s and %s: %s, %s", c[0], c[1], decimal(c[0]), decimal(c[1]))
		}
	}
	if decimal("9007199254740993") == decimal("9007199254740992") || decimal("1e999999999999999999999") == decimal("1e999999999999999999998") {
		t.Error("digits beyond a float64 were lost")
	}
}
