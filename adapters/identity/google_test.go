package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// googleKey makes the JSON of a service account's key whose tokens come from an address.
// The form is that of IAM's documents, "Create and delete service account keys".
func googleKey(t *testing.T, tokenURI string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "project-of-the-key", "private_key_id": "MARKER-id",
		"private_key":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email": "sluice@project-of-the-key.iam.gserviceaccount.com", "client_id": "1", "token_uri": tokenURI,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sign(ctx context.Context, g *GoogleIdentity) (http.Header, error) {
	r := &http.Request{Header: http.Header{}}
	err := g.Sign(ctx, r, nil)
	return r.Header, err
}

// tokens answers with tokens that last so many seconds, and counts them.
func tokens(t *testing.T, seconds int, asked *atomic.Int64) *GoogleIdentity {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if grant := r.FormValue("grant_type"); grant != "urn:ietf:params:oauth:grant-type:jwt-bearer" || r.FormValue("assertion") == "" {
			t.Errorf("grant %q, want one of a signed assertion (RFC 7523)", grant)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":%d}`, asked.Add(1), seconds)
	}))
	t.Cleanup(server.Close)
	g, err := Google(adapters.Google{Credentials: adapters.NewSecret(googleKey(t, server.URL))})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGoogle_keeps_a_token_while_it_lasts(t *testing.T) {
	var asked atomic.Int64
	g := tokens(t, 3600, &asked)
	for range 3 {
		header, err := sign(t.Context(), g)
		if err != nil || header.Get("Authorization") != "Bearer token-1" {
			t.Fatalf("got %q (%v), want the first token", header.Get("Authorization"), err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked for %d tokens, want 1", asked.Load())
	}
}

func TestGoogle_renews_a_token_before_it_ends(t *testing.T) {
	var asked atomic.Int64
	// Three minutes are less than the time before the end at which the library renews.
	g := tokens(t, 180, &asked)
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		header, err := sign(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		if got := header.Get("Authorization"); got != "Bearer token-1" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the token was not renewed")
		}
	}
}

func TestGoogle_tells_a_refusal_without_the_credentials(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"Invalid JWT Signature. MARKER %s"}`, r.FormValue("assertion"))
	}))
	t.Cleanup(server.Close)
	g, err := Google(adapters.Google{Credentials: adapters.NewSecret(googleKey(t, server.URL))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = sign(t.Context(), g)
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok || e.Kind != adapters.KindAuth || !e.Unsent {
		t.Fatalf("%v, want an unsent error of auth", err)
	}
	if want := "Google gave no token for the credentials (status 400, invalid_grant)"; e.Message != want {
		t.Errorf("the message is %q, want %q", e.Message, want)
	}
	if text := fmt.Sprintf("%v %+v %v", err, *e, e.Cause); strings.Contains(text, "MARKER") {
		t.Errorf("the error shows a secret: %s", text)
	}
}

func TestGoogle_does_not_keep_a_caller_that_left(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-answer
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(answer) })
	g, err := Google(adapters.Google{Credentials: adapters.NewSecret(googleKey(t, server.URL))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := sign(ctx, g)
		done <- err
	}()
	<-asked
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want the context's", err)
		}
	case <-time.After(time.Second):
		t.Error("the caller was kept")
	}
}

func TestGoogle_knows_the_project(t *testing.T) {
	t.Setenv("GOOGLE_CLOUD_PROJECT", "project-of-the-environment")
	key := adapters.NewSecret(googleKey(t, "http://127.0.0.1:0"))
	for _, c := range []struct {
		settings adapters.Google
		want     string
	}{
		{adapters.Google{Credentials: key}, "project-of-the-key"},
		{adapters.Google{Credentials: key, Project: "mine"}, "mine"},
		// A user's credentials name no project of their own.
		{adapters.Google{Credentials: adapters.NewSecret(`{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r"}`)}, "project-of-the-environment"},
	} {
		g, err := Google(c.settings)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := g.Project(t.Context()); err != nil || got != c.want {
			t.Errorf("project %q (%v), want %q", got, err, c.want)
		}
	}
}

func TestGoogle_finds_the_credentials_of_the_environment_when_they_are_needed(t *testing.T) {
	file := t.TempDir() + "/adc.json"
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	t.Setenv("GOOGLE_CLOUD_PROJECT", "")
	g, err := Google(adapters.Google{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = sign(t.Context(), g)
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok || e.Kind != adapters.KindAuth || !strings.Contains(e.Message, "GOOGLE_APPLICATION_CREDENTIALS") {
		t.Errorf("%v, want an error of auth that says what to set", err)
	}
}

func TestGoogle_refuses_credentials_that_cannot_work(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":          `MARKER`,
		"no type":          `{"private_key":"MARKER"}`,
		"an unknown type":  `{"type":"other","private_key":"MARKER"}`,
		"members of types": `{"type":"service_account","private_key":["MARKER"]}`,
	} {
		if _, err := Google(adapters.Google{Credentials: adapters.NewSecret(text)}); err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%s: the error shows the credentials: %v", name, err)
		}
	}
}
