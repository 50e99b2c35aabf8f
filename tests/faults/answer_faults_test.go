package faults

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strconv"
	"strings"
)

// one makes a fault that means the same for both kinds of calls.
func one(name string, s script, w func() *want) fault {
	f := fault{name: name, script: s}
	f.unary, f.stream = both(w)
	return f
}

func notUnderstood() *want { return fails(502, garbled) }

// headFaults are in the status line and the header fields.
func headFaults() []fault {
	wholeAnswer := typeJSON + closes + length(len(wholeBody)) + end + wholeBody
	list := []fault{
		one("status_000", raw("HTTP/1.1 000 Zero\r\n", wholeAnswer), notUnderstood),
		one("status_099", raw("HTTP/1.1 099 Odd\r\n", wholeAnswer), notUnderstood),
		one("status_101", raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: odd\r\nConnection: Upgrade\r\n", end), notUnderstood),
		one("status_600", raw("HTTP/1.1 600 Odd\r\n", wholeAnswer), notUnderstood),
		one("status_999", raw("HTTP/1.1 999 Odd\r\n", wholeAnswer), notUnderstood),
		one("status_of_two_digits", raw("HTTP/1.1 20 OK\r\n", wholeAnswer), notUnderstood),
		one("status_of_four_digits", raw("HTTP/1.1 2000 OK\r\n", wholeAnswer), notUnderstood),
		one("status_of_letters", raw("HTTP/1.1 KEY PROMPT\r\n", wholeAnswer), notUnderstood),
		one("status_below_zero", raw("HTTP/1.1 -20 OK\r\n", wholeAnswer), notUnderstood),
		one("another_protocol", raw("ICY 200 OK\r\n", wholeAnswer), notUnderstood),
		one("no_head_at_all", raw(wholeBody, "\n"), notUnderstood),
		one("an_ssh_server", raw("SSH-2.0-OpenSSH_9.6\r\n"), notUnderstood),
		one("a_header_without_colon", raw(ok200, "KEY PROMPT\r\n", wholeAnswer), notUnderstood),
		one("two_lengths", raw(ok200, length(5), wholeAnswer), notUnderstood),
		one("a_length_of_letters", raw(ok200, closes, "Content-Length: many\r\n", typeJSON, end, wholeBody), notUnderstood),
		one("a_length_below_zero", raw(ok200, closes, "Content-Length: -1\r\n", typeJSON, end, wholeBody), notUnderstood),
		one("an_unknown_transfer_encoding", raw(ok200, "Transfer-Encoding: odd\r\n", typeJSON, end, wholeBody), notUnderstood),
		one("one_giant_header", raw(ok200, "X-Giant: ", strings.Repeat("x", 1<<20), "\r\n", wholeAnswer), notUnderstood),
		one("very_many_headers", raw(ok200, strings.Repeat("X-Many: x\r\n", 100_000), wholeAnswer), notUnderstood),
		// Until the head is too much or its time is over.
		one("early_hints_for_ever", func(x *exchange) {
			for x.write("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n", end) {
			}
		}, func() *want { return fails(502, garbled, noFirstByte).orStatus(504).in(firstByteTime) }),
	}
	early := "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
	return append(list,
		fault{name: "early_hints", script: raw(early, ok200, wholeAnswer), unary: fine()},
		fault{name: "status_without_words", script: raw("HTTP/1.1 200\r\n", wholeAnswer), unary: fine()},
		fault{name: "http_1_0", script: func(x *exchange) {
			if x.stream {
				x.write("HTTP/1.0 200 OK\r\n", typeSSE, end, whole)
				return
			}
			x.write("HTTP/1.0 200 OK\r\n", typeJSON, end, wholeBody)
		}, unary: fine(), stream: fine()},
	)
}

// framingFaults are where a body should begin and end.
func framingFaults() []fault {
	inChunks := func(text string) string { return ok200 + typeJSON + chunked + end + text }
	one0 := strconv.FormatInt(int64(len(wholeBody)), 16) + "\r\n" + wholeBody
	events := func(broken string) script {
		return func(x *exchange) {
			if !x.stream {
				x.write(inChunks(one0 + "\r\n" + broken))
				return
			}
			x.write(ok200, typeSSE, chunked, end)
			x.chunk(begun)
			x.write(broken)
		}
	}
	chunkFault := func(name, broken string) fault {
		return fault{name: name, script: events(broken), unary: notUnderstood(), stream: notUnderstood().behind(nBegun)}
	}
	return []fault{
		{name: "length_too_short", provider: "split", script: raw(ok200, typeJSON, length(100), end, wholeBody), unary: notUnderstood()},
		{name: "bytes_behind_the_answer", provider: "split", script: func(x *exchange) {
			x.write(ok200, typeJSON, length(len(wholeBody)), end, wholeBody, "some more bytes")
			x.hang()
		}, unary: fine()},
		{name: "a_second_answer", provider: "split", script: func(x *exchange) {
			const foreign = `{"id":"other","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"not yours"},"finish_reason":"stop"}]}`
			x.write(ok200, typeJSON, length(len(wholeBody)), end, wholeBody, ok200, typeJSON, length(len(foreign)), end, foreign)
			x.hang()
		}, unary: fine()},
		chunkFault("a_chunk_size_of_letters", "zz\r\nx\r\n0\r\n\r\n"),
		chunkFault("a_chunk_size_below_zero", "-5\r\nx\r\n0\r\n\r\n"),
		chunkFault("a_chunk_size_too_large", "fffffffffffffffff\r\nx\r\n"),
		chunkFault("a_chunk_longer_than_it_says", "1\r\nxyz\r\n0\r\n\r\n"),
		chunkFault("chunks_without_an_end", ""),
		chunkFault("a_chunk_that_breaks_off", "ff\r\nx"),
	}
}

// bodyFaults are proper HTTP around something else.
func bodyFaults() []fault {
	body := func(name, text string) fault {
		return one(name, answering(text, text, 0, nil), notUnderstood)
	}
	typed := func(name, header, text string) fault {
		return one(name, status(200, header, text), notUnderstood)
	}
	large := strings.Repeat("x", 1<<20)
	megabytes := func(n int) func(*exchange) {
		return func(x *exchange) {
			for range n {
				if !x.write("100000\r\n", large, "\r\n") {
					return
				}
			}
			x.write("0\r\n\r\n")
		}
	}
	return []fault{
		body("not_json", "the key KEY and PROMPT, but no JSON"),
		typed("not_json_and_plain", "", "the key KEY and PROMPT, but no JSON"),
		typed("html", "X-Odd: KEY\r\n", "<!doctype html><title>Log in with KEY</title>"),
		body("empty", ""),
		body("json_null", "null"),
		body("json_array", "[]"),
		body("json_text", `"hello"`),
		body("json_cut", wholeBody[:len(wholeBody)-20]),
		{name: "json_and_more", script: answering(wholeBody+" trailing garbage", "", 0, nil), unary: notUnderstood()},
		{name: "json_twice", script: answering(wholeBody+wholeBody, "", 0, nil), unary: notUnderstood()},
		{name: "bad_utf8", script: answering(strings.Replace(wholeBody, "Hello", "He\xff\xfello", 1), "", 0, nil), unary: notUnderstood()},
		one("no_content", raw("HTTP/1.1 204 No Content\r\n", closes, end), notUnderstood),

		{name: "gzip_not_asked_for", script: compressed(wholeBody, whole, 0), unary: fine(), stream: fine()},
		{name: "gzip_cut", script: compressed(wholeBody, begun, 9), unary: notUnderstood(), stream: fails(502, garbled).behind(atMostBegun)},
		one("gzip_that_is_none", raw(ok200, typeJSON, closes, "Content-Encoding: gzip\r\n", length(len(wholeBody)), end, wholeBody), notUnderstood),
		one("an_unknown_encoding", raw(ok200, typeJSON, closes, "Content-Encoding: br\r\n", length(len(wholeBody)), end, wholeBody), notUnderstood),
		{name: "gzip_bomb", bulky: true, script: bomb(256), unary: notUnderstood().in(bulkyTime), stream: notUnderstood().in(bulkyTime)},
		{name: "a_line_of_50_MB", bulky: true, script: func(x *exchange) {
			kind := typeJSON
			if x.stream {
				kind = typeSSE
			}
			x.write(ok200, kind, chunked, closes, end)
			if x.stream {
				x.chunk("data: ")
			}
			megabytes(50)(x)
		}, unary: notUnderstood().in(bulkyTime), stream: notUnderstood().in(bulkyTime)},
		{name: "a_line_of_50_MB_behind_events", bulky: true, script: func(x *exchange) {
			x.write(ok200, typeSSE, chunked, end)
			x.chunk(begun + "data: ")
			megabytes(50)(x)
		}, stream: notUnderstood().in(bulkyTime).behind(nBegun)},
	}
}

// atMostBegun: how much of a compressed stream can be read before its cut depends on
// where its blocks end.
const atMostBegun = -2

// compressed answers with gzip, cut bytes before its end.
func compressed(body, events string, cut int) script {
	return func(x *exchange) {
		kind, text := typeJSON, body
		if x.stream {
			kind, text = typeSSE, events
		}
		packed := pack(text)
		packed = packed[:len(packed)-cut]
		x.write(ok200, kind, closes, "Content-Encoding: gzip\r\n", length(len(packed)), end, packed)
	}
}

func pack(text string) string {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write([]byte(text)) // into memory
	_ = writer.Close()
	return packed.String()
}

// bomb is a compressed answer of that many MiB. A gzip file may consist of several, so
// one MiB is compressed once.
func bomb(mebibytes int) script {
	packed := strings.Repeat(pack(strings.Repeat(" ", 1<<20)), mebibytes)
	return func(x *exchange) {
		kind, start := typeJSON, `{"id":"`
		if x.stream {
			kind, start = typeSSE, "data: "
		}
		start = pack(start)
		x.write(ok200, kind, closes, "Content-Encoding: gzip\r\n", length(len(start)+len(packed)), end, start, packed)
	}
}

// streamFaults are in the events of a stream.
func streamFaults() []fault {
	events := func(name, text string, then func(*exchange), w *want) fault {
		return fault{name: "sse_" + name, script: answering("", text, 0, then), stream: w}
	}
	const says = "the provider says no"
	failure := `{"error":{"message":"` + says + `","type":"server_error","param":null,"code":null}}`
	broken := func() *want { return notUnderstood().behind(nBegun) }
	reported := func() *want { return fails(502, unavailable).orStatus(500).saying(says) }
	return []fault{
		events("ends_before_any_event", ": hello\n\n", nil, notUnderstood()),
		events("cut_in_the_first_event", firstEvent[:40], closed, notUnderstood()),
		events("cut_in_an_event", begun+lastEvent[:40], closed, broken()),
		events("ends_in_an_event", begun+lastEvent[:40], nil, broken()),
		events("cut_between_events", begun, closed, broken()),
		events("ends_between_events", begun, nil, broken()),
		events("reset_between_events", begun, delivered((*exchange).reset), fails(502, garbled, unavailable).behind(nBegun)),
		events("malformed_first_event", "data: {\"id\":KEY\n\n"+whole, nil, notUnderstood()),
		events("malformed_event", begun+"data: {\"choices\":[}\n\n"+lastEvent+doneEvent, nil, broken()),
		events("no_json", begun+"data: Traceback KEY PROMPT\n\n", nil, broken()),
		events("html", begun+"<html>504 KEY</html>\n\n", nil, broken()),
		events("bad_utf8", begun+strings.Replace(nextEvent, "there", "\xc3\x28", 1), nil, broken()),
		events("bad_utf8_first", strings.Replace(nextEvent, "there", "\xff", 1), nil, notUnderstood()),
		events("error_first", "data: "+failure+"\n\n", nil, reported()),
		events("error_event_first", "event: error\ndata: "+failure+"\n\n", nil, reported()),
		events("error", begun+"data: "+failure+"\n\n", nil, reported().behind(nBegun)),
		events("error_event", begun+"event: error\ndata: "+failure+"\n\n", nil, reported().behind(nBegun)),
		events("error_and_done", begun+"data: "+failure+"\n\n"+doneEvent, nil, reported().behind(nBegun)),
		events("error_with_a_status", begun+`data: {"error":{"message":"`+says+`","code":"429"}}`+"\n\n", nil, fails(429, rateLimited).saying(says).behind(nBegun)),
		events("garbage_behind_done", whole+"garbage\n\n"+fmt.Sprintf("data: %s\n\n", "{"), nil, fine()),
		events("done_without_a_blank_line", strings.TrimSuffix(whole, "\n"), nil, fine()),
		events("open_behind_done", whole, (*exchange).hang, fine()),
		events("cut_behind_done", whole, closed, fine()),
	}
}
