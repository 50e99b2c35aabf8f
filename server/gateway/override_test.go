package gateway

import (
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// The members are those of OpenAI's API reference, "Create chat completion".
func TestOverride_changes_members_for_one_target_alone(t *testing.T) {
	const messages = `"messages":[{"role":"user","content":"hi"}]`
	tests := map[string]struct {
		drop          []string
		defaults, set string
		in, want      string
	}{
		"set puts in":                    {set: `{"temperature":0}`, in: `{"model":"m",` + messages + `}`, want: `{"model":"m",` + messages + `,"temperature":0}`},
		"set replaces":                   {set: `{"temperature":0}`, in: `{"model":"m",` + messages + `,"temperature":1}`, want: `{"model":"m",` + messages + `,"temperature":0}`},
		"default does not replace":       {defaults: `{"temperature":0,"seed":1}`, in: `{"model":"m",` + messages + `,"temperature":1}`, want: `{"model":"m",` + messages + `,"temperature":1,"seed":1}`},
		"an explicit null was sent":      {defaults: `{"temperature":0}`, in: `{"model":"m",` + messages + `,"temperature":null}`, want: `{"model":"m",` + messages + `,"temperature":null}`},
		"set replaces a null":            {set: `{"temperature":0}`, in: `{"model":"m",` + messages + `,"temperature":null}`, want: `{"model":"m",` + messages + `,"temperature":0}`},
		"set to null":                    {set: `{"temperature":null}`, in: `{"model":"m",` + messages + `,"temperature":1}`, want: `{"model":"m",` + messages + `,"temperature":null}`},
		"drop takes out":                 {drop: []string{"temperature", "top_k"}, in: `{"model":"m",` + messages + `,"temperature":1,"seed":1,"top_k":5}`, want: `{"model":"m",` + messages + `,"seed":1}`},
		"drop of what is not there":      {drop: []string{"stop"}, in: `{"model":"m",` + messages + `}`, want: `{"model":"m",` + messages + `}`},
		"dropped and then put in":        {drop: []string{"seed"}, defaults: `{"seed":7}`, in: `{"model":"m",` + messages + `,"seed":1}`, want: `{"model":"m",` + messages + `,"seed":7}`},
		"unknown members":                {set: `{"top_k":5,"provider":{"order":["b","a"]}}`, in: `{"model":"m",` + messages + `,"top_k":9,"x":1}`, want: `{"model":"m",` + messages + `,"x":1,"top_k":5,"provider":{"order":["b","a"]}}`},
		"a union by another form":        {set: `{"stop":["a","b"]}`, in: `{"model":"m",` + messages + `,"stop":"x"}`, want: `{"model":"m",` + messages + `,"stop":["a","b"]}`},
		"a union is there in any form":   {defaults: `{"stop":["a"]}`, in: `{"model":"m",` + messages + `,"stop":"x"}`, want: `{"model":"m",` + messages + `,"stop":"x"}`},
		"a form's name is not a member":  {drop: []string{"stop_text"}, in: `{"model":"m",` + messages + `,"stop":"x"}`, want: `{"model":"m",` + messages + `,"stop":"x"}`},
		"schemas keep order and digits":  {set: `{"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"z":1.0,"a":12345678901234567890}}}}`, in: `{"model":"m",` + messages + `}`, want: `{"model":"m",` + messages + `,"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"z":1.0,"a":12345678901234567890}}}}`},
		"an empty list is not an absent": {defaults: `{"tools":[{"type":"function","function":{"name":"f"}}]}`, in: `{"model":"m",` + messages + `,"tools":[]}`, want: `{"model":"m",` + messages + `,"tools":[]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o, err := NewOverride(test.drop, test.defaults, test.set)
			if err != nil {
				t.Fatal(err)
			}
			req := new(sluicev1.ChatCompletionRequest)
			if err := wirejson.Unmarshal([]byte(test.in), req, wirejson.Options{}); err != nil {
				t.Fatal(err)
			}
			if got := string(wirejson.Marshal(o.chat(req))); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if got := string(wirejson.Marshal(req)); got != test.in {
				t.Errorf("the caller's request, which other targets get, became %s", got)
			}
		})
	}
}

func TestOverride_of_embeddings(t *testing.T) {
	o, err := NewOverride([]string{"user"}, "", `{"dimensions":256,"task":"search"}`)
	if err != nil {
		t.Fatal(err)
	}
	req := new(sluicev1.CreateEmbeddingsRequest)
	if err := wirejson.Unmarshal([]byte(`{"model":"m","input":"x","user":"u"}`), req, wirejson.Options{}); err != nil {
		t.Fatal(err)
	}
	if got, want := string(wirejson.Marshal(o.embeddings(req))), `{"model":"m","input":"x","dimensions":256,"task":"search"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNewOverride_refuses_what_cannot_be_changed(t *testing.T) {
	for name, test := range map[string]struct {
		drop          []string
		defaults, set string
		says          string
	}{
		"drop":        {drop: []string{"messages"}, says: "messages cannot be changed"},
		"set":         {set: `{"model":"x"}`, says: "model cannot be changed"},
		"default":     {defaults: `{"stream":true}`, says: "stream cannot be changed"},
		"wrong type":  {set: `{"temperature":"hot"}`, says: "temperature"},
		"no object":   {set: `[1]`, says: "set: "},
		"not JSON":    {defaults: `{"x":`, says: "default: "},
		"a bad union": {set: `{"stop":5}`, says: "stop"},
	} {
		if _, err := NewOverride(test.drop, test.defaults, test.set); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want something of %q", name, err, test.says)
		}
	}
	if o, err := NewOverride(nil, "", ""); o != nil || err != nil {
		t.Errorf("nothing to change: %v, %v", o, err)
	}
}
