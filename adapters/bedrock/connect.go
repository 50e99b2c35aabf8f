package bedrock

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/identity"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// apiKeyVariable is the environment's Bedrock API key.
//
// Source: Amazon Bedrock user guide, "Use an Amazon Bedrock API key".
const apiKeyVariable = "AWS_BEARER_TOKEN_BEDROCK" //nolint:gosec // a name, and no key

// service is the name under which requests are signed, those for lists of models too.
const service = "bedrock"

// connect makes the clients of the two hosts, which are one when the settings name it.
func connect(s adapters.Settings) (*api, error) {
	who, err := identity.NewAWS(s.AWS)
	if err != nil {
		return nil, fmt.Errorf("provider %q: %w", s.Name, err)
	}
	region := cmp.Or(who.Region(), regionOf(s.BaseURL))
	who = who.In(region)
	alone := s.AWS.AccessKeyID.Reveal() == "" && s.AWS.Profile == "" && s.AWS.RoleARN == ""
	if key := os.Getenv(apiKeyVariable); key != "" && len(s.APIKeys) == 0 && alone {
		s.APIKeys = []adapters.Secret{adapters.NewSecret(key)}
	}
	if region == "" && s.BaseURL == "" {
		return nil, fmt.Errorf("provider %q: no region: set aws.region, AWS_REGION or the region of the profile, as \"us-east-1\"; or base_url", s.Name)
	}
	if region == "" && len(s.APIKeys) == 0 && !hasCredential(s.Headers) {
		// A base URL that is no URL at all is told by the client below.
		if base, err := url.Parse(s.BaseURL); err == nil && base.Host != "" {
			return nil, fmt.Errorf("provider %q: no region to sign for: set aws.region, AWS_REGION or the region of the profile; or api_keys, which need none", s.Name)
		}
	}
	// What AWS says about a bad signature quotes what was signed.
	for _, secret := range []adapters.Secret{s.AWS.SecretAccessKey, s.AWS.SessionToken} {
		if secret.Reveal() != "" {
			s.Secrets = append(slices.Clip(s.Secrets), secret)
		}
	}
	sign := func(ctx context.Context, r *http.Request, body []byte) error {
		err := who.Sign(ctx, r, body, service)
		if said, ok := errors.AsType[*adapters.Error](err); ok {
			named := *said
			named.Provider = s.Name
			return &named
		}
		return err
	}
	a := &api{name: s.Name, keys: s.APIKeys}
	if a.runtime, err = upstream.New(s, dialect(host("bedrock-runtime", region), sign)); err != nil {
		return nil, err
	}
	if a.control = a.runtime; s.BaseURL == "" {
		a.control, err = upstream.New(s, dialect(host("bedrock", region), sign))
	}
	return a, err
}

func dialect(base string, sign func(context.Context, *http.Request, []byte) error) upstream.Dialect {
	return upstream.Dialect{
		BaseURL:   base,
		Authorize: func(h http.Header, key string) { h["Authorization"] = []string{"Bearer " + key} },
		Sign:      sign,
		Envelope:  decodeEnvelope,
		Status:    statusOf,
		Refine:    refineKind,
		Returns:   returns,
	}
}

// returns tells AWS's own response headers that are read here, and that callers get.
func returns(name string) bool {
	return name == headerRequestID || name == headerErrorType || name == headerInputTokens
}

func hasCredential(h adapters.Header) bool { return h.Get("authorization") != "" }

// host is the root of an endpoint's API. Empty without a region: the settings have one then.
//
// Source: AWS General Reference, "Amazon Bedrock endpoints and quotas", and the partitions
// of aws-sdk-go-v2.
func host(endpoint, region string) string {
	if region == "" {
		return ""
	}
	domain := "amazonaws.com"
	for _, partition := range []struct{ prefix, domain string }{
		{"cn-", "amazonaws.com.cn"},
		{"eusc-", "amazonaws.eu"},
		{"us-iso-", "c2s.ic.gov"},
		{"us-isob-", "sc2s.sgov.gov"},
		{"eu-isoe-", "cloud.adc-e.uk"},
		{"us-isof-", "csp.hci.ic.gov"},
	} {
		if strings.HasPrefix(region, partition.prefix) {
			domain = partition.domain
		}
	}
	return "https://" + endpoint + "." + region + "." + domain
}

// regionOf reads the region out of the name of one of AWS's own hosts. Empty when it is none.
func regionOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	labels := strings.Split(u.Hostname(), ".")
	if len(labels) >= 4 && labels[2] == "amazonaws" && strings.HasPrefix(labels[0], service) {
		return labels[1]
	}
	return ""
}

// pathSegment escapes a model's id: everything but what needs no escape anywhere, colons
// and the slashes of ARNs included. The signature is made of the path as it is sent.
func pathSegment(model string) (segment string, ok bool) {
	if _, ok := upstream.PathSegment(model); !ok {
		return "", false
	}
	var out strings.Builder
	for i := range len(model) {
		switch c := model[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String(), true
}

// randomID makes an id for an answer.
func randomID() string {
	var bits [12]byte
	_, _ = rand.Read(bits[:]) // never fails
	return "chatcmpl-" + hex.EncodeToString(bits[:])
}
