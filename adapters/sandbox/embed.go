package sandbox

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// Bounds of OpenAI's API reference, "Create embeddings", and the lengths of its
// vectors.
const (
	defaultDimensions = 1536
	maxDimensions     = 3072
	maxInputs         = 2048
	maxInputTokens    = 8192
)

// Weights of what a vector is made of. Whole numbers, so that every machine gets
// the same sum.
const (
	weightWord   = 1000
	weightSilent = 150 // a word that says nothing
	weightPair   = 400 // two words that stand together
	weightTriple = 250 // three letters of a word
	weightNoise  = 4   // at most; tells texts of equal words apart
)

// Embed turns each input into a vector of length 1 (by the square norm). Texts that
// share words, or parts of words, are closer than texts that do not.
func (s *sandbox) Embed(ctx context.Context, call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, err := s.modelFor(call, req.GetModel())
	if err != nil {
		return nil, err
	}
	d := digestOf(req, m.id)
	if err := s.begin(ctx, m, d); err != nil {
		return nil, err
	}
	if m.voice != voiceVector && m.first == 0 && m.fail == nil {
		return nil, s.wrongModel(m.id, "embed", "embed")
	}
	inputs, err := s.inputsOf(req)
	if err != nil {
		return nil, err
	}
	dimensions := int64(defaultDimensions)
	if req.Dimensions != nil {
		dimensions = req.GetDimensions()
	}
	if dimensions < 1 || dimensions > maxDimensions {
		return nil, s.invalid("dimensions", "invalid_value", "dimensions is %d: 1 to %d are possible", dimensions, maxDimensions)
	}
	format := req.GetEncodingFormat()
	if format != "" && format != "float" && format != "base64" {
		return nil, s.invalid("encoding_format", "invalid_value", "encoding_format is float or base64")
	}
	out := &sluicev1.CreateEmbeddingsResponse{Object: "list", Model: m.id}
	total := int64(0)
	for i, in := range inputs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		total += in.tokens
		e := &sluicev1.Embedding{Object: "embedding", Index: int64(i)}
		if vector := in.vector(int(dimensions)); format == "base64" {
			e.Embedding = &sluicev1.Embedding_Base64{Base64: encodeVector(vector)}
		} else {
			e.Embedding = &sluicev1.Embedding_Floats{Floats: &sluicev1.FloatList{Values: widen(vector)}}
		}
		out.Data = append(out.Data, e)
	}
	out.Usage = &sluicev1.EmbeddingsUsage{PromptTokens: total, TotalTokens: total}
	call.Reply.Header = replyHeader(d, total)
	return out, nil
}

// embedInput is one input: a text, or ids of tokens.
type embedInput struct {
	text   string
	ids    []int64
	tokens int64
}

func (s *sandbox) inputsOf(req *sluicev1.CreateEmbeddingsRequest) ([]embedInput, error) {
	var inputs []embedInput
	switch in := req.GetInput().(type) {
	case *sluicev1.CreateEmbeddingsRequest_Text:
		inputs = append(inputs, embedInput{text: in.Text})
	case *sluicev1.CreateEmbeddingsRequest_Texts:
		for _, text := range in.Texts.GetValues() {
			inputs = append(inputs, embedInput{text: text})
		}
	case *sluicev1.CreateEmbeddingsRequest_Tokens:
		inputs = append(inputs, embedInput{ids: in.Tokens.GetValues()})
	case *sluicev1.CreateEmbeddingsRequest_TokenLists:
		for _, list := range in.TokenLists.GetValues() {
			inputs = append(inputs, embedInput{ids: list.GetValues()})
		}
	case *sluicev1.CreateEmbeddingsRequest_OtherInput:
		return nil, s.invalid("input", "invalid_type", "input is neither a text, nor token ids, nor an array of these")
	}
	if len(inputs) == 0 {
		return nil, s.invalid("input", "invalid_value", "input is empty: at least one text is needed")
	}
	if len(inputs) > maxInputs {
		return nil, s.invalid("input", "array_above_max_length", "input has %d entries: at most %d are allowed", len(inputs), maxInputs)
	}
	for i := range inputs {
		in := &inputs[i]
		if in.tokens = int64(len(in.ids)); in.ids == nil {
			in.tokens = countTokens(in.text)
		}
		where := "input"
		if len(inputs) > 1 {
			where = fmt.Sprintf("input[%d]", i)
		}
		if in.tokens == 0 {
			return nil, s.invalid("input", "invalid_value", "%s is empty", where)
		}
		if in.tokens > maxInputTokens {
			return nil, s.invalid("input", "context_length_exceeded", "%s has %d tokens: at most %d are possible", where, in.tokens, maxInputTokens)
		}
	}
	return inputs, nil
}

// vector sums a signed unit per feature at the feature's place, and scales the sum
// to length 1.
func (in embedInput) vector(dimensions int) []float32 {
	sum := make([]int64, dimensions)
	add := func(feature string, weight int64) {
		h := hash64(uint64(len(feature)), feature)
		if h>>63 == 1 {
			weight = -weight
		}
		sum[h%uint64(dimensions)] += weight
	}
	whole := in.text
	if in.ids != nil {
		whole = in.idFeatures(add)
	} else {
		textFeatures(in.text, add)
	}
	noise := hash64(0, whole)
	squares := float64(0)
	for i := range sum {
		noise = mix64(noise + 1)
		sum[i] += int64(noise%(2*weightNoise+1)) - weightNoise
		squares += float64(sum[i] * sum[i])
	}
	out := make([]float32, dimensions)
	if squares == 0 {
		out[0] = 1
		return out
	}
	length := math.Sqrt(squares)
	for i, n := range sum {
		out[i] = float32(float64(n) / length)
	}
	return out
}

func textFeatures(text string, add func(string, int64)) {
	last := ""
	for _, word := range splitWords(text) {
		if silent[word] {
			add("w "+word, weightSilent)
		} else {
			add("w "+word, weightWord)
			letters := []rune("^" + word + "$")
			for i := 0; i+3 <= len(letters); i++ {
				add("t "+string(letters[i:i+3]), weightTriple)
			}
		}
		if last != "" {
			add("p "+last+" "+word, weightPair)
		}
		last = word
	}
}

// idFeatures adds the ids and their pairs, and returns them as a text.
func (in embedInput) idFeatures(add func(string, int64)) string {
	var whole strings.Builder
	last := ""
	for _, n := range in.ids {
		id := strconv.FormatInt(n, 10)
		add("i "+id, weightWord)
		if last != "" {
			add("j "+last+" "+id, weightPair)
		}
		last = id
		whole.WriteString(id)
		whole.WriteByte(' ')
	}
	return whole.String()
}

// encodeVector is base64 of the little-endian values.
func encodeVector(vector []float32) string {
	b := make([]byte, 0, 4*len(vector))
	for _, f := range vector {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func widen(vector []float32) []float64 {
	out := make([]float64, len(vector))
	for i, f := range vector {
		out[i] = float64(f)
	}
	return out
}
