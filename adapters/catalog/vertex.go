package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/anthropic"
	"github.com/sluice-ai/sluice/adapters/gemini"
	"github.com/sluice-ai/sluice/adapters/identity"
)

const (
	claudePrefix    = "claude"
	anthropicPrefix = "anthropic/"

	// projectWait bounds the question to the machine's metadata server, which answers in
	// milliseconds where there is one.
	projectWait = 2 * time.Second
)

// openVertex puts the two dialects of Vertex AI together: a model whose id begins with
// claude or anthropic/ speaks Anthropic's, all others Google's. Embeddings and the list of
// models are Google's.
func openVertex(s adapters.Settings) (adapters.Provider, error) {
	who, err := identity.Google(s.Google)
	if err != nil {
		return adapters.Provider{}, fmt.Errorf("provider %q: google: %w", s.Name, err)
	}
	if s.Google.Project == "" && len(s.APIKeys) == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), projectWait)
		defer cancel()
		// Why there is none, the adapter says, with what to write.
		s.Google.Project, _ = who.Project(ctx)
	}
	google, err := gemini.NewVertex(s, who.Sign)
	if err != nil {
		return adapters.Provider{}, err
	}
	if s.Google.Project == "" {
		// A key alone opens Google's models only.
		google.Chat = vertexChat{name: s.Name, google: google.Chat}
		google.Count = vertexCount{name: s.Name, google: google.Count}
		return google, nil
	}
	claude, err := anthropic.NewVertex(s, who.Sign)
	if err != nil {
		return adapters.Provider{}, errors.Join(err, google.Close())
	}
	return adapters.Provider{
		Name:   s.Name,
		Chat:   vertexChat{s.Name, google.Chat, claude.Chat},
		Embed:  google.Embed,
		Models: google.Models,
		Count:  vertexCount{s.Name, google.Count, claude.Count},
		Close:  func() error { return errors.Join(google.Close(), claude.Close()) },
	}, nil
}

// isClaude tells whose dialect a model speaks, and its id there.
func isClaude(target, own string) (id string, claude bool) {
	id, publisher := strings.CutPrefix(cmp.Or(target, own), anthropicPrefix)
	return id, publisher || strings.HasPrefix(id, claudePrefix)
}

// choose returns who speaks a model's dialect: nil when that needs a project. The call has
// the model's id there until done is called.
func choose[T any](call *adapters.Call, own string, google, claude T) (chosen T, done func()) {
	target := call.Model
	id, isClaude := isClaude(target, own)
	if !isClaude {
		return google, func() {}
	}
	call.Model = id
	return claude, func() { call.Model = target }
}

func noProject(name string) error {
	return &adapters.Error{
		Kind: adapters.KindNotFound, Provider: name, Unsent: true,
		Message: "Anthropic's models at Vertex AI need google.project, which the provider's configuration does not say",
	}
}

// vertexChat is a [adapters.Chatter] of both dialects.
type vertexChat struct {
	name           string
	google, claude adapters.Chatter
}

func (v vertexChat) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	chatter, done := choose(call, req.GetModel(), v.google, v.claude)
	defer done()
	if chatter == nil {
		return nil, noProject(v.name)
	}
	return chatter.Chat(ctx, call, req)
}

func (v vertexChat) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	chatter, done := choose(call, req.GetModel(), v.google, v.claude)
	defer done()
	if chatter == nil {
		return noProject(v.name)
	}
	return chatter.StreamChat(ctx, call, req, send)
}

// vertexCount is a [adapters.Counter] of both dialects.
type vertexCount struct {
	name           string
	google, claude adapters.Counter
}

func (v vertexCount) CountTokens(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
	counter, done := choose(call, req.GetModel(), v.google, v.claude)
	defer done()
	if counter == nil {
		return nil, noProject(v.name)
	}
	return counter.CountTokens(ctx, call, req)
}
