package hostile

import (
	"strings"
	"testing"
)

// behind is a whole request that must never be executed when the one before it breaks a
// rule of framing.
var behind = "POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Client-Request-Id: " + smuggled +
	"\r\nContent-Length: 57\r\n\r\n" + goodRequest

// head is the beginning of a request that is well so far.
const head = "POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

// TestFraming_is_strict sends requests that two servers may read in two ways, each with
// a whole request behind, which must never be executed: the answer is a refusal, and the
// connection is closed. Source: RFC 9112, sections 2 to 7, and the issue "Hardened".
//
// tests/badinput holds two different lengths and a length with chunks, without anything
// behind.
func TestFraming_is_strict(t *testing.T) {
	refused := func(name, send string) wireCase {
		return wireCase{name: name, send: send + behind, status: 400, reason: "invalid_request", fate: closed}
	}
	unknown := func(name, value string) wireCase {
		c := refused(name, head+"Transfer-Encoding: "+value+"\r\n\r\n"+chunk(goodRequest)+"0\r\n\r\n")
		c.status = 501
		return c
	}
	chunked := head + "Transfer-Encoding: chunked\r\n\r\n"
	good := chunk(goodRequest)
	g := open(t)
	g.wireCases(t, []wireCase{
		refused("a length and chunks", head+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		refused("chunks and a length", head+"Transfer-Encoding: chunked\r\nContent-Length: 57\r\n\r\n"+good+"0\r\n\r\n"),
		refused("a length of nothing and chunks", head+"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"+good+"0\r\n\r\n"),
		refused("two lengths that differ", head+"Content-Length: 57\r\nContent-Length: 0\r\n\r\n"+goodRequest),
		refused("two lengths that agree", head+"Content-Length: 57\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("two lengths in one line", head+"Content-Length: 57, 57\r\n\r\n"+goodRequest),
		refused("a length with a sign", head+"Content-Length: +57\r\n\r\n"+goodRequest),
		refused("a length below nothing", head+"Content-Length: -1\r\n\r\n"+goodRequest),
		refused("a length in hexadecimal", head+"Content-Length: 0x39\r\n\r\n"+goodRequest),
		refused("a length with a fraction", head+"Content-Length: 57.0\r\n\r\n"+goodRequest),
		refused("a length of no digits", head+"Content-Length:\r\n\r\n"+goodRequest),
		refused("a length that overflows", head+"Content-Length: 18446744073709551673\r\n\r\n"+goodRequest),
		refused("a length with a space inside", head+"Content-Length: 5 7\r\n\r\n"+goodRequest),
		refused("a length with a NUL", head+"Content-Length: 57\x00\r\n\r\n"+goodRequest),
		refused("a space before the colon of the length", head+"Content-Length : 57\r\n\r\n"+goodRequest),
		refused("a space before the colon of the encoding", head+"Transfer-Encoding : chunked\r\n\r\n"+good+"0\r\n\r\n"),
		refused("two encodings", head+"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"+good+"0\r\n\r\n"),
		refused("an encoding, and identity on another line", head+"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"+good+"0\r\n\r\n"),
		refused("a vertical tab before the encoding", head+"Transfer-Encoding:\vchunked\r\n\r\n"+good+"0\r\n\r\n"),
		unknown("an encoding twice in a line", "chunked, chunked"),
		unknown("gzip and chunks", "gzip, chunked"),
		unknown("identity", "identity"),
		unknown("an encoding that begins alike", "xchunked"),
		unknown("an encoding in quotes", `"chunked"`),
		refused("chunks of HTTP 1.0", strings.Replace(chunked, "HTTP/1.1", "HTTP/1.0", 1)+good+"0\r\n\r\n"),

		// RFC 9112, section 2.2, would rather have it ignored; nobody sends it any more.
		refused("a line end before the request", "\r\n"+post("", goodRequest)),

		refused("a folded field", head+"X-Fold: a\r\n b\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("a folded length", head+"Content-Length:\r\n 57\r\n\r\n"+goodRequest),
		refused("a folded first field", "POST "+chatPath+" HTTP/1.1\r\n Host: x\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("a bare LF behind a field", head+"X-A: b\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("a bare LF behind the request line", "POST "+chatPath+" HTTP/1.1\nHost: x\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("nothing but LF", strings.ReplaceAll(head, "\r\n", "\n")+"Content-Length: 57\n\n"+goodRequest),
		refused("a bare CR in a value", head+"X-A: b\rContent-Length: 0\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("a bare CR as a line end", head+"X-A: b\rX-B: c\r\n\r\n"),
		refused("a CR before the line end", head+"X-A: b\r\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("a bare LF as the end of the head", head+"Content-Length: 57\r\n\n"+goodRequest),
		refused("a NUL in a value", head+"X-A: b\x00c\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("a NUL in a name", head+"X-\x00A: b\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("a name with a space", head+"X A: b\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("a field without a name", head+": b\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("a field without a colon", head+"X-A\r\nContent-Length: 57\r\n\r\n"+goodRequest),
		refused("a name that is no ASCII", head+"X-\xe4: b\r\nContent-Length: 57\r\n\r\n"+goodRequest),

		refused("a chunk size of letters", chunked+"zz\r\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("a chunk size with a sign", chunked+"+39\r\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("a chunk size with 0x", chunked+"0x39\r\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("a chunk size that overflows", chunked+"10000000000000039\r\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("a chunk size of nothing", chunked+"\r\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("a chunk size with a space before", chunked+" 39\r\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("a chunk size that ends in LF", chunked+"39\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("a chunk size that ends in CR", chunked+"39\r"+goodRequest+"\r\n0\r\n\r\n"),
		refused("a chunk that ends in LF", chunked+"39\r\n"+goodRequest+"\n0\r\n\r\n"),
		refused("a chunk that is longer than it says", chunked+"38\r\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("a chunk that is shorter than it says", chunked+"3A\r\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("an extension of a chunk with an LF", chunked+"39;a\nb\r\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("an extension that is long", chunked+"39;"+fill(20_000)+"\r\n"+goodRequest+"\r\n0\r\n\r\n"),
		refused("a last chunk that ends in LF", chunked+good+"0\n\n"),
		refused("a trailer that is a length", chunked+good+"0\r\nContent-Length: 5\r\n\r\n"),
		refused("a trailer that is an encoding", chunked+good+"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
		refused("a trailer without a colon", chunked+good+"0\r\noops\r\n\r\n"),
		refused("a folded trailer", chunked+good+"0\r\nX-A: b\r\n c\r\n\r\n"),
	})
}

// TestFraming_that_is_sound passes, whatever else it looks like.
func TestFraming_that_is_sound(t *testing.T) {
	fine := func(name, send string) wireCase {
		return wireCase{name: name, send: send, status: 200, shape: success, fate: kept, calls: 1}
	}
	g := open(t)
	g.wireCases(t, []wireCase{
		fine("a length with zeros before", head+"Content-Length: 0057\r\n\r\n"+goodRequest),
		fine("a length with a tab before", head+"Content-Length:\t57 \r\n\r\n"+goodRequest),
		fine("names in other letters", strings.ToUpper("POST ")+chatPath+" HTTP/1.1\r\nhOST: x\r\ncONTENT-lENGTH: 57\r\n\r\n"+goodRequest),
		fine("chunks with a short extension", chunks("", "39;a=b\r\n"+goodRequest+"\r\n0\r\n\r\n")),
		fine("a chunk size with zeros before", chunks("", "0000039\r\n"+goodRequest+"\r\n000\r\n\r\n")),
		fine("a chunk size in capitals", chunks("", "1C\r\n"+goodRequest[:28]+"\r\n1d\r\n"+goodRequest[28:]+"\r\n0\r\n\r\n")),
		fine("a trailer that means nothing", chunks("", chunk(goodRequest)+"0\r\nX-A: b\r\n\r\n")),
	})
}

// TestPipelined_requests are answered in their order, and none is lost or made twice.
func TestPipelined_requests(t *testing.T) {
	g := open(t)
	run(t, "ten at once", func(t *testing.T) {
		w := dial(t, g.HTTP)
		w.send(strings.Repeat(post("", goodRequest), 10))
		for i := range 10 {
			if a, err := w.answer("POST"); err != nil || a.status != 200 {
				t.Fatalf("answer %d: %v, status %d: %.300s", i, err, a.status, a.body)
			}
		}
		g.healthy(t, g.REST())
		if n := len(g.up.Requests()); n != 11 {
			t.Errorf("%d calls for 11 requests", n)
		}
	})
	run(t, "the second is bad", func(t *testing.T) {
		before := len(g.up.Requests())
		w := dial(t, g.HTTP)
		w.send(post("", goodRequest) + head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + behind)
		first, err := w.answer("POST")
		if err != nil || first.status != 200 {
			t.Fatalf("the first: %v, status %d: %.300s", err, first.status, first.body)
		}
		second, err := w.answer("POST")
		if err != nil || second.status != 400 || !second.closes {
			t.Errorf("the second: %v, status %d, closes %t", err, second.status, second.closes)
		}
		w.checkFate(t, wireCase{fate: closed})
		g.healthy(t, g.REST())
		if n := len(g.up.Requests()) - before; n != 2 || g.strays() != 0 {
			t.Errorf("%d calls, %d smuggled, for 2 requests", n, g.strays())
		}
	})
}
