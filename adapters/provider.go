// Package adapters is the SPI between Sluice and model providers: what a
// provider offers, how it is set up, and how its failures are classified.
//
// It knows nothing of servers, routes or callers. Adapters live in folders of
// their own below it, import this package and never each other; the server uses
// them through [Provider] alone.
package adapters

import (
	"context"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// Provider is one configured provider: a bundle of capabilities. A nil field
// means that the provider does not offer it. A decorator (a breaker, a test's
// recorder) wraps the fields that are set and thereby loses none.
//
// All methods of all capabilities are safe for concurrent use.
type Provider struct {
	// Name is the configured name, as in the "name/model" form.
	Name   string
	Chat   Chatter
	Embed  Embedder
	Models Lister
	Count  Counter
	// Close releases connections. Nil when there is nothing to release. Called
	// once, when no call is running any more.
	Close func() error
}

// Chatter answers conversations.
//
// Errors are [*Error], or the context's error when the caller left. The request is
// shared with other attempts: an adapter must not change it.
type Chatter interface {
	// Chat answers in one piece.
	Chat(ctx context.Context, call *Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error)

	// StreamChat calls send with each chunk, in order, from one goroutine. It fills
	// call.Reply before the first send. A chunk belongs to the receiver once sent.
	//
	// It returns nil only after the provider ended the stream properly; a stream
	// that breaks off is an Error of [KindProtocol], [KindUnavailable] or
	// [KindTimeout]. An error of send is returned as it is and means: stop reading.
	//
	// When the provider can tell the usage of a stream, it is sent in a chunk
	// (the last, without choices, unless the dialect puts it elsewhere), whether the
	// request asked for it or not: hiding it from the caller is the server's affair.
	StreamChat(ctx context.Context, call *Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error
}

// Embedder turns texts into vectors. Errors as [Chatter].
type Embedder interface {
	// Embed answers in the encoding that the request asks for, whichever the
	// provider speaks.
	Embed(ctx context.Context, call *Call, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error)
}

// Lister tells which models a provider serves, under the provider's own ids.
// Errors as [Chatter].
type Lister interface {
	// List returns all models.
	List(ctx context.Context, call *Call) (*sluicev1.ListModelsResponse, error)
	// Get describes the model call.Model. An unknown one is an Error of
	// [KindNotFound].
	Get(ctx context.Context, call *Call) (*sluicev1.Model, error)
}

// Counter tells how long a conversation is for a model, without an answer. Errors as
// [Chatter].
type Counter interface {
	// CountTokens counts the input that Chat with the same request would have.
	CountTokens(ctx context.Context, call *Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error)
}

// Call is what travels beside a request to a provider, and back beside its answer.
// One Call serves one attempt and is used by one goroutine.
type Call struct {
	// Model is the provider's id of the model. It stands in for the request's own
	// model, which may be an alias. Empty: send the request's.
	Model string
	// Header holds request headers that the caller wants to reach the provider,
	// already reduced to [ForwardedRequestHeaders]. Credentials are never among them.
	Header Header
	// TargetHeader holds headers of the target's configuration. They replace those of
	// the same name, the caller's, the provider's and the adapter's own alike.
	TargetHeader Header
	// Timeouts stand in for those of the provider's settings; a zero one does not.
	Timeouts Timeouts
	// Key is the credential to use. Zero: the adapter's choice among its settings'.
	Key Secret
	// KeyName is what receipts call the key that was used. Whoever chooses the key sets
	// it; empty when there is no choice.
	KeyName string
	// Caller tells callers from each other, so that those who wait for the same target
	// can take turns. It is opaque and holds no credential. Empty: nobody in particular.
	Caller string
	// Waited is how long the call stood in queues on this side so far. Who keeps it there
	// adds to it, and who measures the provider leaves it out.
	Waited time.Duration
	// Gone is closed when the caller has left although the call's context goes on, so that
	// its cost becomes known: who has not asked the provider by then need not. Nil: the
	// context says it.
	Gone <-chan struct{}
	// Unsupported says what becomes of members that the provider's dialect cannot express.
	Unsupported Unsupported
	// Query is the raw query string of the caller's URL, without "?". Empty when
	// there was none.
	Query string
	// More tells the receiver of a chunk that another one is at hand already, so that
	// both can travel together. The adapter sets it before each send; false is always
	// right.
	More bool
	// Reply is what the provider answered beside the body. The adapter fills it as
	// soon as it knows it; on errors, [Error.Header] carries it instead.
	Reply Reply
}

// Reply is the part of a provider's answer that is not a message.
type Reply struct {
	// Header holds the provider's response headers, reduced to what may reach the
	// caller (see [ReturnedResponseHeader]).
	Header Header
	// Notes say what became of members on their way through the provider's dialect, the
	// request's first. Those of the request are complete when Header is, those of a
	// stream's answer when it has ended. What they point to does not change. Nil: all went
	// through as it was.
	Notes []*sluicev1.TranslationNote
}
