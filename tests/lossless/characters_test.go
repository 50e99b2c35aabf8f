package lossless

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

func TestWire_10_every_character_survives_with_its_value(t *testing.T) {
	w := open(t)
	for _, text := range []string{
		`"\u0000\u0001\u001f\u007f"`, `"\b\f\n\r\t\"\\\/"`, `"<>&'+="`, `"\u003c\u003e\u0026"`, `"\u2028\u2029"`, "\"\u2028\u2029\u0085\"", `"\ud83d\ude00"`, `"😀👩‍👩‍👧‍👦"`,
		`"\uD834\uDD1E"`, `"\ufeff\ufffe\uffff\ufffd"`, `"é é"`, `"مرحبا שלום"`, `"\\u0041 \\ud800"`, `"\u00e9\u4f60"`,
	} {
		request := `{"model":"m","messages":[{"role":"user","content":` + text + `,` + text + `:` + text + `}],"x":{"k":` + text + `},"metadata":{` + text + `:` + text + `},"stop":[` + text + `]}`
		body := `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":` + text + `,"x":` + text + `},"finish_reason":"stop"}]}`
		w.up.Answer(harness.JSON(200, body))
		sent, answer := w.chat(t, request)
		sameJSON(t, text, []byte(request), sent.Body)
		sameJSON(t, text, []byte(body), answer.body)
		sameBytes(t, []byte(request), sent.Body, "x")
	}
}

func TestWire_10_a_lone_surrogate_is_refused_with_its_position(t *testing.T) {
	w := open(t)
	w.up.Answer(harness.JSON(200, simpleAnswer))
	for _, text := range []string{`"\ud800"`, `"\udc00"`, `"\ud800\u0041"`, `"\ud83d\ud83d\ude00"`, `"x\ud800` + `x"`} {
		request := `{"model":"m","messages":[{"role":"user","content":"ok"},{"role":"user","content":` + text + `}]}`
		answer, _ := w.send(t, http.MethodPost, "/chat/completions", request)
		param, _ := harness.At(answer.body, "error", "param")
		message, _ := harness.At(answer.body, "error", "message")
		if answer.status != 400 || string(param) != `"messages[1].content"` || !bytes.Contains(message, []byte("(byte ")) {
			t.Errorf("%s: %s", text, answer)
		}
	}
	if n := len(w.up.Requests()); n != 0 {
		t.Errorf("%d requests went upstream", n)
	}
}
