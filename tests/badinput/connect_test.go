package badinput

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// connectFailure is Connect's error on the wire. Source: connectrpc.com/docs/protocol,
// "Error end-stream" and "Unary-Response", 2026-11.
type connectFailure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Details []struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"details"`
}

func (f connectFailure) detail(t *testing.T) *sluicev1.ErrorDetail {
	t.Helper()
	for _, d := range f.Details {
		if d.Type != "sluice.v1.ErrorDetail" {
			continue
		}
		raw, err := base64.RawStdEncoding.DecodeString(d.Value)
		if err != nil {
			t.Fatal(err)
		}
		detail := &sluicev1.ErrorDetail{}
		if err := proto.Unmarshal(raw, detail); err != nil {
			t.Fatal(err)
		}
		return detail
	}
	return nil
}

// connectCodes are Connect's words for gRPC's codes and the statuses of unary calls.
var connectCodes = map[codes.Code]struct {
	word   string
	status int
}{
	codes.InvalidArgument:   {"invalid_argument", 400},
	codes.NotFound:          {"not_found", 404},
	codes.ResourceExhausted: {"resource_exhausted", 429},
}

func TestConnect_refuses_bad_input_with_details_and_stays_healthy(t *testing.T) {
	g := open(t)
	door := g.Doors(t)[3]
	for _, c := range rpcCases() {
		if c.code == codes.Unimplemented {
			continue // a path of nobody: below
		}
		t.Run(c.name, func(t *testing.T) {
			contentType, method, message := "application/proto", chatMethod, c.message
			stream := c.method == streamMethod
			if stream {
				contentType, method = "application/connect+proto", streamMethod
				message = frame(message)
			}
			status, header, body := g.post(t, method, contentType, message)
			receipt := g.Receipt(t)
			want := connectCodes[c.code]
			var f connectFailure
			if stream {
				var end struct{ Error connectFailure }
				if len(body) < 5 || body[0]&2 == 0 || json.Unmarshal(body[5:], &end) != nil || status != 200 {
					t.Fatalf("status %d: %q", status, body)
				}
				f = end.Error
			} else if err := json.Unmarshal(body, &f); err != nil || status != want.status || header.Get("Content-Type") != "application/json" {
				t.Fatalf("status %d, want %d: %v: %s", status, want.status, err, body)
			}
			if f.Code != want.word || receipt.Status != int(c.status) {
				t.Errorf("%+v, receipt %+v; want %s, %d", f, receipt, want.word, c.status)
			}
			if detail := f.detail(t); detail == nil {
				t.Errorf("no detail: %s", body)
			} else {
				checkDetail(t, c, detail, f.Message)
			}
			g.healthy(t, door)
		})
	}
	g.untouched(t)
}

func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

func (g gate) post(t *testing.T, path, contentType string, body []byte, header ...string) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+g.HTTP+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := g.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, content
}

func TestConnect_JSON_refuses_bad_input(t *testing.T) {
	g := open(t)
	door := g.Doors(t)[4]
	for _, test := range []struct{ name, body string }{
		{"no JSON", `{oops`},
		{"empty", ``},
		{"null", `null`},
		{"an array", `[]`},
		{"a wrong type", `{"model":7}`},
		{"no messages", `{"model":"m"}`},
		{"an unknown member", `{"modle":"m"}`},
		{"too deep", nested(`{"tools":[`, "", `]}`, 5_000)},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, _, body := g.post(t, chatMethod, "application/json", []byte(test.body))
			receipt := g.Receipt(t)
			var f connectFailure
			if err := json.Unmarshal(body, &f); err != nil || status != 400 || f.Code != "invalid_argument" || receipt.Status != 400 || receipt.Reason != "invalid_request" {
				t.Fatalf("status %d, %v, receipt %+v: %s", status, err, receipt, body)
			}
			if f.detail(t).GetReason() != sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST {
				t.Errorf("no detail: %s", body)
			}
			g.healthy(t, door)
		})
	}
}

func TestConnect_refuses_what_is_no_call(t *testing.T) {
	g := open(t)
	for _, test := range []struct {
		name, path, contentType string
		status                  int
	}{
		{"a type of nobody", chatMethod, "text/plain", 415},
		{"an unknown method", "/sluice.v1.ChatService/Nothing", "application/json", 404},
		{"an unknown service", "/sluice.v9.Nothing/Chat", "application/json", 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, _, body := g.post(t, test.path, test.contentType, []byte(`{}`))
			if receipt := g.Receipt(t); status != test.status || receipt.Status != test.status {
				t.Errorf("status %d, receipt %+v, want %d: %s", status, receipt, test.status, body)
			}
			g.healthy(t, g.Doors(t)[3])
		})
	}
}

func TestConnect_says_in_its_own_words_that_a_method_is_unknown(t *testing.T) {
	g := open(t)
	for _, test := range []struct {
		contentType, version string
		status               int
	}{{"application/json", "1", 501}, {"application/proto", "", 501}, {"application/connect+json", "1", 200}} {
		var header []string
		if test.version != "" {
			header = []string{"Connect-Protocol-Version", test.version}
		}
		status, _, body := g.post(t, "/sluice.v1.ChatService/Nothing", test.contentType, []byte(`{}`), header...)
		receipt := g.Receipt(t)
		var f connectFailure
		raw := body
		if test.status == 200 {
			var end struct{ Error json.RawMessage }
			if len(body) < 5 || json.Unmarshal(body[5:], &end) != nil {
				t.Fatalf("%q", body)
			}
			raw = end.Error
		}
		if err := json.Unmarshal(raw, &f); err != nil || status != test.status || f.Code != "unimplemented" || receipt.Reason != "not_found" || receipt.Door != "connect" {
			t.Errorf("%s: status %d, %v, receipt %+v: %s", test.contentType, status, err, receipt, body)
		}
		if f.detail(t).GetReason() != sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND {
			t.Errorf("%s: no detail: %s", test.contentType, body)
		}
	}
}

func TestGRPCWeb_refuses_bad_input_with_details(t *testing.T) {
	g := open(t)
	door := g.Doors(t)[5]
	for _, c := range rpcCases() {
		if c.code == codes.Unimplemented {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = chatMethod
			}
			status, header, body := g.post(t, method, "application/grpc-web+proto", frame(c.message))
			receipt := g.Receipt(t)
			trailer := webTrailer(t, header, body)
			if status != 200 || trailer.Get("Grpc-Status") != fmt.Sprint(uint32(c.code)) || receipt.Status != int(c.status) {
				t.Fatalf("status %d, trailer %v, receipt %+v, want %s: %q", status, trailer, receipt, c.code, body)
			}
			raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(trailer.Get("Grpc-Status-Details-Bin"), "="))
			if err != nil || !bytes.Contains(raw, []byte("sluice.v1.ErrorDetail")) {
				t.Errorf("no detail: %v", trailer)
			}
			g.healthy(t, door)
		})
	}
}

// webTrailer returns the trailer of a gRPC-Web answer: within the body, or the header
// of an answer that has nothing else.
func webTrailer(t *testing.T, header http.Header, body []byte) http.Header {
	t.Helper()
	trailer := header.Clone()
	for len(body) >= 5 {
		size := int(binary.BigEndian.Uint32(body[1:5]))
		if size > len(body)-5 {
			t.Fatalf("a frame breaks off: %q", body)
		}
		if body[0]&0x80 != 0 {
			for line := range strings.Lines(string(body[5 : 5+size])) {
				if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
					trailer.Set(name, strings.TrimSpace(value))
				}
			}
		}
		body = body[5+size:]
	}
	return trailer
}
