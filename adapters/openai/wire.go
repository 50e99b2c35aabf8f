package openai

import (
	"bytes"
	"sync"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// lenient: an answer that is a little off is worth more to a caller than an error.
var lenient = wirejson.Options{Lenient: true}

// maxScratchBytes bounds the buffers that are kept for encoding.
const maxScratchBytes = 1 << 20

var scratch = sync.Pool{New: func() any { return new([]byte) }}

// encode returns a message as JSON in memory of exactly its size: it cannot go back
// to a pool, because the transport may read a body after its call returned.
func encode(m wirejson.Message) []byte {
	buffer := scratch.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	b := wirejson.Append((*buffer)[:0], m)
	body := bytes.Clone(b)
	if cap(b) <= maxScratchBytes {
		*buffer = b
	}
	scratch.Put(buffer)
	return body
}

// encodeChat encodes a request for an answer in one piece.
func encodeChat(model string, req *sluicev1.ChatCompletionRequest) []byte {
	rest := req.GetRest()
	// false and null are the caller's words and pass. True would bring an answer that
	// this call cannot read.
	if value, ok := wirejson.Get(rest, "stream"); ok && string(value) == "true" {
		_, rest, _ = wirejson.Take(rest, "stream")
	} else if model == "" || model == req.GetModel() {
		return encode(req)
	}
	out := shareChat(req)
	out.Model, out.Rest = chooseModel(model, req.GetModel(), rest)
	return encode(out)
}

// encodeStream encodes a request for a stream. usageAsked says whether the caller
// asked for the usage; the gateway always does, because it has to account for it, unless
// the provider is one that cannot be asked.
func encodeStream(model string, req *sluicev1.ChatCompletionRequest, ask bool) (body []byte, usageAsked bool) {
	out := shareChat(req)
	var rest []byte
	out.Model, rest = chooseModel(model, req.GetModel(), req.GetRest())
	_, rest, _ = wirejson.Take(rest, "stream")
	rest = wirejson.Set(rest, "stream", []byte("true"))
	if usageAsked = req.GetStreamOptions().GetIncludeUsage(); !usageAsked && ask {
		_, rest, _ = wirejson.Take(rest, "stream_options")
		out.StreamOptions = withUsage(req.GetStreamOptions())
	}
	out.Rest = rest
	return encode(out), usageAsked
}

func withUsage(o *sluicev1.StreamOptions) *sluicev1.StreamOptions {
	include := true
	_, rest, _ := wirejson.Take(o.GetRest(), "include_usage")
	out := &sluicev1.StreamOptions{IncludeUsage: &include, Rest: rest}
	if o != nil {
		out.IncludeObfuscation = o.IncludeObfuscation
	}
	return out
}

func encodeEmbeddings(model string, req *sluicev1.CreateEmbeddingsRequest) []byte {
	if model == "" || model == req.GetModel() {
		return encode(req)
	}
	out := shareEmbeddings(req)
	out.Model, out.Rest = chooseModel(model, req.GetModel(), req.GetRest())
	return encode(out)
}

// shareEmbeddings is what shareChat is for chat.
func shareEmbeddings(req *sluicev1.CreateEmbeddingsRequest) *sluicev1.CreateEmbeddingsRequest {
	return &sluicev1.CreateEmbeddingsRequest{
		Model:          req.Model,
		Input:          req.GetInput(),
		EncodingFormat: req.EncodingFormat,
		Dimensions:     req.Dimensions,
		User:           req.User,
		Rest:           req.Rest,
	}
}

// chooseModel puts the target's model in the place of the request's own, also where
// that was absent or null.
func chooseModel(target, own string, rest []byte) (model string, remaining []byte) {
	if target == "" {
		return own, rest
	}
	_, rest, _ = wirejson.Take(rest, "model")
	return target, rest
}

// shareChat returns a request with the same values. A request is shared between
// attempts and must not change; a struct of protobuf cannot be copied; a deep copy
// costs as much as the request is long.
func shareChat(req *sluicev1.ChatCompletionRequest) *sluicev1.ChatCompletionRequest {
	return &sluicev1.ChatCompletionRequest{
		Model:                req.Model,
		Messages:             req.Messages,
		FrequencyPenalty:     req.FrequencyPenalty,
		PresencePenalty:      req.PresencePenalty,
		Temperature:          req.Temperature,
		TopP:                 req.TopP,
		LogitBias:            req.LogitBias,
		Logprobs:             req.Logprobs,
		TopLogprobs:          req.TopLogprobs,
		MaxCompletionTokens:  req.MaxCompletionTokens,
		MaxTokens:            req.MaxTokens,
		N:                    req.N,
		Seed:                 req.Seed,
		Stop:                 req.Stop,
		Store:                req.Store,
		Metadata:             req.Metadata,
		Modalities:           req.Modalities,
		Audio:                req.Audio,
		Moderation:           req.Moderation,
		Prediction:           req.Prediction,
		PromptCacheKey:       req.PromptCacheKey,
		PromptCacheRetention: req.PromptCacheRetention,
		PromptCacheOptions:   req.PromptCacheOptions,
		ReasoningEffort:      req.ReasoningEffort,
		ResponseFormat:       req.ResponseFormat,
		SafetyIdentifier:     req.SafetyIdentifier,
		ServiceTier:          req.ServiceTier,
		StreamOptions:        req.StreamOptions,
		Tools:                req.Tools,
		ToolChoice:           req.ToolChoice,
		ParallelToolCalls:    req.ParallelToolCalls,
		User:                 req.User,
		Verbosity:            req.Verbosity,
		WebSearchOptions:     req.WebSearchOptions,
		FunctionCall:         req.FunctionCall,
		Functions:            req.Functions,
		Rest:                 req.Rest,
	}
}

var nullUsage = []byte(`{"usage":null}`)

// dropNullUsage removes the "usage": null that OpenAI puts into every chunk but the
// last when usage was asked for: the caller did not ask.
func dropNullUsage(chunk *sluicev1.ChatCompletionChunk) {
	switch {
	case len(chunk.Rest) == 0:
	case bytes.Equal(chunk.Rest, nullUsage):
		chunk.Rest = nil
	default:
		if value, ok := wirejson.Get(chunk.Rest, "usage"); ok && string(value) == "null" {
			_, chunk.Rest, _ = wirejson.Take(chunk.Rest, "usage")
		}
	}
}

// isDone tells whether an event is the terminal one.
func isDone(data []byte) bool { return string(bytes.TrimSpace(data)) == "[DONE]" }

func isBlank(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }

// maxTrackedChoices is above the largest n that OpenAI takes, 128.
const maxTrackedChoices = 1024

// progress knows which choices of a stream began and ended.
//
// Several servers that took the dialect over leave "[DONE]" out. Their streams are
// told from broken ones by the finish reasons: all choices that were asked for have
// one, so no word of the answer is missing.
type progress struct {
	expected int
	ended    int
	open     int
	state    []choiceState
}

type choiceState uint8

const (
	choiceUnseen choiceState = iota
	choiceOpen
	choiceEnded
)

func newProgress(n int64) progress { return progress{expected: int(min(max(n, 1), maxTrackedChoices))} }

func (p *progress) add(chunk *sluicev1.ChatCompletionChunk) {
	for _, choice := range chunk.GetChoices() {
		i := choice.GetIndex()
		if i < 0 || i >= maxTrackedChoices {
			continue
		}
		for int64(len(p.state)) <= i {
			p.state = append(p.state, choiceUnseen)
		}
		if p.state[i] == choiceUnseen {
			p.state[i] = choiceOpen
			p.open++
		}
		if choice.FinishReason != nil && p.state[i] == choiceOpen {
			p.state[i] = choiceEnded
			p.open--
			p.ended++
		}
	}
}

func (p *progress) complete() bool { return p.open == 0 && p.ended >= p.expected }
