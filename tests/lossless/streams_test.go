package lossless

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"
)

func TestWire_11_usage_that_nobody_asked_for_is_hidden_and_stream_options_are_kept(t *testing.T) {
	w := open(t)
	for _, test := range []struct {
		name, options, sent string
		shown               bool
	}{
		{"absent", ``, `{"include_usage":true}`, false},
		{"null", `null`, `{"include_usage":true}`, false},
		{"empty", `{}`, `{"include_usage":true}`, false},
		{"not wanted", `{"include_usage":false}`, `{"include_usage":true}`, false},
		{"null inside", `{"include_usage":null}`, `{"include_usage":true}`, false},
		{"wanted", `{"include_usage":true}`, `{"include_usage":true}`, true},
		{"obfuscation off", `{"include_obfuscation":false}`, `{"include_usage":true,"include_obfuscation":false}`, false},
		{"more options", `{"include_obfuscation":true,"x":{"b":1,"a":2},"continuous_usage_stats":true}`, `{"include_usage":true,"include_obfuscation":true,"x":{"b":1,"a":2},"continuous_usage_stats":true}`, false},
	} {
		w.up.Answer(harness.Events(firstChunk, lastChunk, usageChunk))
		answer, receipt := w.send(t, http.MethodPost, "/chat/completions", with(t, streamRequest, "stream_options", test.options))
		want := []string{firstChunk, lastChunk, "[DONE]"}
		if test.shown {
			want = []string{firstChunk, lastChunk, usageChunk, "[DONE]"}
		}
		got := events(t, answer.body)
		if len(got) != len(want) {
			t.Errorf("%s: events %q", test.name, got)
		}
		if receipt.Input != 1 || receipt.Output != 2 || receipt.Estimated {
			t.Errorf("%s: receipt %+v", test.name, receipt)
		}
		sent, _ := harness.At(w.up.Only(t).Body, "stream_options")
		sameJSON(t, test.name, []byte(test.sent), sent)
	}
}

func TestWire_11_a_unary_request_gets_no_stream_options(t *testing.T) {
	w := open(t)
	w.up.Answer(harness.JSON(200, simpleAnswer))
	sent, _ := w.chat(t, with(t, simpleRequest, "stream", "false"))
	sameJSON(t, "request", []byte(with(t, simpleRequest, "stream", "false")), sent.Body)
}

func TestWire_12_a_chat_stream_is_data_lines_and_ends_with_DONE(t *testing.T) {
	w := open(t)
	w.up.Answer(harness.Events(firstChunk, secondChunk, lastChunk, usageChunk))
	sent, answer := w.chat(t, streamRequest)
	want := "data: " + firstChunk + "\n\ndata: " + secondChunk + "\n\ndata: " + lastChunk + "\n\ndata: [DONE]\n\n"
	if string(answer.body) != want {
		t.Errorf("got  %q\nwant %q", answer.body, want)
	}
	if got := answer.header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Errorf("Content-Type %q", got)
	}
	if got := answer.header.Get("Content-Length"); got != "" {
		t.Errorf("Content-Length %q", got)
	}
	if got := answer.header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("Cache-Control %q", got)
	}
	if got := sent.Header.Get("Accept"); got != "text/event-stream" {
		t.Errorf("Accept sent upstream %q", got)
	}
}

