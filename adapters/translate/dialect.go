package translate

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/sluice-ai/sluice/proto/wirejson"
)

// DataURL parts a data URL into its media type, in lower case and without parameters, and
// its data as base64. Source: RFC 2397.
func DataURL(text string) (media, data string, ok bool) {
	const scheme = "data:"
	if len(text) < len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
		return "", "", false
	}
	head, data, ok := strings.Cut(text[len(scheme):], ",")
	if !ok {
		return "", "", false
	}
	plain, isBase64 := strings.CutSuffix(head, ";base64")
	media, _, _ = strings.Cut(plain, ";")
	if media = strings.ToLower(strings.TrimSpace(media)); media == "" {
		media = "text/plain"
	}
	if media == "image/jpg" { // no media type, but in use
		media = "image/jpeg"
	}
	if kind, sub, slash := strings.Cut(media, "/"); !slash || kind == "" || sub == "" || strings.ContainsAny(media, " \t\r\n\"<>") {
		return "", "", false
	}
	if isBase64 {
		return media, data, true
	}
	unescaped, err := url.PathUnescape(data)
	if err != nil {
		return "", "", false
	}
	return media, base64.StdEncoding.EncodeToString([]byte(unescaped)), true
}

// DescribeSchema puts a description in front of a JSON Schema that has none. ok is false
// when it has one, or refers to another schema, beside which nothing may stand.
func DescribeSchema(schema []byte, description string) (described []byte, ok bool) {
	schema = bytes.TrimSpace(schema)
	if len(schema) == 0 || schema[0] != '{' {
		return nil, false
	}
	for _, name := range []string{"description", "$ref"} {
		if _, there, err := wirejson.Peek(schema, name); there || err != nil {
			return nil, false
		}
	}
	out := wirejson.AppendString([]byte(`{"description":`), description)
	if members := bytes.TrimSpace(schema[1:]); members[0] != '}' {
		out = append(out, ',')
	}
	return append(out, schema[1:]...), true
}

// Alone returns the only element of a JSON array, into which some servers put their error
// bodies, and any other document as it is. Nil: the array has another number of elements.
func Alone(document []byte) []byte {
	document = bytes.TrimSpace(document)
	if len(document) == 0 || document[0] != '[' {
		return document
	}
	var list []json.RawMessage
	if json.Unmarshal(document, &list) != nil || len(list) != 1 {
		return nil
	}
	return list[0]
}

// statusOfGoogle is google/rpc/code.proto's mapping of its codes to HTTP.
var statusOfGoogle = map[string]int{
	"INVALID_ARGUMENT": http.StatusBadRequest, "FAILED_PRECONDITION": http.StatusBadRequest, "OUT_OF_RANGE": http.StatusBadRequest,
	"UNAUTHENTICATED": http.StatusUnauthorized, "PERMISSION_DENIED": http.StatusForbidden, "NOT_FOUND": http.StatusNotFound,
	"ALREADY_EXISTS": http.StatusConflict, "ABORTED": http.StatusConflict, "RESOURCE_EXHAUSTED": http.StatusTooManyRequests,
	"CANCELLED": 499, "INTERNAL": http.StatusInternalServerError, "UNKNOWN": http.StatusInternalServerError, "DATA_LOSS": http.StatusInternalServerError,
	"UNIMPLEMENTED": http.StatusNotImplemented, "UNAVAILABLE": http.StatusServiceUnavailable, "DEADLINE_EXCEEDED": http.StatusGatewayTimeout,
}

// StatusOfGoogle returns the HTTP status of a code that Google's APIs name in errors,
// whichever company's model they serve. 0: there is none of that name.
func StatusOfGoogle(code string) int { return statusOfGoogle[code] }

// PackVector writes numbers as what OpenAI's base64 of an embedding holds, little-endian
// float32. The numbers that models print are float32 values: none of their bits is lost.
func PackVector(values []float64) string {
	packed := make([]byte, 0, 4*len(values))
	for _, v := range values {
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(float32(v)))
	}
	return base64.StdEncoding.EncodeToString(packed)
}
