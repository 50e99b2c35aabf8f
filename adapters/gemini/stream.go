package gemini

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"

	"google.golang.org/protobuf/proto"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// StreamChat implements [adapters.Chatter]. There is no terminal event: a stream is whole
// when all candidates have told why they ended and the body ends properly.
func (a *api) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	request, path, err := a.prepare(call, req)
	if err != nil {
		return err
	}
	r := a.upstreamRequest(call, http.MethodPost, path+":streamGenerateContent", "alt=sse", wirejson.Marshal(request.out))
	r.Accept = mediaEvents
	stream, err := a.client.Stream(ctx, r)
	if err != nil {
		return withDelay(err)
	}
	defer stream.Close()
	call.Reply.Header = stream.Header
	t := newTeller(call, request)
	tell := func(data []byte) error {
		response := new(geminipb.GenerateContentResponse)
		if err := wirejson.Unmarshal(data, response, lenient); err != nil {
			return a.client.Protocol(stream.Header, "an event of the provider's stream cannot be understood", err)
		}
		if len(response.GetError()) > 0 {
			return withDelay(a.client.Reported(stream.Header, data))
		}
		chunk := t.chunk(response)
		if chunk == nil {
			return nil
		}
		return send(chunk)
	}
	if stream.IsJSON() {
		err = a.tellList(stream, tell)
	} else {
		err = a.tellEvents(stream, call, tell)
	}
	if err != nil {
		return err
	}
	if !t.whole() {
		return a.client.Protocol(stream.Header, "the provider's stream ended before its answer did", nil)
	}
	usage := t.tellUsage()
	call.More = usage != nil
	if end := t.ends(); end != nil {
		if err := send(end); err != nil {
			return err
		}
	}
	call.More = false
	if usage != nil {
		chunk := t.newChunk()
		chunk.Usage = usage
		return send(chunk)
	}
	return nil
}

// tellEvents tells event by event until the stream ends properly.
func (a *api) tellEvents(stream *upstream.Stream, call *adapters.Call, tell func([]byte) error) error {
	for {
		event, err := stream.Next()
		switch {
		case err == io.EOF: //nolint:errorlint // an EOF inside another error is a broken connection
			return nil
		case errors.Is(err, upstream.ErrIncomplete) && json.Valid(event.Data):
			// All of the last event is there but the blank line behind it.
			return tell(event.Data)
		case errors.Is(err, upstream.ErrIncomplete):
			return a.client.Protocol(stream.Header, "the provider's stream broke off inside an event", err)
		case err != nil:
			return err
		}
		if len(bytes.TrimSpace(event.Data)) == 0 {
			continue
		}
		call.More = stream.Ready()
		if err := tell(event.Data); err != nil {
			return err
		}
	}
}

// tellList tells a stream that came in one piece, as an array, which is Google's form
// without alt=sse.
func (a *api) tellList(stream *upstream.Stream, tell func([]byte) error) error {
	answer, err := stream.Answer()
	if err != nil {
		return err
	}
	pieces := []json.RawMessage{answer.Body}
	if body := bytes.TrimSpace(answer.Body); len(body) > 0 && body[0] == '[' {
		pieces = nil
		if err := json.Unmarshal(body, &pieces); err != nil {
			return a.client.Undecodable(answer, err)
		}
	}
	for _, piece := range pieces {
		if !isObject(bytes.TrimSpace(piece)) {
			return a.client.Undecodable(answer, nil)
		}
		if err := tell(piece); err != nil {
			return err
		}
	}
	return nil
}

// open counts the candidates that have begun and not ended, or have yet to begin.
func (t *teller) open() int64 {
	if t.blocked {
		return 0
	}
	return max(t.request.expected, int64(len(t.voices))) - t.ended
}

func (t *teller) whole() bool { return t.open() <= 0 }

func (t *teller) newChunk() *sluicev1.ChatCompletionChunk {
	return &sluicev1.ChatCompletionChunk{Id: t.id, Object: "chat.completion.chunk", Created: t.created, Model: t.model}
}

// chunk tells one piece of an answer, but not why it ended: some models say that in each
// piece, and may call a tool in a later one. See [teller.ends]. It returns nil when the
// piece says nothing else.
func (t *teller) chunk(response *geminipb.GenerateContentResponse) *sluicev1.ChatCompletionChunk {
	t.begin(response)
	c := t.newChunk()
	for _, candidate := range response.GetCandidates() {
		v := t.voice(candidate.GetIndex())
		before := v.calls
		delta := t.listen(v, candidate).delta(before, t.request.legacy)
		v.introduce(delta)
		choice := &sluicev1.ChunkChoice{Index: candidate.GetIndex(), Delta: delta, Logprobs: t.logprobs(candidate.GetLogprobsResult())}
		choice.Rest = t.beside(v, candidate)
		if proto.Size(delta) > 0 || choice.Logprobs != nil || len(choice.GetRest()) > 0 {
			c.Choices = append(c.Choices, choice)
		}
	}
	if feedback := response.GetPromptFeedback(); feedback != nil {
		c.Rest = wirejson.Set(c.Rest, "promptFeedback", wirejson.Marshal(feedback))
		t.ledger.Passed("promptFeedback")
		if len(t.voices) == 0 && feedback.BlockReason != nil {
			reason, rest := t.refused(feedback)
			delta := &sluicev1.Delta{Refusal: feedback.BlockReasonMessage}
			t.voice(0).introduce(delta)
			c.Choices = []*sluicev1.ChunkChoice{{Delta: delta, FinishReason: &reason, Rest: rest}}
		}
	}
	c.Rest = t.leftover(c.Rest, response)
	if len(c.GetChoices()) == 0 && len(c.GetRest()) == 0 {
		return nil
	}
	return c
}

// ends tells why the candidates of a stream ended, when all of them have. Nil: there are none.
func (t *teller) ends() *sluicev1.ChatCompletionChunk {
	c := t.newChunk()
	for _, index := range slices.Sorted(maps.Keys(t.voices)) {
		v := t.voices[index]
		if v.ended == "" {
			continue // the prompt was blocked, and that was told
		}
		choice := &sluicev1.ChunkChoice{Index: index, Delta: &sluicev1.Delta{}}
		choice.FinishReason, choice.Rest = t.ending(v, nil)
		c.Choices = append(c.Choices, choice)
	}
	if len(c.GetChoices()) == 0 {
		return nil
	}
	return c
}

// introduce says the role in the first delta.
func (v *voice) introduce(d *sluicev1.Delta) {
	if !v.begun {
		v.begun = true
		role := "assistant"
		d.Role = &role
	}
}
