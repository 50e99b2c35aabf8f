package edge

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"

	"github.com/sluice-ai/sluice/server/usage"
)

// enveloped5 is a message with its prefix.
func enveloped5(flags byte, message []byte) string {
	return string(append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(message))), message...))
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// rpcRefusal is what an RPC client reads of a failure.
type rpcRefusal struct {
	code   string
	detail *sluicev1.ErrorDetail
}

// refusedAs reads an answer by its protocol's own rules: Connect's "Error Codes" and "Error
// end-stream", gRPC-Web's "trailers-only".
func refusedAs(t *testing.T, contentType string, got answer) rpcRefusal {
	t.Helper()
	if strings.HasPrefix(contentType, "application/grpc") {
		raw, err := base64.RawStdEncoding.DecodeString(got.header.Get("Grpc-Status-Details-Bin"))
		st := new(spb.Status)
		if err != nil || proto.Unmarshal(raw, st) != nil {
			t.Fatalf("%v, %+v", err, got)
		}
		refused := rpcRefusal{code: strings.ToLower(codes.Code(st.GetCode()).String()), detail: new(sluicev1.ErrorDetail)}
		if len(st.GetDetails()) == 0 || st.GetDetails()[0].UnmarshalTo(refused.detail) != nil {
			t.Errorf("no detail: %+v", got)
		}
		return refused
	}
	type failure struct {
		Code    string
		Details []struct {
			Type, Value string
		}
	}
	var f failure
	if strings.HasPrefix(contentType, "application/connect+") {
		var end struct{ Error failure }
		if len(got.body) < envelopeBytes || json.Unmarshal([]byte(got.body[envelopeBytes:]), &end) != nil {
			t.Fatalf("no end of a stream: %+v", got)
		}
		f = end.Error
	} else if err := json.Unmarshal([]byte(got.body), &f); err != nil {
		t.Fatalf("%v: %+v", err, got)
	}
	refused := rpcRefusal{code: strings.ReplaceAll(f.Code, "_", ""), detail: new(sluicev1.ErrorDetail)}
	if len(f.Details) == 0 || f.Details[0].Type != "sluice.v1.ErrorDetail" {
		t.Errorf("no detail: %+v", got)
		return refused
	}
	raw, err := base64.RawStdEncoding.DecodeString(f.Details[0].Value)
	if err != nil || proto.Unmarshal(raw, refused.detail) != nil {
		t.Errorf("%v: %+v", err, f)
	}
	return refused
}

