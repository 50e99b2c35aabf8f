package bedrock

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/schemas"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/document"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/restjson1"
)

// Input reads the body of a request into the SDK's type. What the type does not know is left
// out of it.
func Input(body []byte, model string) (*bedrockruntime.ConverseInput, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(body, &top); err != nil {
		return nil, err
	}
	in := &bedrockruntime.ConverseInput{ModelId: &model}
	// The SDK only writes the whole of a Converse request. What it also reads are these parts
	// of it, which it shares with CountTokens, and the others by themselves.
	shared := new(types.ConverseTokensRequest)
	if err := read(body, shared); err != nil {
		return nil, err
	}
	in.Messages, in.System, in.ToolConfig = shared.Messages, shared.System, shared.ToolConfig
	in.AdditionalModelRequestFields = shared.AdditionalModelRequestFields
	for name, into := range map[string]func() smithy.Deserializable{
		"inferenceConfig": func() smithy.Deserializable {
			in.InferenceConfig = new(types.InferenceConfiguration)
			return in.InferenceConfig
		},
		"outputConfig": func() smithy.Deserializable { in.OutputConfig = new(types.OutputConfig); return in.OutputConfig },
		"guardrailConfig": func() smithy.Deserializable {
			in.GuardrailConfig = new(types.GuardrailConfiguration)
			return in.GuardrailConfig
		},
		"performanceConfig": func() smithy.Deserializable {
			in.PerformanceConfig = new(types.PerformanceConfiguration)
			return in.PerformanceConfig
		},
		"serviceTier": func() smithy.Deserializable { in.ServiceTier = new(types.ServiceTier); return in.ServiceTier },
	} {
		if raw, there := top[name]; there {
			if err := read(raw, into()); err != nil {
				return nil, err
			}
		}
	}
	if raw, there := top["promptVariables"]; there {
		var variables map[string]struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal(raw, &variables); err != nil {
			return nil, err
		}
		in.PromptVariables = map[string]types.PromptVariableValues{}
		for name, value := range variables {
			in.PromptVariables[name] = &types.PromptVariableValuesMemberText{Value: value.Text}
		}
	}
	if raw, there := top["requestMetadata"]; there {
		if err := json.Unmarshal(raw, &in.RequestMetadata); err != nil {
			return nil, err
		}
	}
	if raw, there := top["additionalModelResponseFieldPaths"]; there {
		if err := json.Unmarshal(raw, &in.AdditionalModelResponseFieldPaths); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// Body writes a request as the SDK does.
func Body(in *bedrockruntime.ConverseInput) ([]byte, error) {
	request, ok := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	if !ok {
		return nil, smithyError("no HTTP request")
	}
	err := restjson1.New(nil).SerializeRequest(context.Background(), operation, in, request)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(request.GetStream())
}

type smithyError string

func (e smithyError) Error() string { return string(e) }

var operation = smithy.NewOperationSchema(schemas.Converse, schemas.ConverseRequest, schemas.ConverseResponse)

// read decodes by the SDK's protocol, which reads answers.
func read(body []byte, into smithy.Deserializable) error {
	answer := &smithyhttp.Response{Response: &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}}
	return restjson1.New(nil).DeserializeResponse(context.Background(), operation, bedrockruntime.TypeRegistry, answer, into)
}

// Document returns the JSON of an open document.
func Document(d interface{ UnmarshalSmithyDocument(into any) error }) json.RawMessage {
	if d == nil {
		return nil
	}
	var v any
	if err := d.UnmarshalSmithyDocument(&v); err != nil {
		return json.RawMessage("null")
	}
	return encode(numbers(v))
}

// numbers gives numbers, which the SDK keeps as texts, their form in JSON.
func numbers(v any) any {
	switch v := v.(type) {
	case document.Number:
		return json.Number(v)
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = numbers(v[name])
		}
	}
	return v
}
