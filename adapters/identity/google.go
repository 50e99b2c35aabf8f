package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	// googleScope is what tokens are asked for.
	//
	// Source: Google Cloud, "OAuth 2.0 scopes": all that the account may, which IAM decides.
	googleScope = "https://www.googleapis.com/auth/cloud-platform"

	// googlePatience bounds the search for credentials and the wait for a token, which go
	// on when the caller left: the next one needs them too.
	googlePatience = 30 * time.Second
	// googleFresh is how long a token must last to be used without asking the library,
	// which begins to renew it a little later.
	googleFresh = 5 * time.Minute
)

// GoogleIdentity puts tokens of Google Cloud on requests. Make it with [Google]. It is safe
// for concurrent use.
type GoogleIdentity struct {
	project string
	detect  func() (*auth.Credentials, error)
	latest  atomic.Pointer[auth.Token]

	mu    sync.Mutex
	found *auth.Credentials // guarded by mu
}

// Google returns the identity of the given credentials, or of what the environment has:
// GOOGLE_APPLICATION_CREDENTIALS, gcloud's file, or the machine's own account. It asks
// nobody before it is used. The library keeps tokens and renews them before they end.
// Credentials that cannot work are an error that never shows them.
func Google(g adapters.Google) (*GoogleIdentity, error) {
	id := &GoogleIdentity{project: g.Project}
	options := &credentials.DetectOptions{Scopes: []string{googleScope}}
	given := []byte(g.Credentials.Reveal())
	if len(given) == 0 {
		id.detect = func() (*auth.Credentials, error) { return credentials.DetectDefault(options) }
		return id, nil
	}
	var form struct {
		Type credentials.CredType `json:"type"`
	}
	if json.Unmarshal(given, &form) != nil {
		return nil, errors.New("google.credentials: not the JSON of a service account's key or of a workload identity federation")
	}
	switch form.Type {
	case credentials.ServiceAccount, credentials.ExternalAccount, credentials.AuthorizedUser,
		credentials.ImpersonatedServiceAccount, credentials.ExternalAccountAuthorizedUser:
	default:
		return nil, fmt.Errorf("google.credentials: the type %.40q is none that tokens can be had for", form.Type)
	}
	found, err := credentials.NewCredentialsFromJSON(form.Type, given, options)
	if err != nil {
		// The library's error may quote what it could not read.
		return nil, fmt.Errorf("google.credentials: the members of a %q are missing or broken", form.Type)
	}
	id.found = found
	return id, nil
}

// Sign puts a token on a request, and the project that pays for the user's quota where the
// credentials name one. Its error is an [*adapters.Error] of [adapters.KindAuth], unsent
// and without a provider's name, or the context's.
func (g *GoogleIdentity) Sign(ctx context.Context, r *http.Request, _ []byte) error {
	token := g.latest.Load()
	if token == nil || time.Until(token.Expiry) < googleFresh {
		var err error
		if token, err = within(ctx, g.token); err != nil {
			return g.failed(ctx, err)
		}
		g.latest.Store(token)
	}
	r.Header.Set("Authorization", cmp.Or(token.Type, "Bearer")+" "+token.Value)
	if found := g.known(); found != nil && r.Header.Get("X-Goog-User-Project") == "" {
		if project, err := found.QuotaProjectID(ctx); err == nil && project != "" {
			r.Header.Set("X-Goog-User-Project", project)
		}
	}
	return nil
}

// Project returns the project of the settings, else that of the credentials, else that of
// the environment's GOOGLE_CLOUD_PROJECT. It may ask the machine's metadata server. Errors
// are as for [GoogleIdentity.Sign]; "" without one means that nothing names a project.
func (g *GoogleIdentity) Project(ctx context.Context) (string, error) {
	if g.project != "" {
		return g.project, nil
	}
	project, err := within(ctx, func(ctx context.Context) (string, error) {
		found, err := g.credentials()
		if err != nil {
			return "", err
		}
		return found.ProjectID(ctx)
	})
	environment := os.Getenv("GOOGLE_CLOUD_PROJECT")
	if err != nil && environment == "" {
		return "", g.failed(ctx, err)
	}
	return cmp.Or(project, environment), nil
}

func (g *GoogleIdentity) token(ctx context.Context) (*auth.Token, error) {
	found, err := g.credentials()
	if err != nil {
		return nil, err
	}
	token, err := found.Token(ctx)
	if _, answered := errors.AsType[*auth.Error](err); err != nil && !answered && ctx.Err() == nil {
		// An idle connection may have gone meanwhile; asking for a token twice does no harm.
		return found.Token(ctx)
	}
	return token, err
}

func (g *GoogleIdentity) known() *auth.Credentials {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.found
}

var errNoGoogle = errors.New("no credentials of Google Cloud are given, and the environment has none")

// credentials finds the environment's once. A search that fails is made again: a file may
// come later.
func (g *GoogleIdentity) credentials() (*auth.Credentials, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.found == nil {
		found, err := g.detect()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoGoogle, err)
		}
		g.found = found
	}
	return g.found, nil
}

// within runs what neither ends with its caller nor should: others wait for the same.
func within[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), googlePatience)
		defer cancel()
		value, err := ask(own)
		done <- outcome{value, err}
	}()
	select {
	case out := <-done:
		return out.value, out.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// failed says why there is no token, in words of our own: what the library says may hold
// what it read.
func (g *GoogleIdentity) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure := &adapters.Error{Kind: adapters.KindAuth, Unsent: true}
	refused, isRefused := errors.AsType[*auth.Error](err)
	switch {
	case errors.Is(err, errNoGoogle):
		failure.Message = errNoGoogle.Error() + ": set google.credentials or GOOGLE_APPLICATION_CREDENTIALS"
	case isRefused && refused.Response != nil:
		failure.Message = fmt.Sprintf("Google gave no token for the credentials (status %d%s)", refused.Response.StatusCode, errorCode(refused.Body))
	default:
		failure.Message = "no token could be had from Google"
		failure.Cause = err
	}
	return failure
}

// errorCode is the word of an error of OAuth, as "invalid_grant".
//
// Source: RFC 6749, section 5.2.
func errorCode(body []byte) string {
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Error) > 64 {
		return ""
	}
	for _, c := range answer.Error {
		if (c < 'a' || c > 'z') && c != '_' {
			return ""
		}
	}
	if answer.Error == "" {
		return ""
	}
	return ", " + answer.Error
}