// What connect-go would refuse in its own words is refused with our reason, through every
// protocol that it speaks, and is accounted for.
func TestConnect_gives_every_refusal_its_reason(t *testing.T) {
	const (
		unary, stream                  = sluicev1connect.ChatServiceCreateChatCompletionProcedure, sluicev1connect.ChatServiceStreamChatCompletionProcedure
		connectUnary, connectStream    = "application/proto", "application/connect+proto"
		grpcWeb                        = "application/grpc-web+proto"
		invalid, unsupported, tooLarge = sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED, sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE
	)
	message, err := proto.Marshal(question())
	if err != nil {
		t.Fatal(err)
	}
	packed := gzipped(t, message)
	falsified := bytes.Clone(packed)
	falsified[len(falsified)-8] ^= 0xff // of the checksum
	h := open(t, Config{MaxRequestBytes: 100_000}, &far{})
	for name, test := range map[string]struct {
		path, contentType, body string
		header                  []string
		code                    string
		reason                  sluicev1.ErrorReason
		says                    string
	}{
		"no gzip":                       {unary, connectUnary, "certainly not", []string{"Content-Encoding", "gzip"}, "invalidargument", invalid, "valid gzip"},
		"gzip cut":                      {unary, connectUnary, string(packed[:len(packed)-5]), []string{"Content-Encoding", "gzip"}, "invalidargument", invalid, "valid gzip"},
		"gzip of a header alone":        {unary, connectUnary, string(packed[:10]), []string{"Content-Encoding", "gzip"}, "invalidargument", invalid, "valid gzip"},
		"gzip falsified":                {unary, connectUnary, string(falsified), []string{"Content-Encoding", "gzip"}, "invalidargument", invalid, "valid gzip"},
		"gzip and then something":       {unary, connectUnary, string(packed) + "more", []string{"Content-Encoding", "gzip"}, "invalidargument", invalid, "valid gzip"},
		"gzip falsified, JSON":          {unary, "application/json", string(falsified), []string{"Content-Encoding", "gzip"}, "invalidargument", invalid, "valid gzip"},
		"gzip falsified, stream":        {stream, connectStream, enveloped5(1, falsified), []string{"Connect-Content-Encoding", "gzip"}, "invalidargument", invalid, "valid gzip"},
		"gzip falsified, gRPC-Web":      {unary, grpcWeb, enveloped5(1, falsified), []string{"Grpc-Encoding", "gzip"}, "invalidargument", invalid, "valid gzip"},
		"compression of nobody":         {unary, connectUnary, string(packed), []string{"Content-Encoding", "br"}, "unimplemented", unsupported, `"br"`},
		"compression, stream":           {stream, connectStream, enveloped5(1, packed), []string{"Connect-Content-Encoding", "br"}, "unimplemented", unsupported, `"br"`},
		"compression, gRPC-Web":         {unary, grpcWeb, enveloped5(1, packed), []string{"Grpc-Encoding", "br"}, "unimplemented", unsupported, `"br"`},
		"timeout of words":              {unary, connectUnary, string(message), []string{"Connect-Timeout-Ms", "soon"}, "invalidargument", invalid, "connect-timeout-ms"},
		"timeout below nothing":         {unary, connectUnary, string(message), []string{"Connect-Timeout-Ms", "-1"}, "invalidargument", invalid, "connect-timeout-ms"},
		"timeout of eleven digits":      {stream, connectStream, enveloped5(0, message), []string{"Connect-Timeout-Ms", "10000000000"}, "invalidargument", invalid, "10 digits"},
		"timeout without a unit":        {unary, grpcWeb, enveloped5(0, message), []string{"Grpc-Timeout", "10"}, "invalidargument", invalid, "grpc-timeout"},
		"timeout of nine digits":        {unary, grpcWeb, enveloped5(0, message), []string{"Grpc-Timeout", "100000000S"}, "invalidargument", invalid, "8 digits"},
		"timeout that is long":          {unary, grpcWeb, enveloped5(0, message), []string{"Grpc-Timeout", strings.Repeat("9", 5000)}, "invalidargument", invalid, "..."},
		"protocol of the future":        {unary, connectUnary, string(message), []string{"Connect-Protocol-Version", "2"}, "invalidargument", invalid, "only 1"},
		"protocol, stream":              {stream, connectStream, enveloped5(0, message), []string{"Connect-Protocol-Version", "2"}, "invalidargument", invalid, "only 1"},
		"compressed without a word":     {stream, connectStream, enveloped5(1, packed), nil, "invalidargument", invalid, "does not say how"},
		"compressed, gRPC-Web":          {unary, grpcWeb, enveloped5(1, packed), nil, "invalidargument", invalid, "does not say how"},
		"unknown flags":                 {stream, connectStream, enveloped5(0x40, message), nil, "invalidargument", invalid, "0x40"},
		"the end of a stream":           {stream, connectStream, enveloped5(2, []byte("{}")), nil, "invalidargument", invalid, "0x2"},
		"a prefix alone":                {stream, connectStream, enveloped5(0, message)[:5], nil, "invalidargument", invalid, "ends after 0"},
		"half a prefix":                 {unary, grpcWeb, "\x00\x00", nil, "invalidargument", invalid, "after 2 bytes"},
		"a message that ends early":     {unary, grpcWeb, enveloped5(0, message)[:12], nil, "invalidargument", invalid, "ends after 7"},
		"no message":                    {stream, connectStream, "", nil, "unimplemented", unsupported, "no message"},
		"no message, gRPC-Web":          {unary, grpcWeb, "", nil, "unimplemented", unsupported, "no message"},
		"trailers alone, gRPC-Web":      {unary, grpcWeb, enveloped5(0x80, []byte("a: b\r\n")), nil, "unimplemented", unsupported, "no message"},
		"two messages":                  {stream, connectStream, enveloped5(0, message) + enveloped5(0, message), nil, "unimplemented", unsupported, "more than one"},
		"two messages, gRPC-Web":        {unary, grpcWeb, enveloped5(0, message) + enveloped5(0, message), nil, "unimplemented", unsupported, "more than one"},
		"two messages, each with a gap": {unary, grpcWeb, enveloped5(0, message) + "\x00", nil, "unimplemented", unsupported, "more than one"},
		"too large and cut":             {unary, connectUnary, string(gzipped(t, bytes.Repeat([]byte("x"), 100_001))), []string{"Content-Encoding", "gzip"}, "resourceexhausted", tooLarge, "100000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			got := h.do(t, "POST", test.path, test.body, append(test.header, "Content-Type", test.contentType)...)
			refused := refusedAs(t, test.contentType, got)
			if refused.code != test.code || refused.detail.GetReason() != test.reason || !strings.Contains(refused.detail.GetError().GetMessage(), test.says) {
				t.Errorf("%+v: %s %v", got, refused.code, refused.detail)
			}
			r := h.ledger.next(t)
			if r.Reason != test.reason || r.Operation != usage.OperationChat || r.ID != refused.detail.GetRequestId() || got.header.Get("X-Sluice-Request-Id") != r.ID {
				t.Errorf("receipt %+v, %v", r, refused.detail)
			}
			h.ledger.none(t)
			if strings.Contains(name, "compression") && !strings.Contains(strings.Join([]string{
				got.header.Get("Accept-Encoding"), got.header.Get("Connect-Accept-Encoding"), got.header.Get("Grpc-Accept-Encoding"),
			}, ""), "gzip") {
				t.Errorf("it does not say what it takes: %v", got.header)
			}
		})
	}
	for name, timeout := range map[string][]string{"Connect": {connectUnary, string(message), "Connect-Timeout-Ms", "9999999999"}, "gRPC-Web": {grpcWeb, enveloped5(0, message), "Grpc-Timeout", "99999999H"}} {
		got := h.do(t, "POST", unary, timeout[1], "Content-Type", timeout[0], timeout[2], timeout[3])
		if r := h.ledger.next(t); got.status != 200 || r.Reason != 0 {
			t.Errorf("%s: the longest timeout: %+v, %+v", name, got, r)
		}
	}
	const model, encoded = sluicev1connect.ModelsServiceGetModelProcedure, "%7B%22model%22%3A%22far%2Fx%22%7D"
	for query, test := range map[string]struct {
		code   string
		reason sluicev1.ErrorReason
	}{
		"encoding=json&connect=v1":                                     {"invalidargument", invalid},
		"encoding=json&connect=v2&message=" + encoded:                  {"invalidargument", invalid},
		"encoding=json&connect=v1&compression=br&message=" + encoded:   {"unimplemented", unsupported},
		"encoding=json&connect=v1&compression=gzip&message=" + encoded: {"invalidargument", invalid},
		"encoding=json&connect=v1&base64=1&message=%21%21":             {"invalidargument", invalid},
		"encoding=json&connect=v1&message=%7B":                         {"invalidargument", invalid},
	} {
		got := h.do(t, "GET", model+"?"+query, "")
		refused := refusedAs(t, connectUnary, got)
		if r := h.ledger.next(t); refused.code != test.code || refused.detail.GetReason() != test.reason || r.Reason != test.reason || r.Operation != usage.OperationGetModel {
			t.Errorf("%s: %+v, %v, %+v", query, got, refused.detail, r)
		}
	}
	for _, query := range []string{"message=" + encoded, "connect=v1&base64=1&message=eyJtb2RlbCI6ImZhci94In0", "base64=1&message=eyJtb2RlbCI6ImZhci94In0%3D"} {
		got := h.do(t, "GET", model+"?encoding=json&"+query, "")
		if r := h.ledger.next(t); got.status != 200 || r.Reason != 0 {
			t.Errorf("%s: %+v, %+v", query, got, r)
		}
	}
	got := h.do(t, "POST", unary, string(packed), "Content-Type", connectUnary, "Content-Encoding", "gzip")
	if r := h.ledger.next(t); got.status != 200 || r.Reason != 0 {
		t.Errorf("good gzip behind bad: %+v, %+v", got, r)
	}
	h.healthy(t)
}

