package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

func TestTable_has_every_reason(t *testing.T) {
	for number, name := range sluicev1.ErrorReason_name {
		r := sluicev1.ErrorReason(number)
		row, ok := table[r]
		if r == sluicev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			continue
		}
		if !ok || row.status < 400 || row.typ == "" {
			t.Errorf("%s: %+v", name, row)
		}
	}
}

func TestFrom_hides_what_is_not_meant_for_callers(t *testing.T) {
	f := Invalid("messages[0]", "a message needs a role")
	for name, test := range map[string]struct {
		err    error
		reason sluicev1.ErrorReason
	}{
		"a fault":            {fmt.Errorf("wrapped: %w", f), sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
		"the caller's leave": {fmt.Errorf("read: %w", context.Canceled), sluicev1.ErrorReason_ERROR_REASON_CANCELED},
		"a deadline":         {context.DeadlineExceeded, sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED},
		"a defect":           {errors.New("dial 10.0.0.1: secret"), sluicev1.ErrorReason_ERROR_REASON_INTERNAL},
	} {
		got := From(test.err)
		if got.Reason != test.reason || strings.Contains(got.Error(), "secret") || strings.Contains(got.Error(), "wrapped") {
			t.Errorf("%s: %v", name, got)
		}
	}
	if From(nil) != nil {
		t.Error("From(nil) is not nil")
	}
	if f.Envelope.GetError().GetParam() != "messages[0]" || f.Status != 400 || f.Retryable() || f.Name() != "invalid_request" {
		t.Errorf("%+v", f)
	}
}

func TestRetryable_knows_a_429_that_waiting_does_not_end(t *testing.T) {
	f := New(sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED, "slow down")
	if !f.Retryable() {
		t.Error("a rate limit passes")
	}
	f.Envelope.Error.Code = &sluicev1.Error_CodeString{CodeString: "insufficient_quota"}
	if f.Retryable() {
		t.Error("an empty account does not fill by itself")
	}
}

func TestQuote_clips_and_escapes(t *testing.T) {
	got := Quote("a\r\nSet-Cookie: x\x00" + strings.Repeat("é", 100))
	if strings.ContainsAny(got, "\r\n\x00é") || len(got) > 400 || !strings.HasSuffix(got, `..."`) {
		t.Error(got)
	}
}