func TestWire_13_upstream_events_are_read_in_every_framing(t *testing.T) {
	w := open(t)
	lf := "data: " + firstChunk + "\n\ndata: " + secondChunk + "\n\ndata: " + lastChunk + "\n\ndata: [DONE]\n\n"
	half := strings.Index(secondChunk, `"choices"`)
	framings := map[string]string{
		"LF":                    lf,
		"CRLF":                  strings.ReplaceAll(lf, "\n", "\r\n"),
		"CR":                    strings.ReplaceAll(lf, "\n", "\r"),
		"mixed":                 "data: " + firstChunk + "\r\n\ndata: " + secondChunk + "\r\rdata: " + lastChunk + "\n\r\ndata: [DONE]\n\n",
		"a byte order mark":     "\ufeff" + lf,
		"no space":              strings.ReplaceAll(lf, "data: ", "data:"),
		"comments":              ": hello\n\n" + strings.ReplaceAll(lf, "data: ", ": ping\n:\ndata: ") + ": bye\n\n",
		"other fields":          strings.ReplaceAll(lf, "data: ", "id: 1\nretry: 10\nevent: message\nnovel: x\ndata: "),
		"fields behind data":    strings.ReplaceAll(lf, "\n\n", "\nid: 7\n\n"),
		"several data lines":    "data: " + firstChunk + "\n\ndata: " + secondChunk[:half] + "\ndata: " + secondChunk[half:] + "\n\ndata: " + lastChunk + "\n\ndata: [DONE]\n\n",
		"empty lines galore":    "\n\n\n" + strings.ReplaceAll(lf, "\n\n", "\n\n\n\n"),
		"empty data":            "data:\n\ndata\n\n" + lf,
		"no blank line at last": strings.TrimSuffix(lf, "\n\n"),
		"no newline at last":    strings.TrimSuffix(lf, "\n"),
		"words behind DONE":     lf + "data: " + firstChunk + "\n\n",
	}
	for name, raw := range framings {
		for _, size := range []int{0, 1, 7} {
			w.up.Answer(harness.Bytes(raw, size))
			answer, receipt := w.send(t, http.MethodPost, "/chat/completions", streamRequest)
			got := events(t, answer.body)
			if len(got) != 4 || got[3] != "[DONE]" {
				t.Errorf("%s in pieces of %d: %q", name, size, got)
				continue
			}
			for i, want := range []string{firstChunk, secondChunk, lastChunk} {
				sameJSON(t, name, []byte(want), []byte(got[i]))
			}
			if receipt.Reason != "" {
				t.Errorf("%s: receipt %+v", name, receipt)
			}
		}
	}
}

func TestWire_13_a_line_of_a_megabyte_passes_whole(t *testing.T) {
	w := open(t)
	text := strings.Repeat("0123456789abcdé😀", 1<<20/18)
	long := strings.Replace(secondChunk, "lo ü😀", text, 1)
	for _, size := range []int{0, 64<<10 - 1} {
		w.up.Answer(harness.Bytes("data: "+firstChunk+"\n\ndata: "+long+"\n\ndata: "+lastChunk+"\n\ndata: [DONE]\n\n", size))
		answer, _ := w.send(t, http.MethodPost, "/chat/completions", streamRequest)
		got := events(t, answer.body)
		if len(got) != 4 || got[1] != long {
			t.Errorf("%d events, %d bytes", len(got), len(answer.body))
		}
	}
}

func TestWire_13_events_arrive_when_they_are_sent(t *testing.T) {
	w := open(t)
	next := make(chan string)
	w.up.Handle(func(rw http.ResponseWriter, _ *http.Request, _ *harness.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		for text := range next {
			_, _ = io.WriteString(rw, text)
			_ = http.NewResponseController(rw).Flush()
		}
	})
	// The upstream sends the next event only after the last one arrived: a gateway that
	// holds events back stops here.
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	go func() { next <- "data: " + firstChunk + "\n\n" }()
	r := w.start(t, ctx, http.MethodPost, "/chat/completions", streamRequest)
	defer r.Body.Close()
	rest := []string{"data: " + secondChunk + "\n\n", "data: " + lastChunk + "\n\n", "data: [DONE]\n\n"}
	n := 0
	if err := harness.ReadEvents(r.Body, func(harness.Event) {
		if n++; n <= len(rest) {
			next <- rest[n-1]
			if n == len(rest) {
				close(next)
			}
		}
	}); err != nil || n != 4 {
		t.Errorf("%d events, %v", n, err)
	}
	w.Receipt(t)
}