// A message arrives in pieces of any size.
func TestSingleMessage_judges_alike_however_bytes_are_split(t *testing.T) {
	for body, want := range map[string]bool{
		enveloped5(0, []byte("abc")): true, enveloped5(0, nil): true, enveloped5(0, []byte("abc")) + enveloped5(0x80, []byte("a: b\r\n")): true,
		enveloped5(0, []byte("abc"))[:7]: false, enveloped5(0, []byte("abc")) + "\x00": false, enveloped5(0, nil) + enveloped5(0, nil): false, "": false, "\x04": false,
	} {
		for size := 1; size <= len(body)+1; size++ {
			m := &singleMessage{web: true}
			failed := false
			for rest := body; rest != "" && !failed; {
				piece := rest[:min(size, len(rest))]
				rest = rest[len(piece):]
				failed = m.follow([]byte(piece)) != nil
			}
			failed = failed || m.ended() != nil
			if failed == want {
				t.Errorf("%q in pieces of %d: refused %v", body, size, failed)
			}
		}
	}
}

// What the decoder did not expect may be the prompt.
func TestConnect_JSON_tells_place_and_kind_but_no_value(t *testing.T) {
	h := open(t, Config{}, &far{})
	for body, want := range map[string]string{
		`hush`:                            `(line 1:1): invalid value`,
		`"hush"`:                          `(line 1:1): unexpected token`,
		`{"model":hush}`:                  `(line 1:10): invalid value`,
		`{"model":{"a":"hush"}}`:          `(line 1:10): invalid value for string field model`,
		`{"user":["hush"]}`:               `(line 1:9): invalid value for string field user`,
		`{"temperature":"hush"}`:          `(line 1:16): invalid value for double field temperature`,
		`{"model" "hush"}`:                `(line 1:10): unexpected character, missing ":" after field name`,
		`{"messages":"hush"}`:             `(line 1:13): unexpected token`,
		`{"messages":[{"user":"hush"}]}`:  `(line 1:22): unexpected token`,
		`{"model":"hush\q"}`:              `(line 1:10): invalid escape code in a string`,
		"{\"model\":\"hush\x00\"}":        `(line 1:10): invalid character in a string`,
		"{\"model\":\"hush\xff\"}":        `(line 1:10): invalid UTF-8 in string`,
		`{"model":"hush`:                  `unexpected EOF`,
		`{"model":"hush","model":"hush"}`: `(line 1:17): duplicate field "model"`,
		`{"messages":[{"user":{"text":"hush","parts":{}}}]}`:        `(line 1:37): error parsing "parts", another member of its kind is already set`,
		`{"` + strings.Repeat("n", 500) + `":"hush"}`:               `(line 1:2): unknown field "` + strings.Repeat("n", 61) + `..."`,
		"{\"\\u0000\u00e9\":\"hush\"}":                              `(line 1:2): unknown field "\u0000?"`,
		`{"model":"m"} hush`:                                        `(line 1:15): invalid value`,
		`{"metadata":{"a":1}}` + strings.Repeat(" ", 10) + `hush`:   ``,
		strings.Repeat(`{"tools":[`, 3) + `hush`:                    ``,
		strings.Repeat(`[`, 20_000) + `"hush"`:                      ``,
		`{"model":"m","x` + strings.Repeat(`\"`, 300) + `":"hush"}`: ``,
	} {
		got := h.do(t, "POST", sluicev1connect.ChatServiceCreateChatCompletionProcedure, body, "Content-Type", "application/json")
		var f struct{ Message string }
		if err := json.Unmarshal([]byte(got.body), &f); err != nil || got.status != 400 {
			t.Errorf("%.80q: %v %+v", body, err, got)
		}
		if strings.Contains(got.body, "hush") {
			t.Errorf("%.80q is told: %s", body, f.Message)
		}
		if told := strings.TrimPrefix(f.Message, "request is no valid JSON of its message: "); want != "" && told != want {
			t.Errorf("%.80q: told %q, want %q", body, told, want)
		}
		h.ledger.next(t)
	}
	h.healthy(t)
}

func TestJSONFailure_tells_nothing_of_what_it_does_not_know(t *testing.T) {
	for text, want := range map[string]string{
		"proto:\u00a0(line 3:4): some news of hush":                   "(line 3:4): it does not read",
		"proto: some news of hush (line 3:4)":                         "it does not read",
		"proto: (line hush): unexpected token":                        "it does not read",
		"proto: (line 1:2): invalid value for hush \"x\" and hush: x": "(line 1:2): invalid value for a field",
		"proto: (line 1:2): unknown field hush":                       "(line 1:2): unknown field",
	} {
		if got := jsonFailure(errors.New(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if err := protojson.Unmarshal([]byte(`{"model":`), new(sluicev1.ChatCompletionRequest)); jsonFailure(err) == "it does not read" {
		t.Errorf("the decoder has new words: %v", err)
	}
}
