package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

const entraSecret = "s3cret~of-the-application"

// authority plays Entra ID: its discovery document and its token endpoint.
//
// Source: Microsoft Learn, "OAuth 2.0 client credentials flow", first case, 2026-11.
type authority struct {
	*httptest.Server

	asked   []url.Values
	refusal string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
			_, _ = fmt.Fprintf(w, `{"tenant_discovery_endpoint":"https://%[1]s/t/v2.0/.well-known/openid-configuration","metadata":[{"preferred_network":"%[1]s","preferred_cache":"%[1]s","aliases":["%[1]s"]}]}`, r.Host)
		case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
			tenant := "https://" + r.Host + "/" + strings.Split(r.URL.Path, "/")[1]
			_ = json.NewEncoder(w).Encode(map[string]string{
				"issuer": tenant + "/v2.0", "authorization_endpoint": tenant + "/oauth2/v2.0/authorize", "token_endpoint": tenant + "/oauth2/v2.0/token",
			})
		case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
			body, _ := io.ReadAll(r.Body)
			form, _ := url.ParseQuery(string(body))
			a.asked = append(a.asked, form)
			if a.refusal != "" {
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, a.refusal)
				return
			}
			_, _ = fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"access_token":"token-%d"}`, len(a.asked))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *authority) settings() adapters.Azure {
	return adapters.Azure{TenantID: "11111111-2222-3333-4444-555555555555", ClientID: "client", ClientSecret: adapters.NewSecret(entraSecret), AuthorityHost: a.URL}
}

func TestEntra_puts_an_applications_token_on_requests_and_keeps_it(t *testing.T) {
	a := newAuthority(t)
	sign, err := entra("az", a.settings(), a.Client())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r := httptest.NewRequest(http.MethodPost, "https://r.openai.azure.com/openai/v1/chat/completions", nil)
		if err := sign(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer token-1" {
			t.Errorf("the request has %q", got)
		}
	}
	if len(a.asked) != 1 {
		t.Fatalf("the authority was asked %d times, want once", len(a.asked))
	}
	form := a.asked[0]
	if form.Get("grant_type") != "client_credentials" || form.Get("client_id") != "client" || form.Get("client_secret") != entraSecret ||
		!strings.Contains(form.Get("scope"), "https://cognitiveservices.azure.com/.default") {
		t.Errorf("the authority was asked for %v", form)
	}
}

func TestEntra_tells_a_refusal_without_the_secret(t *testing.T) {
	a := newAuthority(t)
	a.refusal = `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215]}`
	sign, err := entra("az", a.settings(), a.Client())
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "https://r.openai.azure.com/", nil)
	err = sign(t.Context(), r, nil)
	failure, ok := errors.AsType[*adapters.Error](err)
	if !ok || failure.Kind != adapters.KindAuth || !failure.Unsent || failure.Provider != "az" {
		t.Fatalf("%T %v, want an error of auth that was not sent", err, err)
	}
	if !strings.Contains(failure.Message, "client_secret") || !strings.Contains(failure.Message, "401") {
		t.Errorf("the message does not say what to check: %s", failure.Message)
	}
	if !strings.Contains(failure.LogText(), "AADSTS7000215") {
		t.Errorf("the log does not say what the authority said: %s", failure.LogText())
	}
	if text := failure.Error() + failure.LogText(); strings.Contains(text, entraSecret) {
		t.Errorf("the secret shows: %s", text)
	}
	if r.Header.Get("Authorization") != "" {
		t.Error("the request has a token")
	}
}

func TestEntra_says_when_the_environment_has_nobody(t *testing.T) {
	// Nothing but the environment's variables is looked at, and they are not there.
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_USERNAME"} {
		t.Setenv(name, "")
	}
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
	sign, err := Entra("az", adapters.Azure{})
	if err != nil {
		t.Fatal(err)
	}
	err = sign(t.Context(), httptest.NewRequest(http.MethodPost, "https://r.openai.azure.com/", nil), nil)
	if adapters.KindOf(err) != adapters.KindAuth || !strings.Contains(err.Error(), "api_keys") {
		t.Errorf("%v, want an error of auth that says what to set", err)
	}
}

func TestEntra_refuses_settings_that_cannot_work(t *testing.T) {
	for want, s := range map[string]adapters.Azure{
		"tenant_id and its client_id": {ClientSecret: adapters.NewSecret(entraSecret)},
		"https only":                  {AuthorityHost: "http://login.example.com/"},
		"tenant_id or client_id":      {TenantID: "no tenant/", ClientID: "c", ClientSecret: adapters.NewSecret(entraSecret)},
	} {
		_, err := Entra("az", s)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), entraSecret) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
}

// elsewhere sends what is for any host to the authority.
type elsewhere struct{ *authority }

func (e elsewhere) Do(r *http.Request) (*http.Response, error) {
	to := r.Clone(r.Context())
	to.Host = r.URL.Host
	to.URL.Host = strings.TrimPrefix(e.URL, "https://")
	return e.Client().Do(to)
}

func TestEntra_asks_each_cloud_for_its_own_resource(t *testing.T) {
	for host, scope := range map[string]string{
		"":                                  "https://cognitiveservices.azure.com/.default",
		"https://login.microsoftonline.us/": "https://cognitiveservices.azure.us/.default",
		"https://login.chinacloudapi.cn":    "https://cognitiveservices.azure.cn/.default",
	} {
		a := newAuthority(t)
		s := a.settings()
		s.AuthorityHost = host
		sign, err := entra("az", s, elsewhere{a})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "https://r.openai.azure.com/", nil)
		if err := sign(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
		if len(a.asked) != 1 || !strings.Contains(a.asked[0].Get("scope"), scope) {
			t.Errorf("%q was asked for %v, want %s", host, a.asked, scope)
		}
	}
}
