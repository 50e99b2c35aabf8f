package bedrock

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// admits checks the bearer token, or the signature of a request.
//
// Source: AWS IAM user guide, "Troubleshoot Signature Version 4 signing".
func admits(r *http.Request, body []byte) *failure {
	denied := func(kind, message string) *failure { return &failure{http.StatusForbidden, kind, message} }
	authorization := r.Header.Get("Authorization")
	if key, ok := strings.CutPrefix(authorization, "Bearer "); ok {
		if key == APIKey {
			return nil
		}
		return denied("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
	}
	fields, ok := strings.CutPrefix(authorization, "AWS4-HMAC-SHA256 ")
	if !ok {
		return denied("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	part := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		part[name] = value
	}
	scope := strings.Split(part["Credential"], "/")
	switch {
	case len(scope) != 5 || scope[4] != "aws4_request":
		return denied("IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term")
	case r.Header.Get("X-Amz-Security-Token") == ExpiredToken:
		return denied("ExpiredTokenException", "The security token included in the request is expired")
	case scope[0] != AccessKeyID:
		return denied("UnrecognizedClientException", "The security token included in the request is invalid.")
	case scope[2] != Region:
		return denied("InvalidSignatureException", "Credential should be scoped to a valid region. ")
	case scope[3] != "bedrock":
		return denied("InvalidSignatureException", "Credential should be scoped to correct service: 'bedrock'. ")
	}
	want, err := sign(r, body, strings.Split(part["SignedHeaders"], ";"))
	if err != nil || want != authorization {
		return denied("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. "+
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// sign returns the header Authorization that a request should have.
func sign(r *http.Request, body []byte, signed []string) (string, error) {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return "", err
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), io.NopCloser(bytes.NewReader(body)))
	if err != nil {
		return "", err
	}
	again.URL.RawPath, again.URL.Opaque = r.URL.RawPath, "//"+r.Host+r.URL.EscapedPath()
	for name, values := range r.Header {
		if slices.Contains(signed, strings.ToLower(name)) {
			again.Header[name] = values
		}
	}
	again.ContentLength = -1
	if slices.Contains(signed, "content-length") {
		again.ContentLength = int64(len(body))
	}
	hash := sha256.Sum256(body)
	who := aws.Credentials{AccessKeyID: AccessKeyID, SecretAccessKey: SecretAccessKey, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = false }).
		SignHTTP(context.WithoutCancel(r.Context()), who, again, hex.EncodeToString(hash[:]), "bedrock", Region, at)
	return again.Header.Get("Authorization"), err
}
