package anthropic

import (
	"bytes"
	"maps"

	"google.golang.org/protobuf/proto"

	"github.com/sluice-ai/sluice/proto/wirejson"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// members returns the members of a rest, without the note of those that are absent, which
// is about another message's fields. Nil when there are none.
func members(rest []byte) []byte {
	return wirejson.Keep(rest, func(string, []byte) bool { return true })
}

// lists are members whose typed field cannot tell an empty list from absence.
var lists = map[string]bool{"content": true, "citations": true}

// said returns the members of a rest that say something: null, in a provider's answer, is
// what absence is.
func said(rest []byte) []byte {
	return wirejson.Keep(rest, func(name string, value []byte) bool {
		return string(value) != "null" && (!lists[name] || string(value) != "[]")
	})
}

// nestedLeftover hands on the members of an object that the contract does not know. into is
// the rest of the object that they go to; nil when there is none, and then they cannot be
// said. Two objects may become one: of members of the same name, the first stands.
func (t *translation) nestedLeftover(path string, rest []byte, into *[]byte) {
	if len(rest) == 0 {
		return
	}
	taken := map[string][]byte{}
	if into != nil {
		taken = maps.Collect(wirejson.All(*into))
	}
	var more []wirejson.Member
	for name, value := range wirejson.All(rest) {
		before, there := taken[name]
		switch {
		case string(value) == "null":
			t.ledger.Dropped(path+"."+name, saysNothing)
		case into == nil:
			t.cannot(path+"."+name, "there is no place for it")
		case there && bytes.Equal(before, value):
			t.ledger.Dropped(path+"."+name, "another member says the same")
		case there:
			t.cannot(path+"."+name, "another member has this name there")
		default:
			t.ledger.Passed(path + "." + name)
			more = append(more, wirejson.Member{Name: name, Value: value})
		}
	}
	if len(more) > 0 {
		t.handedOn = true
		*into = wirejson.SetAll(*into, more)
	}
}

// cannot asks the ledger about what cannot even be passed, because the dialect has no place
// for it.
func (t *translation) cannot(member, why string) {
	if t.passes {
		t.ledger.Dropped(member, why)
		return
	}
	t.ledger.Unsupported(member, why)
}

const saysNothing = "it says nothing"

// emptied are the contract's members that ride in the rest when they are empty.
var emptied = map[string]bool{
	"messages": true, "tools": true, "functions": true, "modalities": true, "metadata": true, "logit_bias": true, "stop": true,
}

// withoutEmpty takes out of the request's rest what says nothing: the dialect would refuse
// it, or have it twice.
func (t *translation) withoutEmpty(rest []byte) []byte {
	return wirejson.Keep(rest, func(name string, value []byte) bool {
		empty := len(value) <= 4 && (string(value) == "null" || emptied[name] && (string(value) == "[]" || string(value) == "{}"))
		if empty {
			t.ledger.Dropped(name, saysNothing)
		}
		return !empty
	})
}

// others goes through the members that have no counterpart.
func (t *translation) others() {
	req := t.req
	t.number("frequency_penalty", req.FrequencyPenalty, 0)
	t.number("presence_penalty", req.PresencePenalty, 0)
	t.integer("n", req.N, 1)
	t.flag("logprobs", req.Logprobs)
	t.integer("top_logprobs", req.TopLogprobs, 0)
	t.flag("store", req.Store)
	if len(req.GetLogitBias()) > 0 {
		t.unsupported("logit_bias", "it has no bias of tokens", wirejson.AppendDoubleMap(nil, req.GetLogitBias()))
	}
	if req.Seed != nil {
		t.unsupported("seed", "it has no seed", wirejson.AppendInt(nil, req.GetSeed()))
	}
	if list := req.GetModalities(); len(list) == 1 && list[0] == "text" {
		t.ledger.Dropped("modalities", "text is all there is")
	} else if len(list) > 0 {
		t.unsupported("modalities", "it answers in text only", wirejson.AppendStrings(nil, list))
	}
	if req.GetAudio() != nil {
		t.unsupported("audio", "it answers in text only", req.GetAudio().AppendWireJSON(nil))
	}
	if req.GetModeration() != nil {
		t.unsupported("moderation", "it has no moderation", req.GetModeration().AppendWireJSON(nil))
	}
	if req.GetPrediction() != nil {
		t.ledger.Dropped("prediction", "it is for speed only")
	}
	if req.Verbosity != nil {
		if req.GetVerbosity() == "medium" {
			t.ledger.Dropped("verbosity", "medium is the default")
		} else {
			t.unsupported("verbosity", "only instructions say how long an answer is to be", wirejson.AppendString(nil, req.GetVerbosity()))
		}
	}
	t.streamOptions(req.GetStreamOptions())
}

func (t *translation) streamOptions(o *sluicev1.StreamOptions) {
	if o == nil {
		return
	}
	if o.IncludeUsage != nil {
		t.ledger.Dropped("stream_options.include_usage", "the provider always tells it, and Sluice hides it on request")
	}
	if o.IncludeObfuscation != nil {
		t.ledger.Dropped("stream_options.include_obfuscation", "the provider has none")
	}
	if proto.Equal(o, &sluicev1.StreamOptions{}) {
		t.ledger.Dropped("stream_options", saysNothing)
	}
	for name := range wirejson.Names(o.GetRest()) {
		t.ledger.Dropped("stream_options."+name, "the provider has no options of streams")
	}
}

// number says a member without counterpart, whose default is what leaving it out means.
func (t *translation) number(name string, value *float64, fallback float64) {
	switch {
	case value == nil:
	case *value == fallback:
		t.ledger.Dropped(name, "it is the default")
	default:
		t.unsupported(name, "it has no such parameter", wirejson.AppendDouble(nil, *value))
	}
}

func (t *translation) integer(name string, value *int64, fallback int64) {
	switch {
	case value == nil:
	case *value == fallback:
		t.ledger.Dropped(name, "it is the default")
	default:
		t.unsupported(name, "it has no such parameter", wirejson.AppendInt(nil, *value))
	}
}

func (t *translation) flag(name string, value *bool) {
	switch {
	case value == nil:
	case !*value:
		t.ledger.Dropped(name, "false is the default")
	default:
		t.unsupported(name, "it has no such parameter", []byte("true"))
	}
}
