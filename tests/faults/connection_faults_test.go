package faults

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// connectionFaults are those of the connection itself.
func connectionFaults() []fault {
	unreachable := func() *want { return fails(502, unavailable) }
	noConnection := func() *want { return fails(504, noConnect).in(connectTime) }
	// A connection that breaks in the middle of an answer says as little of whose doing it
	// was as the SPI's text does (adapters.Chatter: protocol or unavailable).
	broke := func() *want { return fails(502, garbled, unavailable) }
	cut := func() *want { return fails(502, garbled) }
	list := []fault{
		{name: "refused", provider: "closed"},
		{name: "close_without_answer", script: func(*exchange) {}},
		{name: "reset_before_headers", script: (*exchange).reset},
		{name: "reset_in_the_headers", script: func(x *exchange) { x.write(ok200, typeJSON); x.reset() }},
	}
	for i := range list {
		list[i].unary, list[i].stream = both(unreachable)
	}
	full := fault{name: "no_room_to_connect", provider: "full"}
	full.unary, full.stream = both(noConnection)
	reset := func(x *exchange) { x.reset() }
	return append(list, full,
		fault{name: "reset_in_the_status_line", script: func(x *exchange) { x.write("HTTP/1.1 20"); x.reset() }, unary: broke(), stream: broke()},
		fault{name: "reset_after_headers", script: answering("", "", 100, reset), unary: broke(), stream: broke()},
		fault{name: "reset_in_the_body", script: answering(wholeBody[:100], begun, 500, delivered(reset)), unary: broke(), stream: broke().behind(nBegun)},
		fault{name: "cut_after_headers", script: answering("", "", 100, closed), unary: cut(), stream: cut()},
		fault{name: "truncated_body", script: answering(wholeBody, begun, 1, closed), unary: cut(), stream: cut().behind(nBegun)},
	)
}

// closed ends an answer before its framing does.
func closed(*exchange) {}

// delivered gives the gateway the time to read what was sent: a reset may overtake it.
func delivered(then func(*exchange)) func(*exchange) {
	return func(x *exchange) {
		x.pause(50 * time.Millisecond)
		then(x)
	}
}

// timeFaults are those of a provider that is slow.
func timeFaults() []fault {
	late := func() *want { return fails(504, noFirstByte).in(firstByteTime) }
	// A provider that began its head and fell silent has sent a byte and has not begun
	// an answer: both bounds are right.
	halfHead := func() *want { return fails(504, noFirstByte, silent).in(firstByteTime + idleTime) }
	quiet := func() *want { return fails(504, silent).in(firstByteTime + idleTime) }
	tokenless := func() *want { return fails(504, noToken).in(firstTokenTime) }
	lasting := func() *want { return fails(504, tooLong).in(totalTime) }
	hang := (*exchange).hang
	dripping := func(x *exchange) {
		text := ok200 + typeJSON + closes + length(len(wholeBody)) + end + wholeBody
		if x.stream {
			text = ok200 + typeSSE + closes + end + whole
		}
		for i := range len(text) {
			if !x.write(text[i : i+1]) {
				return
			}
		}
	}
	endless := func(event string, every time.Duration) script {
		return answering("", event, 1<<20, func(x *exchange) {
			for x.pause(every) {
				if x.stream && !x.chunk(event) || !x.stream && !x.write(" ") {
					return
				}
			}
		})
	}
	return []fault{
		{name: "hang", script: hang, unary: late(), stream: late()},
		{name: "first_byte_too_late", script: func(x *exchange) {
			if x.pause(3 * firstByteTime) {
				healthy(x)
			}
		}, unary: late(), stream: late()},
		{name: "first_byte_late_but_in_time", close: true, script: func(x *exchange) {
			if x.pause(firstByteTime / 6) {
				healthy(x)
			}
		}, unary: fine(), stream: fine()},
		{name: "half_a_status_line", script: func(x *exchange) { x.write("HTTP/1.1 20"); x.hang() }, unary: halfHead(), stream: halfHead()},
		{name: "half_the_headers", script: func(x *exchange) { x.write(ok200, typeJSON, "X-Half"); x.hang() }, unary: halfHead(), stream: halfHead()},
		{name: "drip", provider: "patient", script: dripping, unary: fine(), stream: fine()},
		{name: "silence_after_headers", script: answering("", "", 100, hang), unary: quiet(), stream: quiet()},
		{name: "silence_in_the_body", script: answering(wholeBody[:100], begun, 500, hang), unary: quiet(), stream: quiet().behind(nBegun)},
		{name: "silence_in_an_event", script: answering("", firstEvent+nextEvent+`data: {"id`, 500, hang), stream: quiet().behind(nBegun)},

		{name: "no_event_and_no_head", provider: "eager", script: hang, stream: tokenless()},
		{name: "no_event_but_a_head", provider: "eager", script: answering("", "", 0, hang), stream: tokenless()},
		{name: "comments_and_no_event", provider: "eager", script: endless(": still thinking\n\n", firstTokenTime/6), stream: tokenless()},
		{name: "first_event_in_time", close: true, provider: "eager", script: answering(wholeBody, whole, 0, nil), stream: fine()},

		{name: "hang_under_a_total", provider: "hurried", script: hang, unary: lasting(), stream: lasting()},
		{name: "drip_without_end", provider: "hurried", script: endless("data", totalTime/20), unary: lasting(), stream: lasting()},
		{name: "endless_events", provider: "hurried", script: endless(firstEvent, totalTime/20), stream: lasting().behind(atLeastOne)},
		{name: "silence_under_a_total", provider: "hurried", script: answering("", begun, 0, hang), stream: lasting().behind(nBegun)},
	}
}

