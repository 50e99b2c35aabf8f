package gemini

import (
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// teller tells one answer, whole or in pieces, in the contract's form.
type teller struct {
	ledger  *translate.Ledger
	request *request

	id      string
	model   string
	created int64

	voices  map[int64]*voice
	ended   int64
	blocked bool
	// usage is the last one that came: each piece of a stream counts all so far.
	usage *geminipb.UsageMetadata
}

// voice is what a teller knows of one candidate.
type voice struct {
	begun bool
	// ended is why it ended, in Google's word, as far as it said.
	ended  string
	calls  int
	images int
	// detail is the index of the last reasoning detail, thinking that it is open.
	detail   int
	thinking bool
	// parts are where the parts of the content begin that segments count, and text is all
	// of it; kept only when sources may be cited.
	parts []int
	text  strings.Builder
}

func newTeller(call *adapters.Call, r *request) *teller {
	return &teller{ledger: translate.Response(call), request: r, created: time.Now().Unix(), voices: map[int64]*voice{}}
}

// begin takes what all pieces of an answer share from its first one.
func (t *teller) begin(response *geminipb.GenerateContentResponse) {
	if t.id == "" {
		if t.id = response.GetResponseId(); t.id == "" {
			t.id = "gemini-" + strings.ToLower(rand.Text())
		}
		if at, err := time.Parse(time.RFC3339Nano, response.GetCreateTime()); err == nil {
			t.created = at.Unix()
			t.ledger.Coerced("createTime", "created", "times are seconds")
		}
		t.model = t.request.model
		if response.ModelVersion != nil {
			t.model = response.GetModelVersion()
			t.ledger.Renamed("modelVersion", "model")
		}
		t.ledger.Renamed("responseId", "id")
	}
	if response.GetUsageMetadata() != nil {
		t.usage = response.GetUsageMetadata()
	}
}

func (t *teller) voice(index int64) *voice {
	v := t.voices[index]
	if v == nil {
		v = &voice{detail: -1}
		t.voices[index] = v
	}
	return v
}

// completion tells an answer in one piece. ok is false when there is none.
func (t *teller) completion(response *geminipb.GenerateContentResponse) (c *sluicev1.ChatCompletion, ok bool) {
	t.begin(response)
	c = &sluicev1.ChatCompletion{Id: t.id, Object: "chat.completion", Created: t.created, Model: t.model, Usage: t.tellUsage()}
	for _, candidate := range response.GetCandidates() {
		v := t.voice(candidate.GetIndex())
		s := t.listen(v, candidate)
		choice := &sluicev1.Choice{Index: candidate.GetIndex(), Message: s.message(t.request.legacy), Logprobs: t.logprobs(candidate.GetLogprobsResult())}
		choice.Rest = t.beside(v, candidate)
		choice.FinishReason, choice.Rest = t.ending(v, choice.GetRest())
		c.Choices = append(c.Choices, choice)
	}
	if feedback := response.GetPromptFeedback(); feedback != nil {
		c.Rest = wirejson.Set(c.Rest, "promptFeedback", wirejson.Marshal(feedback))
		t.ledger.Passed("promptFeedback")
		if len(c.GetChoices()) == 0 && feedback.BlockReason != nil {
			reason, rest := t.refused(feedback)
			message := &sluicev1.ResponseMessage{Role: "assistant", Refusal: feedback.BlockReasonMessage}
			c.Choices = []*sluicev1.Choice{{Message: message, FinishReason: &reason, Rest: rest}}
		}
	}
	c.Rest = t.leftover(c.Rest, response)
	return c, len(c.GetChoices()) > 0
}

// leftover hands on what the contract does not know of an answer.
func (t *teller) leftover(rest []byte, response *geminipb.GenerateContentResponse) []byte {
	return t.ledger.HandOn("", rest, response.GetRest())
}

// refused tells that the prompt was blocked.
func (t *teller) refused(feedback *geminipb.PromptFeedback) (reason string, rest []byte) {
	t.ledger.Coerced("promptFeedback.blockReason", "choices[].finish_reason", "a blocked prompt is an answer without content")
	if feedback.BlockReasonMessage != nil {
		t.ledger.Renamed("promptFeedback.blockReasonMessage", "choices[].message.refusal")
	}
	t.blocked = true
	return "content_filter", native(nil, feedback.GetBlockReason())
}

func native(rest []byte, reason string) []byte {
	return wirejson.Set(rest, "native_finish_reason", wirejson.AppendString(nil, reason))
}

// finishReasons are what Google's reasons become. Others, which say that the model failed to
// write an answer, become "stop": none of OpenAI's says so, and clients know no others.
//
// Source: FinishReason of google.golang.org/genai v1.77 and of the Gemini API's
// reference, 2026-11.
var finishReasons = map[string]string{
	"STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length",
	"SAFETY": "content_filter", "RECITATION": "content_filter", "LANGUAGE": "content_filter", "BLOCKLIST": "content_filter",
	"PROHIBITED_CONTENT": "content_filter", "SPII": "content_filter", "MODEL_ARMOR": "content_filter",
	"IMAGE_SAFETY": "content_filter", "IMAGE_PROHIBITED_CONTENT": "content_filter", "IMAGE_RECITATION": "content_filter",
}

// beside tells what the contract has no place for, and takes why the candidate ended.
func (t *teller) beside(v *voice, candidate *geminipb.Candidate) (rest []byte) {
	rest = t.ledger.HandOn("candidates[]", nil, candidate.GetRest())
	if candidate.GetContent() != nil {
		rest = t.ledger.HandOn("candidates[].content", rest, candidate.GetContent().GetRest())
	}
	if len(candidate.GetGroundingMetadata()) > 0 {
		rest = wirejson.Set(rest, "groundingMetadata", candidate.GetGroundingMetadata())
		t.ledger.Passed("candidates[].groundingMetadata")
	}
	if said := candidate.GetFinishReason(); said != "" && said != "FINISH_REASON_UNSPECIFIED" {
		if v.ended == "" {
			t.ended++
		}
		v.ended = said
	}
	return rest
}

// ending tells how a candidate ended, if it did, and adds to what stands beside it.
func (t *teller) ending(v *voice, rest []byte) (reason *string, more []byte) {
	const member, to = "candidates[].finishReason", "choices[].finish_reason"
	if v.ended == "" {
		return nil, rest
	}
	told, known := finishReasons[v.ended]
	switch {
	case !known:
		told = "stop"
		t.ledger.Approximated(member, to, "none of the contract's reasons says it: native_finish_reason beside it does")
	case told == "stop" && v.calls > 0 && t.request.legacy:
		told = "function_call"
	case told == "stop" && v.calls > 0:
		told = "tool_calls"
	}
	if v.ended != "STOP" && v.ended != "MAX_TOKENS" {
		rest = native(rest, v.ended)
	}
	if known {
		t.ledger.Coerced(member, to, "the reasons have other names")
	}
	return &told, rest
}

// spoken is what one piece of an answer says.
type spoken struct {
	text        *string
	thought     *string
	details     [][]byte
	calls       []*toldCall
	images      [][]byte
	audio       *sluicev1.AudioDelta
	annotations []*sluicev1.Annotation
	rest        []byte
}

type toldCall struct {
	id, name, arguments string
	rest, functionRest  []byte
}

// listen reads the parts of a candidate.
func (t *teller) listen(v *voice, candidate *geminipb.Candidate) *spoken {
	s := &spoken{}
	content := candidate.GetContent()
	if content.GetRole() != "" {
		t.ledger.Coerced("candidates[].content.role", "choices[].message.role", "the model is called the assistant")
	}
	if candidate.Index != nil {
		t.ledger.Renamed("candidates[].index", "choices[].index")
	}
	var own [][]byte
	for _, p := range content.GetParts() {
		if t.request.grounded {
			v.parts = append(v.parts, v.text.Len())
		}
		switch {
		case p.GetThought() && p.Text != nil:
			t.thought(v, s, p)
		case p.Text != nil:
			t.ledger.Renamed("candidates[].content.parts[].text", "choices[].message.content")
			join(&s.text, p.GetText())
			if t.request.grounded {
				v.text.WriteString(p.GetText())
			}
			if p.ThoughtSignature != nil {
				t.signature(v, s, p.GetThoughtSignature())
			}
		case p.GetFunctionCall() != nil:
			s.calls = append(s.calls, t.functionCall(v, p))
		case isImage(p.GetInlineData()):
			s.images = append(s.images, t.image(v, p))
		case isAudio(p.GetInlineData()):
			t.audio(s, p.GetInlineData())
		default:
			own = append(own, wirejson.Marshal(p))
			t.ledger.Renamed("candidates[].content.parts[]", "choices[].message.extra_content.google.parts[]")
			continue
		}
		s.rest = t.ledger.HandOn("candidates[].content.parts[]", s.rest, p.GetRest())
	}
	if own != nil {
		s.rest = wirejson.Set(s.rest, "extra_content", append(wirejson.AppendRaws([]byte(`{"google":{"parts":`), own), "}}"...))
	}
	if t.request.grounded && len(candidate.GetGroundingMetadata()) > 0 {
		s.annotations = t.citations(v, candidate.GetGroundingMetadata())
	}
	return s
}

func join(into **string, text string) {
	if *into != nil {
		text = **into + text
	}
	*into = &text
}

// thought tells what the model thinks. Pieces of one thought share an index.
func (t *teller) thought(v *voice, s *spoken, p *geminipb.Part) {
	t.ledger.Coerced("candidates[].content.parts[].thought", "choices[].message.reasoning_content", "thoughts stand beside the content")
	join(&s.thought, p.GetText())
	open := v.thinking && len(s.details) > 0
	if !v.thinking {
		v.detail++
		v.thinking = true
	}
	text := p.GetText()
	if open {
		last := s.details[len(s.details)-1]
		text = stringMember(last, "text") + text
		s.details = s.details[:len(s.details)-1]
	}
	b := wirejson.AppendString([]byte(`{"type":"reasoning.text","text":`), text)
	if p.ThoughtSignature != nil {
		t.ledger.Renamed("candidates[].content.parts[].thoughtSignature", "choices[].message.reasoning_details[].signature")
		b = wirejson.AppendString(append(b, `,"signature":`...), p.GetThoughtSignature())
		v.thinking = false
	}
	s.details = append(s.details, closeDetail(b, v.detail))
}

func closeDetail(b []byte, index int) []byte {
	b = append(b, `,"format":"`+formatGoogle+`","index":`...)
	return append(strconv.AppendInt(b, int64(index), 10), '}')
}

// signature tells the signature of the text.
func (t *teller) signature(v *voice, s *spoken, signature string) {
	t.ledger.Renamed("candidates[].content.parts[].thoughtSignature", "choices[].message.reasoning_details[].data")
	v.detail++
	v.thinking = false
	b := wirejson.AppendString([]byte(`{"type":"reasoning.encrypted","data":`), signature)
	s.details = append(s.details, closeDetail(b, v.detail))
}

// signed is the form in which Google's own server of OpenAI's dialect tells signatures.
func signed(signature string) []byte {
	return append(wirejson.AppendString([]byte(`{"google":{"thought_signature":`), signature), "}}"...)
}

func (t *teller) functionCall(v *voice, p *geminipb.Part) *toldCall {
	call := p.GetFunctionCall()
	t.ledger.Renamed("candidates[].content.parts[].functionCall.name", "choices[].message.tool_calls[].function.name")
	t.ledger.Coerced("candidates[].content.parts[].functionCall.args", "choices[].message.tool_calls[].function.arguments", "arguments are a text")
	told := &toldCall{id: call.GetId(), name: call.GetName(), arguments: "{}"}
	const member = "candidates[].content.parts[].functionCall.id"
	switch {
	case told.id == "":
		told.id = madePrefix + t.id + "_" + strconv.Itoa(v.calls)
	case t.request.legacy && v.calls == 0:
		t.ledger.Dropped(member, "functions are called without one")
	default:
		t.ledger.Renamed(member, "choices[].message.tool_calls[].id")
	}
	if len(call.GetArgs()) > 0 {
		told.arguments = compact(call.GetArgs())
	}
	told.functionRest = t.ledger.HandOn("candidates[].content.parts[].functionCall", nil, call.GetRest())
	if p.ThoughtSignature != nil {
		t.ledger.Renamed("candidates[].content.parts[].thoughtSignature", "choices[].message.tool_calls[].extra_content.google.thought_signature")
		told.rest = wirejson.Set(nil, "extra_content", signed(p.GetThoughtSignature()))
	}
	v.calls++
	return told
}

func isImage(b *geminipb.Blob) bool { return strings.HasPrefix(b.GetMimeType(), "image/") }
func isAudio(b *geminipb.Blob) bool { return strings.HasPrefix(b.GetMimeType(), "audio/") }

// image tells a generated image beside the content, as OpenRouter does.
func (t *teller) image(v *voice, p *geminipb.Part) []byte {
	t.ledger.Coerced("candidates[].content.parts[].inlineData", "choices[].message.images[].image_url.url", "an image is a data URL beside the content")
	blob := p.GetInlineData()
	b := wirejson.AppendString([]byte(`{"type":"image_url","image_url":{"url":`), "data:"+blob.GetMimeType()+";base64,"+blob.GetData())
	b = strconv.AppendInt(append(b, `},"index":`...), int64(v.images), 10)
	v.images++
	if p.ThoughtSignature != nil {
		t.ledger.Renamed("candidates[].content.parts[].thoughtSignature", "choices[].message.images[].extra_content.google.thought_signature")
		b = append(append(b, `,"extra_content":`...), signed(p.GetThoughtSignature())...)
	}
	b = append(b, '}')
	return t.ledger.HandOn("candidates[].content.parts[].inlineData", b, blob.GetRest())
}

// audio tells speech. Its format is the media type that Google names.
func (t *teller) audio(s *spoken, blob *geminipb.Blob) {
	t.ledger.Coerced("candidates[].content.parts[].inlineData", "choices[].message.audio.data", "speech stands beside the content")
	if s.audio == nil {
		id := "audio_" + t.id
		s.audio = &sluicev1.AudioDelta{Id: &id, Rest: wirejson.Set(nil, "mime_type", wirejson.AppendString(nil, blob.GetMimeType()))}
	}
	data := blob.GetData()
	if before := s.audio.GetData(); before != "" {
		// Base64 cannot be joined where it is padded.
		head, errHead := base64.StdEncoding.DecodeString(before)
		tail, errTail := base64.StdEncoding.DecodeString(data)
		if errHead == nil && errTail == nil {
			data = base64.StdEncoding.EncodeToString(append(head, tail...))
		}
	}
	s.audio.Data = &data
	s.audio.Rest = t.ledger.HandOn("candidates[].content.parts[].inlineData", s.audio.Rest, blob.GetRest())
}
