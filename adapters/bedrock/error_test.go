package bedrock

import (
	"testing"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// The forms of the header are those of Smithy's "AWS restJson1 protocol".
func TestRefineKind_reads_the_type_where_aws_says_it(t *testing.T) {
	for _, c := range []struct {
		status       int
		body, header string
		name         string
		kind         adapters.Kind
	}{
		{429, `{"message":"a"}`, "ModelNotReadyException", "ModelNotReadyException", adapters.KindOverloaded},
		{429, `{"message":"a"}`, "ThrottlingException:http://internal.amazon.com/coral/com.amazon.coral.service/", "ThrottlingException", adapters.KindRateLimited},
		{400, `{"message":"a"}`, "com.amazon#ServiceQuotaExceededException", "ServiceQuotaExceededException", adapters.KindRateLimited},
		{403, `{"message":"a"}`, "ExpiredTokenException", "ExpiredTokenException", adapters.KindAuth},
		{400, `{"__type":"ValidationException","message":"a"}`, "ServiceQuotaExceededException", "ValidationException", adapters.KindInvalid},
		{400, `{"code":"ValidationException","message":"a"}`, "", "ValidationException", adapters.KindInvalid},
		{403, `{"message":"a"}`, "", "AccessDeniedException", adapters.KindPermission},
		{424, `{"message":"a"}`, "", "ModelErrorException", adapters.KindUnavailable},
		{418, `{"message":"a"}`, "", "", adapters.KindInvalid},
	} {
		failure := &adapters.Error{Kind: upstream.KindOfStatus(c.status), Status: c.status, Envelope: decodeEnvelope([]byte(c.body))}
		if c.header != "" {
			failure.Header.Set(headerErrorType, c.header)
		}
		kind := refineKind(failure)
		e := failure.Envelope.GetError()
		if kind != c.kind || e.GetType() != c.name || e.GetCodeString() != c.name || e.GetMessage() != "a" {
			t.Errorf("%d %s %q: kind %s of %v, want %s of %q", c.status, c.body, c.header, kind, e, c.kind, c.name)
		}
	}
}

func TestDecodeEnvelope_leaves_what_holds_no_error(t *testing.T) {
	for _, body := range []string{``, `[]`, `{}`, `{"error":{"message":"a"}}`, `{"output":{}}`, `<html>`, `{"message"`} {
		if e := decodeEnvelope([]byte(body)); e != nil {
			t.Errorf("%s: %v", body, e)
		}
	}
}
