package gemini

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// embedOptions hold for all texts of a request.
type embedOptions struct {
	taskType, title *string
	dimensions      *int64
	// rest holds members that the contract does not know.
	rest []byte
}

// embedCall is one request to the provider and how many vectors it brings.
type embedCall struct {
	path  string
	body  wirejson.Message
	count int
}

// Embed implements [adapters.Embedder]. Some models of Vertex AI take one text at a time:
// for them, the texts go one after the other, and an error of one is that of the call.
func (a *api) Embed(ctx context.Context, call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	model := cmp.Or(call.Model, req.GetModel())
	path, ok := a.site.model(model)
	if !ok {
		return nil, a.client.Refusal(adapters.KindNotFound, "no model can have this name")
	}
	ledger := translate.Request(call)
	dropQuery(ledger, call)
	texts, options := planEmbedding(ledger, req)
	if err := ledger.Refusal(a.name, a.site.kind()); err != nil {
		return nil, err
	}
	if texts == nil {
		return nil, a.client.Refusal(adapters.KindUnsupported, "the input has a form that the provider cannot embed: it takes texts")
	}
	out := &sluicev1.CreateEmbeddingsResponse{Object: "list", Model: model}
	told := translate.Response(call)
	for _, c := range a.site.embed(model, texts, options) {
		if err := a.embedInto(ctx, call, told, path+c.path, c, out, req.GetEncodingFormat()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// planEmbedding returns nil texts for a form that is none.
func planEmbedding(ledger *translate.Ledger, req *sluicev1.CreateEmbeddingsRequest) (texts []string, o embedOptions) {
	switch input := req.GetInput().(type) {
	case *sluicev1.CreateEmbeddingsRequest_Text:
		texts = []string{input.Text}
	case *sluicev1.CreateEmbeddingsRequest_Texts:
		texts = input.Texts.GetValues()
	default:
		ledger.Unsupported("input", "its models read texts, not tokens")
	}
	ledger.Renamed("input", "content")
	if req.Dimensions != nil {
		o.dimensions = req.Dimensions
		ledger.Renamed("dimensions", "outputDimensionality")
	}
	if req.EncodingFormat != nil {
		ledger.Coerced("encoding_format", "embeddings[].values", "vectors are numbers there: the form is made here")
	}
	if req.User != nil {
		ledger.Dropped("user", "end users are not told apart there")
	}
	var more []wirejson.Member
	for name, value := range wirejson.All(req.GetRest()) {
		var text string
		isText := len(value) > 0 && value[0] == '"' && json.Unmarshal(value, &text) == nil
		switch camel := camelCase(name); {
		case string(value) == "null":
			ledger.Dropped(name, "null says the same as leaving it out")
		case camel == "taskType" && isText:
			o.taskType = &text
			ledger.Renamed(name, "taskType")
		case camel == "title" && isText:
			o.title = &text
			ledger.Passed(name)
		case camel == "autoTruncate" || camel == "documentOcr" || camel == "audioTrackExtraction":
			more = append(more, wirejson.Member{Name: camel, Value: value})
			ledger.Renamed(name, camel)
		default:
			more = append(more, wirejson.Member{Name: name, Value: value})
			ledger.Passed(name)
		}
	}
	o.rest = wirejson.SetAll(nil, more)
	return texts, o
}

func (a *api) embedInto(ctx context.Context, call *adapters.Call, told *translate.Ledger, path string, c embedCall, out *sluicev1.CreateEmbeddingsResponse, format string) error {
	answer, err := a.client.Do(ctx, a.upstreamRequest(call, http.MethodPost, path, "", wirejson.Marshal(c.body)))
	if err != nil {
		return withDelay(err)
	}
	response := new(geminipb.EmbeddingResponse)
	if err := a.decode(answer, response, &response.Error); err != nil {
		return err
	}
	vectors := response.GetEmbeddings()
	if response.GetEmbedding() != nil {
		vectors = append(vectors, response.GetEmbedding())
	}
	for _, p := range response.GetPredictions() {
		if p.GetEmbeddings() != nil {
			vectors = append(vectors, p.GetEmbeddings())
		}
	}
	if len(vectors) != c.count {
		return a.client.Protocol(answer.Header, fmt.Sprintf("the provider sent %d vectors for %d texts", len(vectors), c.count), nil)
	}
	told.Coerced("embeddings[].values", "data[].embedding", "a vector stands beside its position")
	tokens, counted := response.GetUsageMetadata().GetPromptTokenCount(), response.GetUsageMetadata() != nil
	for _, v := range vectors {
		if _, there := wirejson.Get(v.GetRest(), "values"); there {
			return a.client.Protocol(answer.Header, "a vector of the provider's answer cannot be understood", nil)
		}
		if s := v.GetStatistics(); s != nil {
			if !counted || s.TokenCount != nil && response.GetUsageMetadata() == nil {
				tokens += s.GetTokenCount()
			}
			counted = true
			told.Coerced("embeddings[].statistics.token_count", "usage.prompt_tokens", "tokens are counted for all texts together")
		}
		e := &sluicev1.Embedding{Object: "embedding", Index: int64(len(out.GetData()))}
		e.Rest = told.HandOn("embeddings[].statistics", nil, v.GetStatistics().GetRest())
		e.Rest = told.HandOn("embeddings[]", e.GetRest(), v.GetRest())
		if format == "base64" {
			e.Embedding = &sluicev1.Embedding_Base64{Base64: translate.PackVector(v.GetValues())}
		} else {
			e.Embedding = &sluicev1.Embedding_Floats{Floats: &sluicev1.FloatList{Values: v.GetValues()}}
		}
		out.Data = append(out.Data, e)
	}
	if counted {
		if out.Usage == nil {
			out.Usage = &sluicev1.EmbeddingsUsage{}
		}
		told.Renamed("usageMetadata.promptTokenCount", "usage.prompt_tokens")
		out.Usage.PromptTokens += tokens
		out.Usage.TotalTokens += tokens
		if u := response.GetUsageMetadata(); u != nil {
			if len(u.GetPromptTokensDetails()) > 0 {
				told.Dropped("usageMetadata.promptTokensDetails[]", "the usage of embeddings has no details")
			}
		}
	}
	out.Rest = told.HandOn("", out.GetRest(), response.GetRest())
	call.Reply.Header = answer.Header
	return nil
}

func textContent(text string) *geminipb.Content {
	return &geminipb.Content{Parts: []*geminipb.Part{{Text: &text}}}
}

// embed asks for all vectors at once.
//
// Source: Gemini API, "Embeddings", batchEmbedContents, 2026-11.
func (developer) embed(model string, texts []string, o embedOptions) []embedCall {
	body := &geminipb.BatchEmbedContentsRequest{}
	name := resourceName(model)
	for _, text := range texts {
		body.Requests = append(body.Requests, &geminipb.EmbedContentRequest{
			Model: &name, Content: textContent(text),
			TaskType: o.taskType, Title: o.title, OutputDimensionality: o.dimensions, Rest: o.rest,
		})
	}
	return []embedCall{{":batchEmbedContents", body, len(texts)}}
}
