package harness

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// Door is one way into the server, as a client uses it.
type Door struct {
	// Name tells doors apart in tests.
	Name string
	// Receipt is what the receipts of this door call it.
	Receipt string

	chat   func(context.Context, Call) Answer
	stream func(context.Context, Call, func(*sluicev1.ChatCompletionChunk)) Answer
	embed  func(context.Context, Call) Answer
	list   func(context.Context, Call) Answer
	get    func(context.Context, Call) Answer
}

// Call is what a caller sends.
type Call struct {
	// JSON is the request by OpenAI's API, without "stream". Doors of protobuf send
	// the message that it decodes to.
	JSON []byte
	// Model is what GetModel asks for.
	Model string
	// Header holds more headers to send.
	Header http.Header
}

// Answer is what a caller gets.
type Answer struct {
	// Message is the answer of a unary call: nil when it failed.
	Message proto.Message
	// Chunks are those of a stream, also of one that failed later.
	Chunks []*sluicev1.ChatCompletionChunk
	// Header holds headers and trailers with canonical names.
	Header http.Header
	// Failure is nil when the call succeeded.
	Failure *Failure
	// Body is that of the REST door, as it came.
	Body []byte
	// Err is a failure of the test's own kind: an answer that no client understands.
	Err error
}

// Failure is a failed call in the words that every door has for it.
type Failure struct {
	// Reason is the published one, in lower case. Empty for an error event within a
	// stream of the REST door, which has no place for it.
	Reason string
	// Status is that of the REST door.
	Status int
	// Code is that of gRPC; doors of plain HTTP have none.
	Code codes.Code
	// Error is OpenAI's error object.
	Error *sluicev1.Error
	// Provider and RequestID are known to doors that carry a detail.
	Provider, RequestID string
	// Attempts are those that a detail lists; the others tell in a header.
	Attempts []Tried
}

// Tried is an attempt as a caller hears of it.
type Tried struct {
	Provider, Model string
	// Reason is the published one, in lower case.
	Reason string
	// Status is the provider's, 0 when it gave none.
	Status int
}

// Chat asks for a completion.
func (d Door) Chat(ctx context.Context, c Call) Answer { return d.chat(ctx, c) }

// StreamChat asks for a stream; each gets every chunk when it comes, nil for nobody.
func (d Door) StreamChat(ctx context.Context, c Call, each func(*sluicev1.ChatCompletionChunk)) Answer {
	if each == nil {
		each = func(*sluicev1.ChatCompletionChunk) {}
	}
	return d.stream(ctx, c, each)
}

// Embed asks for embeddings.
func (d Door) Embed(ctx context.Context, c Call) Answer { return d.embed(ctx, c) }

// ListModels asks for the models.
func (d Door) ListModels(ctx context.Context, c Call) Answer { return d.list(ctx, c) }

// GetModel asks for one model.
func (d Door) GetModel(ctx context.Context, c Call) Answer { return d.get(ctx, c) }

// IsREST tells whether the door is OpenAI's own wire.
func (d Door) IsREST() bool { return d.Receipt == "rest" }

// Doors returns every way into the server. Connections end with the test.
func (s *Server) Doors(t testing.TB) []Door {
	t.Helper()
	return []Door{
		s.rest(),
		s.grpc(t, "grpc", s.GRPC, "grpc"),
		s.grpc(t, "grpc on the HTTP port", s.HTTP, "grpc"),
		s.connect("connect", "connect"),
		s.connect("connect JSON", "connect", withProtoJSON),
		s.connect("grpc-web", "grpc_web", withGRPCWeb),
	}
}

// REST returns OpenAI's door alone.
func (s *Server) REST() Door { return s.rest() }

// decode reads a request as the doors of protobuf send it.
func decode[M wirejson.Message](data []byte, m M) (M, error) {
	if len(data) == 0 {
		return m, nil
	}
	return m, wirejson.Unmarshal(append([]byte(nil), data...), m, wirejson.Options{})
}

// detailed makes a failure of what travels with a gRPC or Connect error.
func detailed(code codes.Code, message string, details []proto.Message) (*Failure, error) {
	for _, d := range details {
		if detail, ok := d.(*sluicev1.ErrorDetail); ok {
			var tried []Tried
			for _, a := range detail.GetAttempts() {
				tried = append(tried, Tried{a.GetProvider(), a.GetModel(), reasonName(a.GetReason()), int(a.GetHttpStatus())})
			}
			return &Failure{
				Reason:    reasonName(detail.GetReason()),
				Status:    int(detail.GetHttpStatus()),
				Code:      code,
				Error:     detail.GetError(),
				Provider:  detail.GetProvider(),
				RequestID: detail.GetRequestId(),
				Attempts:  tried,
			}, nil
		}
	}
	return &Failure{Code: code, Error: &sluicev1.Error{Message: message}}, errNoDetail
}

// errNoDetail says that an error carried no sluice.v1.ErrorDetail.
var errNoDetail = errors.New("the error carries no sluice.v1.ErrorDetail")

// ErrNoDetail tells whether an answer's failure came without a sluice.v1.ErrorDetail.
func (a Answer) ErrNoDetail() bool { return errors.Is(a.Err, errNoDetail) }

func reasonName(r sluicev1.ErrorReason) string {
	return strings.ToLower(strings.TrimPrefix(r.String(), "ERROR_REASON_"))
}
