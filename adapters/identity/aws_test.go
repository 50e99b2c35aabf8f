package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/sluice-ai/sluice/adapters"
)

const secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// noAWS hides what the machine has of AWS from a test.
func noAWS(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": filepath.Join(dir, "config"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "credentials"),
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS",
	} {
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func static(session string) adapters.AWS {
	return adapters.AWS{
		Region: "us-east-1", AccessKeyID: adapters.NewSecret("AKIDEXAMPLE"), SecretAccessKey: adapters.NewSecret(secretKey),
		SessionToken: adapters.NewSecret(session),
	}
}

// signed signs a request and returns its headers.
func signed(t *testing.T, a *AWS) http.Header {
	t.Helper()
	r := request(t)
	if err := a.Sign(t.Context(), r, []byte("body"), "bedrock"); err != nil {
		t.Fatal(err)
	}
	return r.Header
}

func request(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.org/model/a%3A0/converse", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// check signs the same request with given credentials at the same time, by the library.
func check(t *testing.T, got http.Header, id, secret, session, region string) {
	t.Helper()
	at, err := time.Parse("20060102T150405Z", got.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	r := request(t)
	sum := sha256.Sum256([]byte("body"))
	who := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: session}
	if err := v4.NewSigner().SignHTTP(t.Context(), who, r, hex.EncodeToString(sum[:]), "bedrock", region, at); err != nil {
		t.Fatal(err)
	}
	if got.Get("Authorization") != r.Header.Get("Authorization") {
		t.Errorf("signature\n%s\nwant\n%s", got.Get("Authorization"), r.Header.Get("Authorization"))
	}
	if got.Get("X-Amz-Security-Token") != session {
		t.Errorf("the session token is %q, want %q", got.Get("X-Amz-Security-Token"), session)
	}
}

func newAWS(t *testing.T, s adapters.AWS) *AWS {
	t.Helper()
	a, err := NewAWS(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAWS_signs_with_static_credentials(t *testing.T) {
	noAWS(t)
	check(t, signed(t, newAWS(t, static(""))), "AKIDEXAMPLE", secretKey, "", "us-east-1")
	check(t, signed(t, newAWS(t, static("session"))), "AKIDEXAMPLE", secretKey, "session", "us-east-1")
	check(t, signed(t, newAWS(t, static("")).In("eu-west-1")), "AKIDEXAMPLE", secretKey, "", "eu-west-1")
}

func TestAWS_signs_with_credentials_of_the_environment(t *testing.T) {
	noAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "env-secret")
	t.Setenv("AWS_REGION", "eu-central-1")
	a := newAWS(t, adapters.AWS{})
	if a.Region() != "eu-central-1" {
		t.Errorf("region %q", a.Region())
	}
	check(t, signed(t, a), "AKIDENV", "env-secret", "", "eu-central-1")
}

func TestAWS_signs_with_credentials_of_a_profile(t *testing.T) {
	dir := noAWS(t)
	write(t, filepath.Join(dir, "config"), "[profile team]\nregion = ap-southeast-2\n")
	write(t, filepath.Join(dir, "credentials"), "[team]\naws_access_key_id = AKIDTEAM\naws_secret_access_key = team-secret\n")
	check(t, signed(t, newAWS(t, adapters.AWS{Profile: "team"})), "AKIDTEAM", "team-secret", "", "ap-southeast-2")
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNewAWS_refuses_what_cannot_work(t *testing.T) {
	noAWS(t)
	for name, c := range map[string]struct {
		settings adapters.AWS
		says     string
	}{
		"half of the credentials": {adapters.AWS{AccessKeyID: adapters.NewSecret("AKID-MARKER")}, "belong together"},
		"the other half":          {adapters.AWS{SecretAccessKey: adapters.NewSecret("s-MARKER")}, "belong together"},
		"a token alone":           {adapters.AWS{SessionToken: adapters.NewSecret("t-MARKER")}, "belong together"},
		"a profile that is not":   {adapters.AWS{Profile: "nobody"}, `no profile "nobody"`},
		"a host as region":        {adapters.AWS{Region: "us-east-1.evil.example/"}, "region"},
		"a zone as region":        {adapters.AWS{Region: "us-east-1a"}, "region"},
		"a role that is no ARN":   {adapters.AWS{Region: "us-east-1", RoleARN: "admin"}, "role_arn"},
		"a role without a region": {adapters.AWS{RoleARN: "arn:aws:iam::1:role/r"}, "region"},
	} {
		_, err := NewAWS(c.settings)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%s: %v, want one that says %q and no secret", name, err, c.says)
		}
	}
	for _, region := range []string{"us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "ap-southeast-5", "us-isob-east-1"} {
		if _, err := NewAWS(adapters.AWS{Region: region}); err != nil {
			t.Errorf("%s: %v", region, err)
		}
	}
}

func TestAWS_says_that_a_region_or_credentials_are_missing(t *testing.T) {
	noAWS(t)
	settings := static("")
	settings.Region = ""
	if err := newAWS(t, settings).Sign(t.Context(), request(t), nil, "bedrock"); adapters.KindOf(err) != adapters.KindAuth || !strings.Contains(err.Error(), "aws.region") {
		t.Errorf("without a region: %v", err)
	}
	if err := newAWS(t, adapters.AWS{Region: "us-east-1"}).Sign(t.Context(), request(t), nil, "bedrock"); err == nil {
		t.Error("without credentials: no error")
	}
}

// The forms of requests and answers are those of the API reference of AWS STS, "AssumeRole".
const assumed = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>ARO123:sluice</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/demo/sluice</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>
<SessionToken>role-session</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult>
<ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata></AssumeRoleResponse>`

const denied = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>User: arn:aws:iam::123456789012:user/u is not authorized to perform: sts:AssumeRole</Message></Error>
<RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ErrorResponse>`

func TestAWS_assumes_a_role_once_and_again_before_its_end(t *testing.T) {
	noAWS(t)
	calls, lifetime := 0, 10*time.Second // less than the window in which credentials are replaced
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		if form.Get("Action") != "AssumeRole" || form.Get("RoleArn") != "arn:aws:iam::123456789012:role/demo" || form.Get("RoleSessionName") != "sluice" {
			t.Errorf("the role was asked for with %v", form)
		}
		if !strings.Contains(r.Header.Get("Authorization"), "AKIDEXAMPLE/") {
			t.Errorf("the role was not asked for with the static credentials: %s", r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, assumed, time.Now().Add(lifetime).UTC().Format(time.RFC3339))
	}))
	defer sts.Close()
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	settings := static("")
	settings.RoleARN = "arn:aws:iam::123456789012:role/demo"
	a := newAWS(t, settings)
	if calls != 0 {
		t.Fatal("New connected")
	}
	check(t, signed(t, a), "ASIAIOSFODNN7EXAMPLE", "role-secret", "role-session", "us-east-1")
	lifetime = time.Hour
	signed(t, a)
	signed(t, a)
	check(t, signed(t, a), "ASIAIOSFODNN7EXAMPLE", "role-secret", "role-session", "us-east-1")
	if calls != 2 {
		t.Errorf("the role was assumed %d times, want 2: credentials near their end are replaced, others kept", calls)
	}
}

func TestAWS_says_why_a_role_cannot_be_assumed(t *testing.T) {
	noAWS(t)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, denied)
	}))
	defer sts.Close()
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	settings := static("")
	settings.RoleARN = "arn:aws:iam::123456789012:role/demo"
	err := newAWS(t, settings).Sign(t.Context(), request(t), nil, "bedrock")
	failure, ok := errors.AsType[*adapters.Error](err)
	if !ok || failure.Kind != adapters.KindAuth || !failure.Unsent || !strings.Contains(failure.Message, "AccessDenied: User: arn:aws:iam::123456789012:user/u is not authorized") {
		t.Errorf("error %v, want what AWS said", err)
	}
	if err != nil && strings.Contains(err.Error(), secretKey) {
		t.Error("the error shows a key")
	}
}

// mismatch is what AWS answers to a wrong signature: it quotes the request.
const mismatch = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code>
<Message>The request signature we calculated does not match the signature you provided.

The Canonical String for this request should have been
'POST
/

x-amz-security-token:session-MARKER
'</Message></Error><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ErrorResponse>`

func TestAWS_shows_nobody_the_token_that_a_refusal_quotes(t *testing.T) {
	noAWS(t)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, mismatch)
	}))
	defer sts.Close()
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	settings := static("session-MARKER")
	settings.RoleARN = "arn:aws:iam::123456789012:role/demo"
	err := newAWS(t, settings).Sign(t.Context(), request(t), nil, "bedrock")
	failure, ok := errors.AsType[*adapters.Error](err)
	if !ok || !strings.Contains(failure.Message, "SignatureDoesNotMatch: The request signature") {
		t.Fatalf("error %v, want what AWS said", err)
	}
	if text := fmt.Sprint(failure.Message, failure.Cause, err); strings.Contains(text, "MARKER") {
		t.Errorf("the error shows the token: %s", text)
	}
}