// atLeastOne chunk must have come; how many is a matter of time.
const atLeastOne = -1

// statusFaults are answers that say what is wrong.
func statusFaults(elsewhere string) []fault {
	const says = "the provider says no"
	const envelope = `{"error":{"message":"` + says + `","type":"some_error","param":null,"code":"some_code"}}`
	var list []fault
	date := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
	for _, s := range []struct {
		status int
		reason string
	}{{429, rateLimited}, {500, unavailable}, {502, unavailable}, {503, overloaded}, {504, unavailable}, {529, overloaded}, {599, unavailable}} {
		for _, wait := range []struct{ name, field, value string }{
			{"", "", ""},
			{"_retry_after_seconds", "Retry-After", "7"},
			{"_retry_after_date", "Retry-After", date},
			{"_retry_after_ms", "Retry-After-Ms", "1500"},
			{"_retry_after_nonsense", "Retry-After", "soon"},
		} {
			if wait.name != "" && s.status != 429 && s.status != 503 {
				continue
			}
			f := fault{name: "status_" + strconv.Itoa(s.status) + wait.name}
			header, refusal := "", func() *want { return fails(s.status, s.reason).saying(says) }
			if wait.name != "" {
				header = wait.field + ": " + wait.value + "\r\n"
			}
			f.unary, f.stream = both(refusal)
			if header != "" && wait.value != "soon" {
				f.unary, f.stream = f.unary.withHeader(wait.field, wait.value), f.stream.withHeader(wait.field, wait.value)
			}
			f.script = status(s.status, header, envelope)
			list = append(list, f)
		}
	}
	plain := func(name string, code int, reason, header, body string) {
		f := fault{name: name, script: status(code, header, body)}
		f.unary, f.stream = both(func() *want { return fails(code, reason) })
		list = append(list, f)
	}
	plain("status_500_plain_text", 500, unavailable, "", "the key KEY and PROMPT met a bug")
	plain("status_500_html", 500, unavailable, "", "<html><body>nginx KEY PROMPT</body></html>")
	plain("status_500_empty", 500, unavailable, "", "")
	plain("status_503_broken_json", 503, overloaded, "", `{"error":{"message":"KEY`)
	plain("status_401_quoting_the_key", 401, "upstream_unauthenticated", "X-Request-Id: KEY\r\n", `{"error":{"message":"Incorrect API key provided: KEY","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`)
	plain("status_408", 408, tooLong, "", envelope)

	moved := func() *want { return fails(502, garbled) }
	for _, code := range []int{301, 302, 303, 307, 308} {
		f := fault{name: "redirect_" + strconv.Itoa(code), script: status(code, "Location: http://"+elsewhere+"/v1/chat/completions\r\n", "")}
		f.unary, f.stream = both(moved)
		list = append(list, f)
	}
	notModified := fault{name: "status_304", script: raw("HTTP/1.1 304 Not Modified\r\n", closes, end)}
	notModified.unary, notModified.stream = both(moved)
	list = append(list, notModified)

	// An error in an answer of status 200 stands for the status that it names, or for a
	// provider that failed.
	inside := func(name, body string, orStatus int, w func() *want) {
		f := fault{name: name, script: answering(body, "data: "+body+"\n\n", 0, nil)}
		f.unary, f.stream = w().orStatus(orStatus), w().orStatus(orStatus)
		list = append(list, f)
	}
	serverError := strings.NewReplacer("some_error", "server_error", `"some_code"`, "null").Replace(envelope)
	inside("error_in_200", serverError, 500, func() *want { return fails(502, unavailable).saying(says) })
	inside("error_in_200_with_a_status", strings.Replace(envelope, `"some_code"`, "429", 1), 429, func() *want { return fails(429, rateLimited).saying(says) })
	return list
}
