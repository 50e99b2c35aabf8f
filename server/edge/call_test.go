package edge

import (
	"net/http"
	"reflect"
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
