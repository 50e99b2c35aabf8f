package bedrock

import (
	"bytes"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/sluice-ai/sluice/tests/fakes"
)

func stopReason(a fakes.Answer) string {
	if a.Native != "" {
		return a.Native
	}
	return map[fakes.End]string{fakes.EndTurn: "end_turn", fakes.EndLength: "max_tokens", fakes.EndStop: "stop_sequence", fakes.EndCalls: "tool_use"}[a.End]
}

func usage(a fakes.Answer) object {
	u := a.Usage
	return object{
		"inputTokens": u.Fresh, "outputTokens": u.Output(), "totalTokens": u.Input() + u.Output(),
		"cacheReadInputTokens": u.Cached, "cacheWriteInputTokens": u.Written,
	}
}

func message(a fakes.Answer) []byte {
	content := []any{}
	if a.Thought != "" {
		content = append(content, object{"reasoningContent": object{"reasoningText": object{"text": a.Thought, "signature": a.Signature}}})
	}
	if a.Text != "" {
		content = append(content, object{"text": a.Text})
	}
	for _, c := range a.Calls {
		content = append(content, object{"toolUse": object{"toolUseId": "tooluse_" + c.ID, "name": c.Name, "input": c.Arguments}})
	}
	return encode(object{
		"output":     object{"message": object{"role": "assistant", "content": content}},
		"stopReason": stopReason(a), "usage": usage(a), "metrics": object{"latencyMs": 551},
	})
}

// stream tells the answer in AWS's binary events.
func (f *Fake) stream(w http.ResponseWriter, r *http.Request, q fakes.Question, a fakes.Answer) {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	encoder := eventstream.NewEncoder()
	write := func(kind, name string, payload object) {
		var out bytes.Buffer
		m := eventstream.Message{Payload: encode(payload)}
		m.Headers.Set(":message-type", eventstream.StringValue(kind))
		m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
		m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
		if err := encoder.Encode(&out, m); err != nil {
			panic(err) // no header is too long
		}
		_, _ = w.Write(out.Bytes())
		_ = http.NewResponseController(w).Flush()
	}
	send := func(name string, payload object) {
		payload["p"] = "abcdefgh" // padding against traffic analysis
		write("event", name, payload)
	}
	send("messageStart", object{"role": "assistant"})
	if q.Text == "error in the stream" {
		write("exception", "modelStreamErrorException", object{"message": "An error occurred while streaming the response.", "originalStatusCode": 500})
		return
	}
	index := 0
	delta := func(d object) { send("contentBlockDelta", object{"contentBlockIndex": index, "delta": d}) }
	closed := func() {
		send("contentBlockStop", object{"contentBlockIndex": index})
		index++
	}
	if a.Thought != "" {
		for _, piece := range fakes.Pieces(a.Thought) {
			delta(object{"reasoningContent": object{"text": piece}})
		}
		delta(object{"reasoningContent": object{"signature": a.Signature}})
		closed()
	}
	if a.Text != "" {
		for _, piece := range fakes.Pieces(a.Text) {
			delta(object{"text": piece})
		}
		if a.Hangs {
			f.Hang(r)
			return
		}
		closed()
	}
	for _, c := range a.Calls {
		send("contentBlockStart", object{"contentBlockIndex": index, "start": object{"toolUse": object{"toolUseId": "tooluse_" + c.ID, "name": c.Name}}})
		for _, piece := range fakes.Pieces(string(c.Arguments)) {
			delta(object{"toolUse": object{"input": piece}})
		}
		closed()
	}
	send("messageStop", object{"stopReason": stopReason(a)})
	send("metadata", object{"usage": usage(a), "metrics": object{"latencyMs": 551}})
}
