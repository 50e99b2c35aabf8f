package edge

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/gateway"
)

func TestReplyHeader_says_no_value_twice(t *testing.T) {
	got := http.Header{}
	replyHeader(&gateway.Call{ID: "req_1", Reply: adapters.Header{
		{Name: "x-request-id", Value: "up-1"},
		{Name: "via", Value: "a"},
		{Name: "x-request-id", Value: "up-1"},
		{Name: "via", Value: "b"},
	}}, setHTTP(got))
	want := http.Header{"X-Sluice-Request-Id": {"req_1"}, "X-Request-Id": {"up-1"}, "Via": {"a", "b"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The upstream client lets no such header of a provider in; another adapter might. A
// provider that is a Sluice sends all of them.
func TestReplyHeader_a_provider_cannot_speak_for_Sluice(t *testing.T) {
	got := http.Header{}
	replyHeader(&gateway.Call{ID: "req_1", Reply: adapters.Header{
		{Name: "x-sluice-provider", Value: "evil"},
		{Name: "x-sluice-request-id", Value: "evil"},
		{Name: "x-sluice-error-reason", Value: "evil"},
		{Name: "x-sluice-anything", Value: "evil"},
		{Name: "x-sluice-model", Value: "evil"},
		{Name: "x-sluice-provider", Value: "far"},
		{Name: "x-sluice-model", Value: "größer\r\nx: y"},
		{Name: "x-sluice-attempts", Value: "2"},
		{Name: "x-sluice-tried", Value: strings.Repeat("a", 5000)},
	}}, setHTTP(got))
	want := http.Header{
		"X-Sluice-Request-Id": {"req_1"}, "X-Request-Id": {"req_1"},
		"X-Sluice-Provider": {"far"}, "X-Sluice-Model": {"gr??er??x: y"}, "X-Sluice-Attempts": {"2"},
		"X-Sluice-Tried": {strings.Repeat("a", 1021) + "..."},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCanonicalName_is_that_of_net_http(t *testing.T) {
	for _, name := range []string{
		headerRequestID, headerSluiceRequestID, headerErrorReason, gateway.HeaderProvider, gateway.HeaderModel, gateway.HeaderAttempts, gateway.HeaderTried, "retry-after",
	} {
		if got, want := canonicalName(name), http.CanonicalHeaderKey(name); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