func TestWire_14_a_stream_that_breaks_delivers_what_came_and_ends_in_an_error(t *testing.T) {
	w := openWith(t, "    timeouts: {idle: 200ms}", "breaker: {enabled: false}")
	data := func(chunks ...string) string {
		var b strings.Builder
		for _, c := range chunks {
			b.WriteString("data: " + c + "\n\n")
		}
		return b.String()
	}
	end := func(r harness.Reply, end harness.End) harness.Reply { r.End = end; return r }
	for name, reply := range map[string]harness.Reply{
		"the connection closes":         end(harness.Bytes(data(firstChunk, secondChunk), 50), harness.EndCut),
		"it closes inside an event":     end(harness.Bytes(data(firstChunk, secondChunk)+"data: {\"id\":", 0), harness.EndCut),
		"the body ends":                 harness.Bytes(data(firstChunk, secondChunk), 0),
		"the body ends inside an event": harness.Bytes(data(firstChunk, secondChunk)+"data: {\"id\":", 0),
		"nothing more comes":            end(harness.Bytes(data(firstChunk, secondChunk), 60), harness.EndHang),
		"an event is no JSON":           harness.Bytes(data(firstChunk, secondChunk, "{oops")+"data: [DONE]\n\n", 0),
		"an error comes":                harness.Bytes(data(firstChunk, secondChunk, `{"error":{"message":"m","type":"server_error","param":null,"code":null}}`), 0),
		"an error comes before DONE":    harness.Bytes(data(firstChunk, secondChunk, `{"error":{"message":"m","type":"server_error","param":null,"code":null}}`)+"data: [DONE]\n\n", 0),
		"an error is named":             harness.Bytes(data(firstChunk, secondChunk)+"event: error\ndata: {\"error\":{\"message\":\"m\"}}\n\n", 0),
	} {
		w.up.Answer(reply)
		answer, receipt := w.send(t, http.MethodPost, "/chat/completions", streamRequest)
		got := events(t, answer.body)
		if answer.status != 200 || len(got) != 3 {
			t.Errorf("%s: %s", name, answer)
			continue
		}
		sameJSON(t, name, []byte(firstChunk), []byte(got[0]))
		sameJSON(t, name, []byte(secondChunk), []byte(got[1]))
		if message, ok := harness.At([]byte(got[2]), "error", "message"); !ok || string(message) == `""` {
			t.Errorf("%s: the last event is %s", name, got[2])
		}
		if slices.Contains(got, "[DONE]") {
			t.Errorf("%s: ended as if it were whole", name)
		}
		if n := len(w.up.Requests()); n != 1 {
			t.Errorf("%s: the upstream was called %d times", name, n)
		}
		if receipt.Reason == "" || receipt.Status == 200 || !receipt.Estimated || receipt.Output == 0 {
			t.Errorf("%s: receipt %+v", name, receipt)
		}
	}
}

func TestWire_14_an_upstream_killed_in_the_middle_is_called_once(t *testing.T) {
	w, gone := open(t), make(chan struct{})
	w.up.Handle(func(rw http.ResponseWriter, _ *http.Request, _ *harness.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(rw, "data: "+firstChunk+"\n\n")
		_ = http.NewResponseController(rw).Flush()
		<-gone
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		// A reset, as from a killed process.
		if tcp, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	})
	r := w.start(t, t.Context(), http.MethodPost, "/chat/completions", streamRequest)
	defer r.Body.Close()
	var got []string
	if err := harness.ReadEvents(r.Body, func(e harness.Event) {
		if got = append(got, e.Data); len(got) == 1 {
			close(gone)
		}
	}); err != nil {
		t.Error(err)
	}
	if len(got) != 2 || got[0] != firstChunk || !strings.Contains(got[1], `"error"`) {
		t.Errorf("%q", got)
	}
	if receipt := w.Receipt(t); receipt.Reason != "upstream_unavailable" || !receipt.Estimated {
		t.Errorf("receipt %+v", receipt)
	}
	w.up.Only(t)
}

func TestWire_15_an_error_before_the_first_event_keeps_its_status_and_is_JSON(t *testing.T) {
	w := openPatient(t)
	for _, status := range []int{400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 529} {
		body := `{"error":{"message":"m","type":"t","param":"p","code":"c"}}`
		w.up.Answer(harness.JSON(status, body, [2]string{"Retry-After", "3"}))
		answer, _ := w.send(t, http.MethodPost, "/chat/completions", streamRequest)
		if answer.status != status || answer.header.Get("Content-Type") != "application/json" || answer.header.Get("Retry-After") != "3" {
			t.Errorf("%d: %s, %v", status, answer, answer.header)
		}
		sameJSON(t, "body", []byte(body), answer.body)
	}
	// An error as the first event is no different: nothing was promised yet.
	w.up.Answer(harness.Events(`{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`))
	answer, _ := w.send(t, http.MethodPost, "/chat/completions", streamRequest)
	if answer.status != 429 || answer.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s", answer)
	}
	// Nor is a stream that ends before it begins.
	for name, reply := range map[string]harness.Reply{"empty": harness.Bytes("", 0), "cut": {Header: [][2]string{{"Content-Type", "text/event-stream"}}, End: harness.EndCut}} {
		w.up.Answer(reply)
		answer, _ := w.send(t, http.MethodPost, "/chat/completions", streamRequest)
		if answer.status != 502 || answer.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s", name, answer)
		}
	}
}

