package badinput

import (
	"math"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

const (
	chatMethod   = "/sluice.v1.ChatService/CreateChatCompletion"
	streamMethod = "/sluice.v1.ChatService/StreamChatCompletion"
)

// rpcCase is a message that is none, or must not pass.
type rpcCase struct {
	name    string
	method  string // chatMethod
	message []byte
	code    codes.Code
	reason  sluicev1.ErrorReason
	status  int32
	param   string
	says    string
}

func marshal(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

func userMessage(text string) *sluicev1.ChatMessage {
	return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_User{User: &sluicev1.UserMessage{Content: &sluicev1.UserMessage_Text{Text: text}}}}
}

func request(change func(*sluicev1.ChatCompletionRequest)) []byte {
	r := &sluicev1.ChatCompletionRequest{Model: "m", Messages: []*sluicev1.ChatMessage{userMessage("Hi")}}
	change(r)
	return marshal(r)
}

func rpcCases() []rpcCase {
	const (
		invalid  = sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST
		tooLarge = sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE
		unknown  = sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND
		nowhere  = sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND
	)
	tool := func(parameters string) []byte {
		return request(func(r *sluicev1.ChatCompletionRequest) {
			r.Tools = []*sluicev1.Tool{{Tool: &sluicev1.Tool_Function{Function: &sluicev1.FunctionTool{Function: &sluicev1.FunctionDefinition{Name: "f", Parameters: []byte(parameters)}}}}}
		})
	}
	rest := func(rest string) []byte {
		return request(func(r *sluicev1.ChatCompletionRequest) { r.Rest = []byte(rest) })
	}
	return []rpcCase{
		{name: "bytes that are no message", message: []byte("\xff\xff\xff\xff{not protobuf}"), code: codes.InvalidArgument, reason: invalid, status: 400, says: "protobuf"},
		{name: "a message that breaks off", message: request(func(*sluicev1.ChatCompletionRequest) {})[:5], code: codes.InvalidArgument, reason: invalid, status: 400, says: "protobuf"},
		{name: "a string that is no UTF-8", message: []byte("\x0a\x01\xff"), code: codes.InvalidArgument, reason: invalid, status: 400, says: "protobuf"},
		{name: "an empty message", message: nil, code: codes.InvalidArgument, reason: invalid, status: 400, param: "messages"},
		{name: "no model", message: marshal(&sluicev1.ChatCompletionRequest{Messages: []*sluicev1.ChatMessage{userMessage("x")}}), code: codes.InvalidArgument, reason: invalid, status: 400, param: "model"},
		{name: "no messages", message: marshal(&sluicev1.ChatCompletionRequest{Model: "m"}), code: codes.InvalidArgument, reason: invalid, status: 400, param: "messages"},
		{name: "an unknown model", message: request(func(r *sluicev1.ChatCompletionRequest) { r.Model = "nobody's" }), code: codes.NotFound, reason: unknown, status: 404, param: "model", says: "nobody's"},
		{name: "too large", message: request(func(r *sluicev1.ChatCompletionRequest) { r.Model = strings.Repeat("x", maxRequestBytes) }), code: codes.ResourceExhausted, reason: tooLarge, status: 413, says: "65536"},
		{name: "a schema that is no JSON", message: tool(`{"type": oops}`), code: codes.InvalidArgument, reason: invalid, status: 400, param: "tools[0].function.parameters"},
		{name: "a schema with a tail", message: tool(`{}, "strict": true`), code: codes.InvalidArgument, reason: invalid, status: 400, param: "tools[0].function.parameters"},
		{name: "a schema that is no UTF-8", message: tool("{\"a\":\"\xff\"}"), code: codes.InvalidArgument, reason: invalid, status: 400, param: "tools[0].function.parameters"},
		{name: "a schema that is too deep", message: tool(nested(`[`, "", `]`, 20_000)), code: codes.InvalidArgument, reason: invalid, status: 400, says: "deep"},
		{name: "a rest that is no object", message: rest(`[1]`), code: codes.InvalidArgument, reason: invalid, status: 400},
		{name: "a rest that is no JSON", message: rest(`{"a":`), code: codes.InvalidArgument, reason: invalid, status: 400},
		{name: "a rest with a tail", message: rest(`{"a":1},"model":"other"`), code: codes.InvalidArgument, reason: invalid, status: 400},
		{name: "a rest that says the model again", message: rest(`{"model":"other"}`), code: codes.InvalidArgument, reason: invalid, status: 400},
		{name: "a rest that says it with an escape", message: rest(`{"m\u006fdel":"other"}`), code: codes.InvalidArgument, reason: invalid, status: 400},
		{name: "a rest that is too deep", message: rest(`{"a":` + nested(`{"b":`, "1", `}`, 10_000) + `}`), code: codes.InvalidArgument, reason: invalid, status: 400, says: "deep"},
		{name: "a temperature that is no number", message: request(func(r *sluicev1.ChatCompletionRequest) { r.Temperature = new(math.NaN()) }), code: codes.InvalidArgument, reason: invalid, status: 400, param: "temperature"},
		{name: "an infinite bias", message: request(func(r *sluicev1.ChatCompletionRequest) { r.LogitBias = map[string]float64{"1": math.Inf(1)} }), code: codes.InvalidArgument, reason: invalid, status: 400},
		{name: "an unknown message that is a known one", message: request(func(r *sluicev1.ChatCompletionRequest) {
			r.Messages = append(r.Messages, &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_Other{Other: []byte(`{"role":"system","content":"x"}`)}})
		}), code: codes.InvalidArgument, reason: invalid, status: 400, param: "messages[1]"},
		{name: "bytes for a stream", method: streamMethod, message: []byte("\xff\xff"), code: codes.InvalidArgument, reason: invalid, status: 400, says: "protobuf"},
		{name: "a stream without messages", method: streamMethod, message: marshal(&sluicev1.ChatCompletionRequest{Model: "m"}), code: codes.InvalidArgument, reason: invalid, status: 400, param: "messages"},
		{name: "a stream that is too large", method: streamMethod, message: request(func(r *sluicev1.ChatCompletionRequest) { r.Model = strings.Repeat("x", maxRequestBytes) }), code: codes.ResourceExhausted, reason: tooLarge, status: 413, says: "65536"},
		{name: "an unknown method", method: "/sluice.v1.ChatService/Nothing", message: nil, code: codes.Unimplemented, reason: nowhere, status: 404, says: "Nothing"},
		{name: "an unknown service", method: "/sluice.v9.Nothing/Chat", message: nil, code: codes.Unimplemented, reason: nowhere, status: 404},
	}
}

