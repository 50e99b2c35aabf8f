package bedrock

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// headerInputTokens is where InvokeModel counts what models do not: Cohere's answers hold no
// usage.
//
// Sources: vercel/ai pull request 15973, langchain4j issue 5057; AWS documents no more.
const headerInputTokens = "x-amzn-bedrock-input-token-count" //nolint:gosec // a name, and no token

// kindEmbed is what refusals call the API.
const kindEmbed = "Amazon Bedrock's embedding models"

// Embed implements [adapters.Embedder], for the models of Amazon Titan and of Cohere.
func (a *api) Embed(ctx context.Context, call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	ledger := translate.Request(call)
	model := cmp.Or(call.Model, req.GetModel())
	var inputs []string
	switch input := req.GetInput().(type) {
	case *sluicev1.CreateEmbeddingsRequest_Text:
		inputs = []string{input.Text}
	case *sluicev1.CreateEmbeddingsRequest_Texts:
		inputs = input.Texts.GetValues()
	default:
		// Other forms cannot be handed on: the body has no place that means the same.
		ledger.Unsupported("input", "inputs are texts there")
		return nil, a.unembeddable(ledger, "inputs are texts")
	}
	if req.User != nil {
		ledger.Dropped("user", "Bedrock has no place for it, and the vectors do not depend on it")
	}
	format := req.GetEncodingFormat()
	switch format {
	case "", "float":
	case "base64":
		ledger.Coerced("encoding_format", "", "the vectors become base64 on their way back")
	default:
		if ledger.Unsupported("encoding_format", "vectors are numbers or base64 of them") {
			format = ""
		}
	}
	var out *sluicev1.CreateEmbeddingsResponse
	var err error
	switch {
	case strings.Contains(model, "cohere.embed"):
		out, err = a.embedCohere(ctx, call, ledger, model, inputs, req)
	case strings.Contains(model, "amazon.titan-embed"):
		out, err = a.embedTitan(ctx, call, ledger, model, inputs, req)
	default:
		return nil, a.runtime.Refusal(adapters.KindUnsupported, "of Bedrock's embedding models, those of Amazon Titan (amazon.titan-embed...) and of Cohere (cohere.embed...) are spoken to")
	}
	if err != nil {
		return nil, err
	}
	out.Object, out.Model = "list", model
	if format == "base64" {
		for _, e := range out.GetData() {
			e.Embedding = &sluicev1.Embedding_Base64{Base64: translate.PackVector(e.GetFloats().GetValues())}
		}
	}
	return out, nil
}

func (a *api) unembeddable(ledger *translate.Ledger, otherwise string) error {
	if err := ledger.Refusal(a.name, kindEmbed); err != nil {
		return err
	}
	return a.runtime.Refusal(adapters.KindUnsupported, otherwise)
}

// embeddingRest hands on what the contract does not know, and the caller of such a model
// does: input_type, truncate, normalize.
func embeddingRest(ledger *translate.Ledger, req *sluicev1.CreateEmbeddingsRequest, except ...string) []byte {
	var out []byte
next:
	for name := range wirejson.Names(req.GetRest()) {
		for _, e := range except {
			if e == name {
				continue next
			}
		}
		value, _ := wirejson.Get(req.GetRest(), name)
		if string(value) == "null" && known(req, name) {
			ledger.Dropped(name, "an empty value means the same as none")
			continue
		}
		ledger.Passed(name)
		out = wirejson.Set(out, name, value)
	}
	return out
}

// embedTitan asks once for each input, which is all that Titan takes, and gives up at the
// first that fails.
//
// Source: Amazon Bedrock user guide, "Amazon Titan Embeddings Text".
func (a *api) embedTitan(ctx context.Context, call *adapters.Call, ledger *translate.Ledger, model string, inputs []string, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	ledger.Renamed("input", "inputText")
	if len(inputs) != 1 {
		ledger.Coerced("input", "inputText", "one call for each")
	}
	rest := embeddingRest(ledger, req)
	dimensions := req.Dimensions
	if dimensions != nil && strings.Contains(model, "titan-embed-text-v1") && !ledger.Unsupported("dimensions", "this model has vectors of 1536 numbers alone") {
		dimensions = nil
	}
	if err := ledger.Refusal(a.name, kindEmbed); err != nil {
		return nil, err
	}
	if dimensions != nil && strings.Contains(model, "titan-embed-image") {
		// Source: Amazon Bedrock user guide, "Amazon Titan Multimodal Embeddings G1".
		ledger.Renamed("dimensions", "embeddingConfig.outputEmbeddingLength")
		length := wirejson.AppendInt([]byte(`{"outputEmbeddingLength":`), *dimensions)
		rest, dimensions = wirejson.Set(rest, "embeddingConfig", append(length, '}')), nil
	}
	out := &sluicev1.CreateEmbeddingsResponse{Usage: new(sluicev1.EmbeddingsUsage)}
	notes, key := translate.Response(call), call.Key
	if len(inputs) > 1 {
		key = a.key(call)
	}
	for i, input := range inputs {
		response := new(bedrockpb.TitanEmbedResponse)
		body := &bedrockpb.TitanEmbedRequest{InputText: input, Dimensions: dimensions, Rest: rest}
		if err := a.invokeModel(ctx, call, key, model, body, response); err != nil {
			return nil, err
		}
		if len(response.GetEmbedding()) == 0 {
			return nil, a.runtime.Protocol(call.Reply.Header, "the provider's answer holds no vector", nil)
		}
		e := &sluicev1.Embedding{
			Object: "embedding", Index: int64(i),
			Embedding: &sluicev1.Embedding_Floats{Floats: &sluicev1.FloatList{Values: response.GetEmbedding()}},
		}
		e.Rest = graft(e, response.GetRest())
		notes.Renamed("embedding", "data[].embedding")
		notes.Renamed("inputTextTokenCount", "usage.prompt_tokens")
		if by := response.GetEmbeddingsByType(); len(by) > 0 {
			e.Rest = handOnOtherTypes(notes, e.Rest, by)
		}
		out.Usage.PromptTokens += response.GetInputTextTokenCount()
		out.Data = append(out.Data, e)
	}
	out.Usage.TotalTokens = out.Usage.GetPromptTokens()
	return out, nil
}

