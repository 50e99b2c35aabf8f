package wirejson_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/proto/wirejson"
)

func TestSetAll_is_Set_for_each(t *testing.T) {
	for _, rest := range []string{``, `{"a":1}`, `{"$absent":["x"],"a":1,"b":"é"}`, `{"$absent":[],"$absent":2}`} {
		more := []wirejson.Member{{Name: "b", Value: []byte(`2`)}, {Name: "a\"", Value: []byte(`[3]`)}, {Name: "b", Value: []byte(`4`)}}
		want := []byte(rest)
		for _, m := range more {
			want = wirejson.Set(want, m.Name, m.Value)
		}
		if got := wirejson.SetAll([]byte(rest), more); string(got) != string(want) {
			t.Errorf("%s: %s, want %s", rest, got, want)
		}
		if got := wirejson.SetAll([]byte(rest), nil); string(got) != rest {
			t.Errorf("%s: %s with nothing set", rest, got)
		}
	}
}

func TestAll_has_the_values_that_Get_has(t *testing.T) {
	rest := []byte(`{"$absent":["x"],"a":1,"b\u00e9":{"c":[2]}}`)
	n := 0
	for name, value := range wirejson.All(rest) {
		if want, ok := wirejson.Get(rest, name); !ok || string(want) != string(value) {
			t.Errorf("%s: %s, want %s", name, value, want)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d members, want 2", n)
	}
}

func TestKeep_leaves_out_what_is_not_wanted_and_the_note(t *testing.T) {
	for rest, want := range map[string]string{
		``:                             ``,
		`{"a":1,"b":2}`:                `{"a":1,"b":2}`,
		`{"a":1,"no":2}`:               `{"a":1}`,
		`{"no":1}`:                     ``,
		`{"$absent":["x"],"a":1}`:      `{"a":1}`,
		`{"$absent":["x"]}`:            ``,
		`{"$absent":[],"$absent":"a"}`: `{"$absent":[],"$absent":"a"}`,
	} {
		got := wirejson.Keep([]byte(rest), func(name string, _ []byte) bool { return name != "no" })
		if string(got) != want {
			t.Errorf("%s: %s, want %s", rest, got, want)
		}
	}
}

// A caller can send as many unknown members as a body may be long.
func TestSetAll_and_Keep_read_a_rest_once(t *testing.T) {
	var long strings.Builder
	long.WriteString(`{"first":0`)
	for i := range 100_000 {
		fmt.Fprintf(&long, `,"m%d":%d`, i, i)
	}
	long.WriteString("}")
	rest := []byte(long.String())
	var more []wirejson.Member
	for name, value := range wirejson.All(rest) {
		more = append(more, wirejson.Member{Name: name, Value: value})
	}
	if got := wirejson.SetAll(nil, more); string(got) != long.String() {
		t.Error("the members are not the same")
	}
	if got := wirejson.Keep(rest, func(name string, _ []byte) bool { return name == "first" }); string(got) != `{"first":0}` {
		t.Errorf("kept %s", got)
	}
}