// bytesCodec sends bytes as they are.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

var _ encoding.CodecV2 = bytesCodec{}

func TestGRPC_refuses_bad_input_with_details_and_stays_healthy(t *testing.T) {
	g := open(t)
	doors := g.Doors(t)
	for _, port := range []struct {
		name, address string
		door          int
	}{{"grpc port", g.GRPC, 1}, {"HTTP port", g.HTTP, 2}} {
		conn, err := grpc.NewClient(port.address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		for _, c := range rpcCases() {
			t.Run(port.name+"/"+c.name, func(t *testing.T) {
				method := c.method
				if method == "" {
					method = chatMethod
				}
				var answer []byte
				err := conn.Invoke(t.Context(), method, &c.message, &answer, grpc.ForceCodecV2(bytesCodec{}))
				receipt := g.Receipt(t)
				st := status.Convert(err)
				var detail *sluicev1.ErrorDetail
				for _, d := range st.Details() {
					if is, ok := d.(*sluicev1.ErrorDetail); ok {
						detail = is
					}
				}
				if st.Code() != c.code {
					t.Fatalf("%v, want %s", err, c.code)
				}
				if receipt.Status != int(c.status) {
					t.Errorf("receipt %+v, want status %d", receipt, c.status)
				}
				if detail == nil {
					t.Errorf("no detail: %v", err)
				} else {
					checkDetail(t, c, detail, st.Message())
				}
				g.healthy(t, doors[port.door])
			})
		}
	}
	g.untouched(t)
}

func checkDetail(t *testing.T, c rpcCase, detail *sluicev1.ErrorDetail, message string) {
	t.Helper()
	e := detail.GetError()
	if detail.GetReason() != c.reason || detail.GetHttpStatus() != c.status || detail.GetRequestId() == "" || e.GetMessage() != message || e.GetType() != "invalid_request_error" {
		t.Errorf("%v, want %s, %d", detail, c.reason, c.status)
	}
	if !strings.HasPrefix(e.GetParam(), c.param) { // within raw JSON the path goes on
		t.Errorf("param %q, want %q", e.GetParam(), c.param)
	}
	if !strings.Contains(message, c.says) {
		t.Errorf("%q lacks %q", message, c.says)
	}
}
