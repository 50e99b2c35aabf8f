package edge

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

func TestCodes_hold_every_reason(t *testing.T) {
	for number, name := range sluicev1.ErrorReason_name {
		code, ok := grpcCodes[sluicev1.ErrorReason(number)]
		if !ok {
			t.Errorf("%s has no gRPC code", name)
		}
		if code == codes.OK || (code == codes.Unknown) != (number == 0) {
			t.Errorf("%s: code %v", name, code)
		}
	}
	if len(grpcCodes) != len(sluicev1.ErrorReason_name) {
		t.Errorf("%d codes for %d reasons", len(grpcCodes), len(sluicev1.ErrorReason_name))
	}
}

func TestGRPCError_carries_reason_and_retry_advice_and_no_cause(t *testing.T) {
	f := fault.New(sluicev1.ErrorReason_ERROR_REASON_RATE_LIMITED, "too many").
		WithParam("model").WithCause(errors.New("dial tcp 10.1.2.3: secret"))
	f.RetryAfter = 1500 * time.Millisecond
	f.Provider = "openai"
	err := grpcError(fault.From(fmt.Errorf("wrapped secretly: %w", f)), "req_1")
	st, _ := status.FromError(err)
	if st.Code() != codes.ResourceExhausted || st.Message() != "too many" {
		t.Errorf("got %v", st)
	}
	if strings.Contains(st.String(), "secret") {
		t.Errorf("the cause leaked: %v", st)
	}
	want := &sluicev1.ErrorDetail{
		Reason: sluicev1.ErrorReason_ERROR_REASON_RATE_LIMITED,
		Error: &sluicev1.Error{
			Message: "too many", Type: new("rate_limit_error"), Param: new("model"),
			Code: &sluicev1.Error_CodeString{CodeString: "rate_limit_exceeded"},
		},
		HttpStatus: 429, Provider: "openai", RequestId: "req_1",
	}
	if got := detailOf(t, err); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := retryOf(err); got != 1500*time.Millisecond {
		t.Errorf("retry after %v", got)
	}
}

func TestConnectError_says_what_grpcError_says(t *testing.T) {
	f := fault.New(sluicev1.ErrorReason_ERROR_REASON_CIRCUIT_OPEN, "spared")
	f.RetryAfter = time.Second
	err := connectError(f, "req_1")
	if err.Code() != connect.CodeUnavailable || err.Message() != "spared" || len(err.Details()) != 2 {
		t.Fatalf("got %v with %d details", err, len(err.Details()))
	}
	value, _ := err.Details()[0].Value()
	if !proto.Equal(value, detailOf(t, grpcError(f, "req_1"))) {
		t.Errorf("got %v", value)
	}
}

func TestDetails_fit_into_the_trailers_that_clients_accept(t *testing.T) {
	// grpc-java and gRPC's C core refuse metadata beyond 8 KiB by default
	// (GrpcUtil.DEFAULT_MAX_HEADER_LIST_SIZE, GRPC_ARG_MAX_METADATA_SIZE).
	long := strings.Repeat("ü", 1<<20)
	f := fault.New(sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_INVALID_REQUEST, "%s", long).WithParam(long)
	f.Envelope.Error.Type = &long
	f.Envelope.Error.Code = &sluicev1.Error_CodeString{CodeString: long}
	f.Envelope.Error.Rest = []byte(`{"innererror":"` + long + `"}`)
	f.Attempts = []*sluicev1.Attempt{attempt("a"), {Model: long}}
	st, _ := status.FromError(grpcError(f, "req_1"))
	size := 4*proto.Size(st.Proto())/3 + len(url.PathEscape(st.Message()))
	if size += maxOwnBytes; size > 7<<10 { // x-sluice-tried is there, too
		t.Errorf("trailers of %d bytes", size)
	}
	if !utf8.ValidString(st.Message()) || !strings.HasSuffix(st.Message(), "...") {
		t.Errorf("message is cut badly: %q", st.Message()[len(st.Message())-8:])
	}
	if f.Message() != long {
		t.Error("the fault itself was shortened")
	}
}

// attempt is one of those that a fault lists.
func attempt(provider string) *sluicev1.Attempt {
	return &sluicev1.Attempt{
		Provider: provider, Model: "gpt-4o", Reason: sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_OVERLOADED, HttpStatus: 503, DurationMs: 12,
	}
}

func TestDetails_list_the_attempts_that_fit(t *testing.T) {
	for name, test := range map[string]struct {
		attempts, message int
		model             string
		want              int
		whole             bool // the error object is as it was
	}{
		"none":                            {0, 10, "m", 0, true},
		"two":                             {2, 10, "m", 2, true},
		"more than are shown":             {40, 10, "m", 10, true},
		"long names":                      {10, 10, strings.Repeat("m", 600), 4, true},
		"beside a long error":             {10, 2900, "m", 7, true},
		"a name that is too long for all": {1, 10, strings.Repeat("m", 4000), 0, true},
		"an error that is shortened leaves the room": {10, 5000, "m", 10, false},
	} {
		f := fault.New(sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_OVERLOADED, "%s", strings.Repeat("x", test.message))
		for i := range test.attempts {
			a := attempt(fmt.Sprint("p", i))
			a.Model = test.model
			f.Attempts = append(f.Attempts, a)
		}
		got := detailOf(t, grpcError(f, "req_1"))
		if n := len(got.GetAttempts()); n != test.want || len(f.Attempts) != test.attempts {
			t.Errorf("%s: %d attempts, want %d", name, n, test.want)
		}
		if n := len(got.GetAttempts()); n < min(len(f.Attempts), 10) {
			more := proto.CloneOf(got)
			if more.Attempts = f.Attempts[:n+1]; proto.Size(more) <= 3<<10 {
				t.Errorf("%s: another attempt would fit", name)
			}
		}
		for i, a := range got.GetAttempts() {
			if !proto.Equal(a, f.Attempts[i]) {
				t.Errorf("%s: attempt %d is %v", name, i, a)
			}
		}
		if size := proto.Size(got); size > maxDetailBytes || (len(got.GetError().GetMessage()) == test.message) != test.whole {
			t.Errorf("%s: %d bytes, message of %d", name, size, len(got.GetError().GetMessage()))
		}
	}
}

func detailOf(t *testing.T, err error) *sluicev1.ErrorDetail {
	t.Helper()
	for _, d := range status.Convert(err).Details() {
		if detail, ok := d.(*sluicev1.ErrorDetail); ok {
			return detail
		}
	}
	t.Fatalf("no ErrorDetail in %v", err)
	return nil
}

func retryOf(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}
