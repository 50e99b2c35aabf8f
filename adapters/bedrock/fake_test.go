package bedrock

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	keyID     = "AKIDEXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// noAWS hides what the machine has of AWS from a test.
func noAWS(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, t.TempDir()+"/none")
	}
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", apiKeyVariable,
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// asked is a request that reached a fake.
type asked struct {
	*http.Request

	path string
	body string
}

// play serves answers by path, as sent, and notes what it is asked.
func play(t *testing.T, answers map[string]func(w http.ResponseWriter, r asked)) (base string, all func() []asked) {
	t.Helper()
	var mu sync.Mutex
	var got []asked
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a := asked{r.Clone(r.Context()), r.URL.EscapedPath(), string(body)}
		mu.Lock()
		got = append(got, a)
		mu.Unlock()
		answer, ok := answers[a.path]
		if !ok {
			t.Errorf("nobody answers %s", a.path)
			w.WriteHeader(http.StatusTeapot)
			return
		}
		answer(w, a)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []asked {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

func reply(status int, body string) func(http.ResponseWriter, asked) {
	return func(w http.ResponseWriter, _ asked) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func provider(t *testing.T, s adapters.Settings) adapters.Provider {
	t.Helper()
	s.Name = "p"
	p, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func signing(base string) adapters.Settings {
	return adapters.Settings{BaseURL: base, AWS: adapters.AWS{
		Region: "us-west-2", AccessKeyID: adapters.NewSecret(keyID), SecretAccessKey: adapters.NewSecret(secretKey),
	}}
}

// checkSignature signs what arrived again, by the library, and wants the same signature.
func checkSignature(t *testing.T, got asked, session, region string) {
	t.Helper()
	authorization := got.Header.Get("Authorization")
	_, names, ok := strings.Cut(authorization, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	at, err := time.Parse("20060102T150405Z", got.Header.Get("X-Amz-Date"))
	if !ok || err != nil {
		t.Fatalf("no signature: %q, %v", authorization, err)
	}
	again, err := http.NewRequestWithContext(t.Context(), got.Method, "http://"+got.Host+got.RequestURI, strings.NewReader(got.body))
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(names, ";") {
		if name != "host" && name != "content-length" {
			again.Header[http.CanonicalHeaderKey(name)] = got.Header.Values(name)
		}
	}
	sum := sha256.Sum256([]byte(got.body))
	who := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey, SessionToken: session}
	if err := v4.NewSigner().SignHTTP(t.Context(), who, again, hex.EncodeToString(sum[:]), "bedrock", region, at); err != nil {
		t.Fatal(err)
	}
	if want := again.Header.Get("Authorization"); authorization != want {
		t.Errorf("signature of %s %s\n%s\nwant\n%s", got.Method, got.RequestURI, authorization, want)
	}
}

func chatRequest(t *testing.T, body string) *sluicev1.ChatCompletionRequest {
	t.Helper()
	req := new(sluicev1.ChatCompletionRequest)
	if err := wirejson.Unmarshal([]byte(body), req, wirejson.Options{}); err != nil {
		t.Fatal(err)
	}
	return req
}

const (
	hello      = `{"messages":[{"role":"user","content":"Hello"}]}`
	helloReply = `{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`
)
