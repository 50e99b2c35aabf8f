package lossless

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

func TestWire_05_numbers_keep_every_digit_and_their_value(t *testing.T) {
	w := open(t)
	numbers := []string{
		`9007199254740993`, `-9007199254740993`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `18446744073709551616`,
		`12345678901234567890`, `123456789012345678901234567890`, `1.0`, `1e3`, `1E+3`, `-0`, `-0.0`, `0.1`, `1e-7`, `0.12345678901234567890123`,
		`1e308`, `1e400`, `5e-324`, `1e-400`, `100000000000000000000000000000.000000000000000000000000000001`,
	}
	for _, n := range numbers {
		// Free JSON keeps even the way in which a number is written.
		request := fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"x"}],"x_number":%[1]s,"x_list":[%[1]s,{"n":%[1]s}],`+
			`"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"p":{"maximum":%[1]s}}}}}],`+
			`"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"const":%[1]s}}}}`, n)
		body := fmt.Sprintf(`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[],"x_number":%[1]s,"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"x_cost":%[1]s}}`, n)
		w.up.Answer(harness.JSON(200, body))
		sent, answer := w.chat(t, request)
		for _, path := range [][]any{
			{"x_number"}, {"x_list"}, {"tools", 0, "function", "parameters"}, {"response_format", "json_schema", "schema"},
		} {
			sameBytes(t, []byte(request), sent.Body, path...)
		}
		sameBytes(t, []byte(body), answer.body, "x_number")
		sameBytes(t, []byte(body), answer.body, "usage", "x_cost")

		// Typed members keep the value, or the request is refused by name; never another
		// value.
		for _, name := range []string{"seed", "max_tokens", "n", "temperature", "top_p", "top_logprobs"} {
			request := with(t, simpleRequest, name, n)
			w.up.Answer(harness.JSON(200, simpleAnswer))
			answer, _ := w.send(t, http.MethodPost, "/chat/completions", request)
			if answer.status != 200 {
				t.Errorf("%s: %s: %s", name, n, answer)
				continue
			}
			sameJSON(t, name+" "+n, []byte(request), w.up.Only(t).Body)
		}
	}
}

func TestWire_05_numbers_of_answers_keep_every_digit(t *testing.T) {
	w := open(t)
	for _, n := range []string{`9007199254740993`, `12345678901234567890`, `1.0`, `1e3`, `0.12345678901234567890123`, `-0.0`, `1e400`} {
		body := fmt.Sprintf(`{"id":"c","object":"chat.completion","created":%[1]s,"model":"m","choices":[{"index":%[1]s,"message":{"role":"assistant","content":"x"},"finish_reason":"stop",`+
			`"logprobs":{"content":[{"token":"t","logprob":%[1]s,"bytes":[%[1]s],"top_logprobs":[]}]}}],"usage":{"prompt_tokens":%[1]s,"completion_tokens":%[1]s,"total_tokens":%[1]s}}`, n)
		w.up.Answer(harness.JSON(200, body))
		_, answer := w.chat(t, simpleRequest)
		sameJSON(t, n, []byte(body), answer.body)
	}
}

func TestWire_05_metadata_and_logit_bias_keep_what_they_hold(t *testing.T) {
	w := open(t)
	for _, member := range []string{
		`"metadata":{"b":"1","a":"2"}`, `"metadata":{"n":9007199254740993,"deep":{"x":null}}`, `"metadata":{"":""}`, `"metadata":"text"`,
		`"logit_bias":{"50256":-100}`, `"logit_bias":{"1":1.0,"2":1e1,"3":0.12345678901234567890123}`, `"logit_bias":{"1":"5"}`,
	} {
		request := `{"model":"m",` + member + `,"messages":[{"role":"user","content":"x"}]}`
		w.up.Answer(harness.JSON(200, simpleAnswer))
		sent, _ := w.chat(t, request)
		sameJSON(t, member, []byte(request), sent.Body)
	}
}

func TestWire_06_key_order_of_free_JSON_is_kept(t *testing.T) {
	w := open(t)
	request := `{"model":"m","messages":[{"role":"user","content":"x"},{"role":"novel","z":1,"a":[{"y":1,"b":2}]}],` +
		`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"zeta":{"type":"string"},"alpha":{"enum":["b","a"]},"10":{},"9":{}},"required":["zeta"],"$defs":{"B":{},"A":{}}}}},` +
		`{"type":"novel","z":{"y":0,"x":0},"a":1}],` +
		`"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"properties":{"steps":{},"final":{},"a":{"d":1,"c":2}},"type":"object"}}},` +
		`"functions":[{"name":"f","parameters":{"z":1,"a":2}}],"x_free":{"z":{"b":1,"a":2},"a":[{"d":1,"c":2}]},` +
		`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"},"a":1}]}}}`
	for _, stream := range []string{"", "true"} {
		w.up.Answer(harness.JSON(200, simpleAnswer))
		body := request
		if stream != "" {
			body = string(harness.WithMember([]byte(request), `"stream":true`))
			w.up.Answer(harness.Events(lastChunk))
		}
		sent, _ := w.chat(t, body)
		for _, path := range [][]any{
			{"tools", 0, "function", "parameters"},
			{"tools", 1},
			{"response_format", "json_schema", "schema"},
			{"functions", 0, "parameters"},
			{"x_free"},
			{"messages", 1},
			{"tool_choice", "allowed_tools", "tools", 0},
		} {
			sameBytes(t, []byte(request), sent.Body, path...)
		}
	}
	body := `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[],"x_free":{"z":{"b":1,"a":2},"a":[]},"usage":null}`
	w.up.Answer(harness.JSON(200, body))
	_, answer := w.chat(t, simpleRequest)
	sameBytes(t, []byte(body), answer.body, "x_free")
}

func TestWire_06_space_within_free_JSON_does_not_change_its_order(t *testing.T) {
	w := open(t)
	request := "{ \"model\" : \"m\" , \"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\r\n\t\"x_free\" : { \"z\" : 1 ,\n \"a\" : [ 1 , 2 ] } }"
	w.up.Answer(harness.JSON(200, simpleAnswer))
	sent, _ := w.chat(t, request)
	sameJSON(t, "request", []byte(request), sent.Body)
	if z, a := bytes.Index(sent.Body, []byte(`"z"`)), bytes.Index(sent.Body, []byte(`"a"`)); z < 0 || a < z {
		t.Errorf("%s", sent.Body)
	}
}
