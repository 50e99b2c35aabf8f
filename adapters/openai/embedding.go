package openai

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// matchEncoding gives every vector the form that the request asks for. Some servers
// know only one form. Forms beyond float and base64 stay as they came.
func matchEncoding(response *sluicev1.CreateEmbeddingsResponse, req *sluicev1.CreateEmbeddingsRequest) error {
	for i, embedding := range response.GetData() {
		var err error
		switch req.GetEncodingFormat() {
		case "base64":
			toBase64(embedding)
		case "", "float":
			err = toFloats(embedding)
		}
		if err != nil {
			return fmt.Errorf("data[%d].embedding: %w", i, err)
		}
	}
	return nil
}

// toBase64 writes numbers as OpenAI's base64.
func toBase64(e *sluicev1.Embedding) {
	var floats []float64
	switch form := e.GetEmbedding().(type) {
	case *sluicev1.Embedding_Floats:
		floats = form.Floats.GetValues()
	case *sluicev1.Embedding_OtherEmbedding:
		// Numbers of more digits than a double has. What is no array of numbers is a
		// form of its own.
		if json.Unmarshal(form.OtherEmbedding, &floats) != nil || floats == nil {
			return
		}
	default:
		return
	}
	e.Embedding = &sluicev1.Embedding_Base64{Base64: translate.PackVector(floats)}
}

var errNoFloat32 = errors.New("not the base64 of float32 values")

// toFloats is the reverse. Every float32 is a float64 exactly.
func toFloats(e *sluicev1.Embedding) error {
	form, ok := e.GetEmbedding().(*sluicev1.Embedding_Base64)
	if !ok {
		return nil
	}
	packed, err := base64.StdEncoding.DecodeString(form.Base64)
	if err != nil {
		// Without padding is the other form in use.
		packed, err = base64.RawStdEncoding.DecodeString(form.Base64)
	}
	if err != nil || len(packed)%4 != 0 {
		return errNoFloat32
	}
	floats := make([]float64, 0, len(packed)/4)
	for ; len(packed) > 0; packed = packed[4:] {
		f := float64(math.Float32frombits(binary.LittleEndian.Uint32(packed)))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return errNoFloat32
		}
		floats = append(floats, f)
	}
	e.Embedding = &sluicev1.Embedding_Floats{Floats: &sluicev1.FloatList{Values: floats}}
	return nil
}
