package gemini

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// decodeEnvelope reads {"error": {"code": 400, "message": ..., "status":
// "INVALID_ARGUMENT", "details": [...]}}, which streams put into an array. The status
// becomes the type, and the reason of an ErrorInfo, else the number, the code.
func decodeEnvelope(body []byte) *sluicev1.ErrorEnvelope {
	body = translate.Alone(body)
	in := new(geminipb.ErrorEnvelope)
	if wirejson.Unmarshal(body, in, lenient) != nil || in.GetError() == nil {
		return nil
	}
	status := in.GetError()
	out := &sluicev1.Error{Message: status.GetMessage(), Rest: status.GetRest()}
	for _, name := range []string{"message", "type", "param"} {
		// Of another kind than Google's, or unknown to Google: as they came.
		value, there := wirejson.Get(out.Rest, name)
		if !there {
			continue
		}
		if name == "message" {
			out.Rest = wirejson.Omit(out.Rest, name)
			continue
		}
		var text string
		if json.Unmarshal(value, &text) != nil {
			out.Rest = wirejson.Omit(out.Rest, name)
			continue
		}
		_, out.Rest, _ = wirejson.Take(out.Rest, name)
		if name == "type" {
			out.Type = &text
		} else {
			out.Param = &text
		}
	}
	if status.Status != nil {
		out.Type = status.Status
		out.Rest = wirejson.Set(out.Rest, "status", wirejson.AppendString(nil, status.GetStatus()))
	}
	code, _, other := wirejson.Take(out.Rest, "code")
	switch reason := detail(status.GetRest(), typeErrorInfo).GetReason(); {
	case reason != "":
		out.Code = &sluicev1.Error_CodeString{CodeString: reason}
	case status.Code != nil:
		out.Code = &sluicev1.Error_CodeNumber{CodeNumber: status.GetCode()}
	case other && string(code) != "null":
		out.Code = &sluicev1.Error_CodeOther{CodeOther: code}
	}
	if other {
		_, out.Rest, _ = wirejson.Take(out.Rest, "code")
	}
	return &sluicev1.ErrorEnvelope{Error: out, Rest: in.GetRest()}
}

const (
	typeErrorInfo = "google.rpc.ErrorInfo"
	typeRetryInfo = "google.rpc.RetryInfo"
)

// detail returns the detail of a kind out of the members of an error, nil when there is
// none.
func detail(members []byte, kind string) *geminipb.ErrorDetail {
	raw, ok := wirejson.Get(members, "details")
	if !ok {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	for _, item := range list {
		d := new(geminipb.ErrorDetail)
		if wirejson.Unmarshal(item, d, lenient) == nil && strings.HasSuffix(d.GetType(), "/"+kind) {
			return d
		}
	}
	return nil
}

// statusOf says which HTTP status an error inside of a stream stands for.
func statusOf(envelope *sluicev1.ErrorEnvelope) int {
	e := envelope.GetError()
	if status := translate.StatusOfGoogle(e.GetType()); status != 0 {
		return status
	}
	if code := e.GetCodeNumber(); code >= 400 && code <= 599 {
		return int(code)
	}
	return 0
}

// badKey are the reasons of a refused credential, whichever status they come with: the
// Gemini API says 400 to a wrong key.
//
// Source: google/api/error_reason.proto, 2026-11.
var badKey = []string{"API_KEY_INVALID", "ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "CREDENTIALS_MISSING", "ACCOUNT_STATE_INVALID", "SESSION_COOKIE_INVALID", "ACCESS_TOKEN_TYPE_UNSUPPORTED"}

// refineKind says better than the status what an error means.
//
// Source of the statuses: Gemini API, "Troubleshooting", 2026-11.
func refineKind(failure *adapters.Error) adapters.Kind {
	e := failure.Envelope.GetError()
	switch {
	case e == nil:
		return failure.Kind
	case slices.Contains(badKey, e.GetCodeString()):
		return adapters.KindAuth
	case e.GetType() == "DEADLINE_EXCEEDED":
		return adapters.KindTimeout
	case e.GetType() == "CANCELLED":
		return adapters.KindUnavailable
	case failure.Kind == adapters.KindInvalid && tellsTooLong(e.GetMessage()):
		return adapters.KindContextWindow
	case failure.Kind == adapters.KindInvalid && e.GetType() == "FAILED_PRECONDITION":
		// The account may not do this from here, or not without being billed.
		return adapters.KindPermission
	}
	return failure.Kind
}

// tellsTooLong knows the words for a prompt that is too long: there is no code for it.
//
// Sources: messages that users of the Gemini API (gemini-cli issue 6678) and of Vertex AI
// ("Error code 400" of its documents) reported.
func tellsTooLong(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "exceeds the maximum number of tokens") ||
		strings.Contains(message, "input token count") && (strings.Contains(message, "exceeds") || strings.Contains(message, "only supports up to"))
}

// maxDelay bounds the wait that a provider may ask for, as adapters/upstream does.
const maxDelay = 24 * time.Hour

// withDelay takes the wait that Google asks for out of the details of an error, where no
// header says it.
func withDelay(err error) error {
	failure, ok := errors.AsType[*adapters.Error](err)
	if !ok || failure.RetryAfter != 0 || failure.Envelope == nil {
		return err
	}
	text := detail(failure.Envelope.GetError().GetRest(), typeRetryInfo).GetRetryDelay()
	if wait, parseErr := time.ParseDuration(text); parseErr == nil && wait > 0 {
		failure.RetryAfter = min(wait, maxDelay)
	}
	return err
}