// handOnOtherTypes keeps the vectors of other types than numbers, which stand beside.
func handOnOtherTypes(notes *translate.Ledger, rest, byType []byte) []byte {
	const member = "embeddingsByType"
	_, others, _ := wirejson.Take(byType, "float")
	notes.Dropped(member+".float", "it repeats the vector")
	if len(others) == 0 {
		return rest
	}
	notes.Passed(member)
	return wirejson.Set(rest, member, others)
}

// embedCohere asks once for all inputs.
//
// Sources: Amazon Bedrock user guide, "Cohere Embed v3" and "Cohere Embed v4".
func (a *api) embedCohere(ctx context.Context, call *adapters.Call, ledger *translate.Ledger, model string, inputs []string, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	const inputType = "input_type"
	ledger.Renamed("input", "texts")
	body := &bedrockpb.CohereEmbedRequest{Texts: inputs, InputType: "search_document", Rest: embeddingRest(ledger, req, inputType)}
	if value, ok := wirejson.Get(req.GetRest(), inputType); ok {
		body.InputType = text(req.GetRest(), inputType)
		if body.InputType == "" {
			return nil, a.runtime.Refusal(adapters.KindInvalid, fmt.Sprintf("input_type is %.40s: Cohere's are search_document, search_query, classification and clustering", value))
		}
	} else {
		ledger.Approximated("input", inputType, "Cohere wants to know what the vectors are for: search_document, unless input_type says otherwise")
	}
	switch {
	case req.Dimensions == nil:
	case !strings.Contains(model, "-v3"):
		body.OutputDimension = req.Dimensions
		ledger.Renamed("dimensions", "output_dimension")
	case ledger.Unsupported("dimensions", "this model has vectors of one length"):
		body.OutputDimension = req.Dimensions
	}
	if err := ledger.Refusal(a.name, kindEmbed); err != nil {
		return nil, err
	}
	response := new(bedrockpb.CohereEmbedResponse)
	if err := a.invokeModel(ctx, call, call.Key, model, body, response); err != nil {
		return nil, err
	}
	notes := translate.Response(call)
	vectors, others, err := cohereVectors(response.GetEmbeddings())
	if err != nil || len(vectors) != len(inputs) {
		return nil, a.runtime.Protocol(call.Reply.Header, "the vectors of the provider's answer cannot be understood", err)
	}
	notes.Renamed("embeddings", "data[].embedding")
	notes.Dropped("texts", "they repeat the inputs")
	notes.Dropped("response_type", "it says in which form the vectors came")
	out := new(sluicev1.CreateEmbeddingsResponse)
	out.Rest = graft(out, response.GetRest())
	if tokens, err := strconv.ParseInt(call.Reply.Header.Get(headerInputTokens), 10, 64); err == nil && tokens >= 0 {
		out.Usage = &sluicev1.EmbeddingsUsage{PromptTokens: tokens, TotalTokens: tokens}
	}
	if len(others) > 0 {
		out.Rest = wirejson.Set(out.Rest, "embeddings", others)
	}
	if response.Id != nil {
		out.Rest = wirejson.Set(out.Rest, "id", wirejson.AppendString(nil, response.GetId()))
	}
	for i, vector := range vectors {
		out.Data = append(out.Data, &sluicev1.Embedding{
			Object: "embedding", Index: int64(i),
			Embedding: &sluicev1.Embedding_Floats{Floats: &sluicev1.FloatList{Values: vector}},
		})
	}
	return out, nil
}

// cohereVectors reads an array of vectors, or those of an object by types. Others are of the
// types that are no numbers as OpenAI has them.
func cohereVectors(raw []byte) (vectors [][]float64, others []byte, err error) {
	if len(raw) > 0 && raw[0] == '{' {
		var floats []byte
		floats, others, _ = wirejson.Take(raw, "float")
		raw = floats
	}
	if len(raw) == 0 {
		return nil, nil, errors.New("no vectors of floats")
	}
	return vectors, others, json.Unmarshal(raw, &vectors)
}

// invokeModel calls a model in its own words.
func (a *api) invokeModel(ctx context.Context, call *adapters.Call, key adapters.Secret, model string, body, out wirejson.Message) error {
	request, err := a.invoke(call, model, "/invoke", wirejson.Marshal(body))
	if err != nil {
		return err
	}
	request.Key = key
	answer, err := a.runtime.Do(ctx, request)
	if err != nil {
		return err
	}
	call.Reply.Header = answer.Header
	return a.decode(answer, out)
}
