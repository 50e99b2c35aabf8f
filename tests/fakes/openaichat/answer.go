package openaichat

import (
	"net/http"

	"github.com/sluice-ai/sluice/tests/fakes"
)

const (
	completionID = "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG"
	created      = 1741569952
	voiceID      = "audio_abc123"
)

// answer is on its way to a caller.
type answer struct {
	fakes.Answer

	quirks   Quirks
	model    string
	asked    *asked
	question fakes.Question
}

func (a *answer) head(kind string) object {
	return object{"id": completionID, "object": kind, "created": created, "model": a.model, "service_tier": "default", "system_fingerprint": "fp_50cad350e4"}
}

func (a *answer) finish() string {
	reason := map[fakes.End]string{fakes.EndTurn: "stop", fakes.EndLength: "length", fakes.EndStop: "stop", fakes.EndCalls: "tool_calls"}[a.End]
	if a.Native != "" {
		reason = a.Native
	}
	if own, ok := a.quirks.FinishReasons[reason]; ok {
		return own
	}
	return reason
}

func (a *answer) usage() object {
	u := a.Usage
	return object{
		"prompt_tokens": u.Input(), "completion_tokens": u.Output(), "total_tokens": u.Input() + u.Output(),
		"prompt_tokens_details":     object{"cached_tokens": u.Cached, "audio_tokens": 0},
		"completion_tokens_details": object{"reasoning_tokens": u.Thought, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
	}
}

func (a *answer) calls(withIndex bool) []any {
	var list []any
	for i, c := range a.Calls {
		call := object{"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": string(c.Arguments)}}
		if withIndex {
			call["index"] = i
		}
		list = append(list, call)
	}
	return list
}

func (a *answer) completion() []byte {
	message := object{"role": "assistant", "content": any(a.Text), "refusal": nil, "annotations": []any{}}
	if len(a.Calls) > 0 {
		message["content"] = nil
		message["tool_calls"] = a.calls(false)
	}
	if a.Thought != "" {
		if a.quirks.Reasoning == "parts" {
			parts := []any{object{"type": "thinking", "thinking": []any{object{"type": "text", "text": a.Thought}}}}
			if a.Text != "" {
				parts = append(parts, object{"type": "text", "text": a.Text})
			}
			message["content"] = parts
		} else {
			message[a.quirks.Reasoning] = a.Thought
		}
	}
	if a.asked.params.Audio.Format != "" {
		message["content"] = nil
		message["audio"] = object{"id": voiceID, "data": "UklGRg==", "expires_at": created + 3600, "transcript": a.Text}
	}
	var choices []any
	for i := range max(a.asked.params.N.Value, 1) {
		choices = append(choices, object{"index": i, "message": message, "logprobs": nil, "finish_reason": a.finish()})
	}
	out := a.head("chat.completion")
	out["choices"], out["usage"] = choices, a.usage()
	return encode(out)
}

// stream tells the answer in chunks.
func (f *Fake) stream(w http.ResponseWriter, r *http.Request, a answer) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	asks := a.asked.params.StreamOptions.IncludeUsage.Value
	each := a.quirks.StreamUsage == "each"
	send := func(chunk object) {
		if asks && a.quirks.StreamUsage == "" {
			if _, there := chunk["usage"]; !there {
				chunk["usage"] = nil
			}
		}
		_, _ = w.Write([]byte("data: " + string(encode(chunk)) + "\n\n"))
		_ = http.NewResponseController(w).Flush()
	}
	n := max(int(a.asked.params.N.Value), 1)
	delta := func(d object) {
		for i := range n {
			chunk := a.head("chat.completion.chunk")
			chunk["choices"] = []any{object{"index": i, "delta": d, "logprobs": nil, "finish_reason": nil}}
			if each {
				chunk["usage"] = a.usage()
			}
			send(chunk)
		}
	}
	delta(object{"role": "assistant", "content": "", "refusal": nil})
	if a.question.Text == "error in the stream" {
		_, _ = w.Write([]byte(`data: {"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}` + "\n\n"))
		return
	}
	a.tell(delta)
	if a.Hangs {
		f.Hang(r)
		return
	}
	for i := range n {
		chunk := a.head("chat.completion.chunk")
		choice := object{"index": i, "delta": object{}, "logprobs": nil, "finish_reason": a.finish()}
		chunk["choices"] = []any{choice}
		if i == n-1 {
			switch a.quirks.StreamUsage {
			case "always", "each":
				chunk["usage"] = a.usage()
			case "x_groq":
				chunk["x_groq"] = object{"id": "req_1", "usage": a.usage()}
			case "choice":
				choice["usage"] = a.usage()
			}
		}
		send(chunk)
	}
	if asks && a.quirks.StreamUsage == "" {
		chunk := a.head("chat.completion.chunk")
		chunk["choices"], chunk["usage"] = []any{}, a.usage()
		send(chunk)
	}
	_, _ = w.Write([]byte("data: [DONE]\n\n"))
}

// tell tells thoughts, text and calls.
func (a *answer) tell(delta func(object)) {
	if a.Thought != "" {
		for _, piece := range fakes.Pieces(a.Thought) {
			if a.quirks.Reasoning == "parts" {
				delta(object{"content": []any{object{"type": "thinking", "thinking": []any{object{"type": "text", "text": piece}}}}})
			} else {
				delta(object{a.quirks.Reasoning: piece})
			}
		}
	}
	if a.asked.params.Audio.Format != "" {
		delta(object{"audio": object{"id": voiceID, "transcript": a.Text}})
		delta(object{"audio": object{"data": "UklGRg=="}})
		delta(object{"audio": object{"expires_at": created + 3600}})
		return
	}
	for _, piece := range fakes.Pieces(a.Text) {
		delta(object{"content": piece})
	}
	for i, c := range a.Calls {
		delta(object{"tool_calls": []any{object{"index": i, "id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": ""}}}})
		for _, piece := range fakes.Pieces(string(c.Arguments)) {
			delta(object{"tool_calls": []any{object{"index": i, "function": object{"arguments": piece}}}})
		}
	}
}
