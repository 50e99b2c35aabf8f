package anthropic

import (
	"encoding/json"
	"maps"
	"net/http"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"github.com/sluice-ai/sluice/tests/fakes"
)

type object = map[string]any

const messageID = "msg_013Zva2CMHLNnXjNJJKqJ2EF"

// message is an answer in one piece.
func message(p *sdk.MessageNewParams, a fakes.Answer) []byte {
	out := start(p, a)
	out["content"] = blocks(a)
	maps.Copy(out, end(a))
	out["usage"] = usage(a)
	return encode(out)
}

func start(p *sdk.MessageNewParams, a fakes.Answer) object {
	return object{
		"id": messageID, "type": "message", "role": "assistant", "model": p.Model, "content": []any{},
		"stop_reason": nil, "stop_sequence": nil, "usage": object{
			"input_tokens": a.Usage.Fresh, "cache_read_input_tokens": a.Usage.Cached, "cache_creation_input_tokens": a.Usage.Written,
			"cache_creation": object{"ephemeral_5m_input_tokens": a.Usage.Written, "ephemeral_1h_input_tokens": 0},
			"output_tokens":  1, "service_tier": "standard",
		},
	}
}

func usage(a fakes.Answer) object {
	return object{
		"input_tokens": a.Usage.Fresh, "cache_read_input_tokens": a.Usage.Cached, "cache_creation_input_tokens": a.Usage.Written,
		"cache_creation": object{"ephemeral_5m_input_tokens": a.Usage.Written, "ephemeral_1h_input_tokens": 0},
		"output_tokens":  a.Usage.Output(), "output_tokens_details": object{"thinking_tokens": a.Usage.Thought}, "service_tier": "standard",
	}
}

func blocks(a fakes.Answer) []any {
	list := []any{}
	if a.Thought != "" {
		list = append(list, object{"type": "thinking", "thinking": a.Thought, "signature": a.Signature})
	}
	if a.Text != "" {
		list = append(list, object{"type": "text", "text": a.Text})
	}
	for _, c := range a.Calls {
		list = append(list, object{"type": "tool_use", "id": "toolu_" + c.ID, "name": c.Name, "input": c.Arguments})
	}
	return list
}

// end says why the answer ended.
func end(a fakes.Answer) object {
	reason := map[fakes.End]string{
		fakes.EndTurn: "end_turn", fakes.EndLength: "max_tokens", fakes.EndStop: "stop_sequence", fakes.EndCalls: "tool_use",
	}[a.End]
	if a.Native != "" {
		reason = a.Native
	}
	out := object{"stop_reason": reason, "stop_sequence": nil}
	if a.End == fakes.EndStop {
		out["stop_sequence"] = a.Stopped
	}
	if reason == "refusal" {
		out["stop_details"] = object{"type": "refusal", "category": "cyber", "explanation": "This request was declined."}
	}
	return out
}

// stream tells the answer in events.
func (f *Fake) stream(w http.ResponseWriter, r *http.Request, p *sdk.MessageNewParams, q fakes.Question, a fakes.Answer) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	send := func(kind string, rest object) {
		rest["type"] = kind
		_, _ = w.Write([]byte("event: " + kind + "\ndata: " + string(encode(rest)) + "\n\n"))
		_ = http.NewResponseController(w).Flush()
	}
	index := 0
	block := func(first object, deltas ...object) {
		send("content_block_start", object{"index": index, "content_block": first})
		for _, d := range deltas {
			send("content_block_delta", object{"index": index, "delta": d})
		}
	}
	closed := func() {
		send("content_block_stop", object{"index": index})
		index++
	}
	send("message_start", object{"message": start(p, a)})
	send("ping", object{})
	if q.Text == "error in the stream" {
		send("error", object{"error": object{"type": "overloaded_error", "message": "Overloaded"}})
		return
	}
	if a.Thought != "" {
		var deltas []object
		for _, piece := range fakes.Pieces(a.Thought) {
			deltas = append(deltas, object{"type": "thinking_delta", "thinking": piece})
		}
		deltas = append(deltas, object{"type": "signature_delta", "signature": a.Signature})
		block(object{"type": "thinking", "thinking": "", "signature": ""}, deltas...)
		closed()
	}
	if a.Text != "" {
		var deltas []object
		for _, piece := range fakes.Pieces(a.Text) {
			deltas = append(deltas, object{"type": "text_delta", "text": piece})
		}
		block(object{"type": "text", "text": ""}, deltas...)
		if a.Hangs {
			f.Hang(r)
			return
		}
		closed()
	}
	for _, c := range a.Calls {
		deltas := []object{{"type": "input_json_delta", "partial_json": ""}}
		for _, piece := range fakes.Pieces(string(c.Arguments)) {
			deltas = append(deltas, object{"type": "input_json_delta", "partial_json": piece})
		}
		block(object{"type": "tool_use", "id": "toolu_" + c.ID, "name": c.Name, "input": json.RawMessage("{}")}, deltas...)
		closed()
	}
	send("message_delta", object{"delta": end(a), "usage": usage(a)})
	send("message_stop", object{})
}