func TestWire_16_a_client_that_leaves_ends_the_upstream_call_within_a_second(t *testing.T) {
	w := open(t)
	chunk := harness.Reply{Header: [][2]string{{"Content-Type", "text/event-stream"}}, Pieces: [][]byte{[]byte("data: " + firstChunk + "\n\n")}, End: harness.EndHang}
	silent := harness.Reply{Silent: true, End: harness.EndHang}
	headers := harness.Reply{Header: [][2]string{{"Content-Type", "text/event-stream"}}, Pieces: [][]byte{nil}, End: harness.EndHang}
	for _, test := range []struct {
		name    string
		reply   harness.Reply
		stream  bool
		wait    bool // for the first chunk
		outputs bool
	}{
		{"a unary call before the first byte", silent, false, false, false},
		{"a stream before the first byte", silent, true, false, false},
		{"a stream behind the headers", headers, true, false, false},
		{"a stream in the middle", chunk, true, true, true},
	} {
		for _, door := range w.Doors(t) {
			w.up.Answer(test.reply)
			ctx, leave := context.WithCancel(t.Context())
			arrived := make(chan struct{}, 1)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				call := harness.Call{JSON: []byte(simpleRequest)}
				if !test.stream {
					door.Chat(ctx, call)
					return
				}
				door.StreamChat(ctx, call, func(*chunkMessage) { arrived <- struct{}{} })
			}()
			request := w.up.Next(t)
			if test.wait {
				harness.Within(t, harness.Patience, arrived, "the first chunk")
			}
			leave()
			harness.Within(t, time.Second, request.Gone, test.name+" through "+door.Name+": the end of the upstream call")
			receipt := w.Receipt(t)
			if receipt.Reason != "canceled" || receipt.Status != 499 || test.outputs != (receipt.Output > 0) || receipt.Input == 0 || !receipt.Estimated {
				t.Errorf("%s through %s: receipt %+v", test.name, door.Name, receipt)
			}
			<-ended
			if n := len(w.up.Requests()); n != 1 {
				t.Errorf("%s through %s: the upstream was called %d times", test.name, door.Name, n)
			}
		}
	}
}

func TestWire_16_a_deadline_of_the_caller_ends_the_upstream_call(t *testing.T) {
	w := open(t)
	for _, door := range w.Doors(t) {
		if door.IsREST() {
			continue // plain HTTP has no deadline
		}
		w.up.Answer(harness.Reply{Silent: true, End: harness.EndHang})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		door.Chat(ctx, harness.Call{JSON: []byte(simpleRequest)})
		cancel()
		harness.Within(t, time.Second, w.up.Next(t).Gone, "the end of the upstream call")
		// The client's own timer may be first, and then it has left.
		if receipt := w.Receipt(t); receipt.Reason != "deadline_exceeded" && receipt.Reason != "canceled" {
			t.Errorf("%s: receipt %+v", door.Name, receipt)
		}
	}
}

func TestWire_12_a_stream_of_a_server_that_answers_in_one_piece(t *testing.T) {
	w := open(t)
	w.up.Answer(harness.JSON(200, simpleAnswer))
	answer, receipt := w.send(t, http.MethodPost, "/chat/completions", streamRequest)
	got := events(t, answer.body)
	if len(got) < 2 || got[len(got)-1] != "[DONE]" || !bytes.Contains(answer.body, []byte(`"content":"Ok"`)) || bytes.Contains(answer.body, []byte(`"usage":{`)) {
		t.Errorf("%s", answer)
	}
	if receipt.Input != 1 || receipt.Output != 2 {
		t.Errorf("receipt %+v", receipt)
	}
}
