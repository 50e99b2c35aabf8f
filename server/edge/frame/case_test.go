package frame

import "strings"

// frameCase is what a connection sends, and the verdict.
type frameCase struct {
	name string
	in   string
	// heads is how many requests go on to net/http.
	heads int
	// refused is empty for what is sound as far as it goes.
	refused Refusal
}

const (
	getLine  = "GET /a HTTP/1.1\r\n"
	host     = "Host: h\r\n"
	get      = getLine + host + "\r\n"
	postHead = "POST /p HTTP/1.1\r\n" + host
	chunked  = postHead + "Transfer-Encoding: chunked\r\n\r\n"
	hidden   = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n"
)

func head(fields string) string { return getLine + host + fields + "\r\n" }

func withHost(value string) string { return getLine + "Host:" + value + "\r\n\r\n" }

func withTarget(target string) string { return "GET " + target + " HTTP/1.1\r\n" + host + "\r\n" }

// cases follow RFC 9112 (sections 2.2, 3, 5, 6, 7, 11) and RFC 9110 (sections 5, 7.2);
// the vectors are those by which servers were seen to read one request as two.
var cases = []frameCase{
	// Sound.
	{name: "a request", in: get, heads: 1},
	{name: "no request", in: ""},
	{name: "half a request", in: getLine + host},
	{name: "two requests", in: get + get, heads: 2},
	{name: "thirty requests", in: strings.Repeat(get, 30), heads: 30},
	{name: "HTTP/1.0 without a host", in: "GET / HTTP/1.0\r\n\r\n", heads: 1},
	{name: "HTTP/1.0 with a host", in: "GET / HTTP/1.0\r\n" + host + "\r\n", heads: 1},
	{name: "a body by length", in: postHead + "Content-Length: 5\r\n\r\n12345" + get, heads: 2},
	{name: "a body that looks like a request", in: postHead + "Content-Length: 36\r\n\r\n" + hidden + "\r\n" + get, heads: 2},
	{name: "an empty body by length", in: postHead + "Content-Length: 0\r\n\r\n" + get, heads: 2},
	{name: "a GET with a body", in: head("Content-Length: 2\r\n") + "{}" + get, heads: 2},
	{name: "the longest length", in: postHead + "Content-Length: 9223372036854775807\r\n\r\n" + get, heads: 1},
	{name: "a length with zeros before", in: postHead + "Content-Length: 005\r\n\r\n12345" + get, heads: 2},
	{name: "chunks", in: chunked + "5\r\n12345\r\nA\r\n1234567890\r\n0\r\n\r\n" + get, heads: 2},
	{name: "chunks in lower and upper case", in: chunked + "a\r\n1234567890\r\n0A\r\n1234567890\r\n000\r\n\r\n" + get, heads: 2},
	{name: "a chunk of line ends", in: chunked + "4\r\n\r\n\r\n\r\n0\r\n\r\n" + get, heads: 2},
	{name: "a chunk with an extension", in: chunked + "1;a=b;c=\"d e\"\r\nx\r\n0;last\r\n\r\n" + get, heads: 2},
	{name: "an extension of 256 bytes", in: chunked + "1;" + strings.Repeat("x", 255) + "\r\nx\r\n0\r\n\r\n" + get, heads: 2},
	{name: "a chunk size of 16 digits", in: chunked + "0000000000000001\r\nx\r\n0\r\n\r\n" + get, heads: 2},
	{name: "trailers", in: chunked + "1\r\nx\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n" + get, heads: 2},
	{name: "values of every kind", in: head("A:\r\nB: \t v \t\r\nC: caf\xc3\xa9\r\nD: \"q\"; x=(y)\r\n"), heads: 1},
	{name: "names of every kind", in: head("X-!#$%&'*+.^_`|~1: v\r\n"), heads: 1},
	{name: "an unknown method", in: "BREW /pot HTTP/1.1\r\n" + host + "\r\n", heads: 1},
	{name: "OPTIONS of the server", in: "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", heads: 1},
	{name: "an expectation", in: postHead + "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\nx", heads: 1},
	{name: "an upgrade", in: head("Connection: Upgrade\r\nUpgrade: websocket\r\n"), heads: 1},
	{name: "a query of every kind", in: withTarget("/v1/x?a[b]=c&d=%2F|{}^`\\?/&%zz"), heads: 1},
	{name: "an escaped slash", in: withTarget("/v1/models/a%2Fb"), heads: 1},
	{name: "two slashes are for the router", in: withTarget("//v1//models"), heads: 1},
	{name: "a host with a port", in: withHost(" example.com:8080"), heads: 1},
	{name: "a host with an underscore", in: withHost("llm_gateway:1"), heads: 1},
	{name: "an IPv4 address", in: withHost("127.0.0.1:65535"), heads: 1},
	{name: "an IPv6 address", in: withHost("[::1]:80"), heads: 1},
	{name: "a name with a point", in: withHost("example.com."), heads: 1},
	{name: "200 fields", in: head(strings.Repeat("A: b\r\n", 199)), heads: 1},
	{name: "a target of 16 KiB", in: withTarget("/" + strings.Repeat("x", 16<<10-1)), heads: 1},
	{name: "a head of 64 KiB", in: head("X: " + strings.Repeat("x", 64<<10-len(head("X: \r\n"))) + "\r\n"), heads: 1},
	{name: "HTTP/2", in: preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00any\nthing"},

	// Request lines.
	{name: "no HTTP", in: "HELLO, THIS IS NO HTTP\r\n\r\n", refused: BadRequestLine},
	{name: "a TLS hello", in: "\x16\x03\x01\x02\x00\x01", refused: BadRequestLine},
	{name: "HTTP/0.9", in: "GET /\r\n", refused: BadRequestLine},
	{name: "an empty line before", in: "\r\n" + get, refused: BadRequestLine},
	{name: "a space before", in: " " + get, refused: BadRequestLine},
	{name: "two spaces before the target", in: "GET  / HTTP/1.1\r\n" + host + "\r\n", refused: BadRequestLine},
	{name: "two spaces behind the target", in: "GET /  HTTP/1.1\r\n" + host + "\r\n", refused: BadRequestLine},
	{name: "a space at the end", in: "GET / HTTP/1.1 \r\n" + host + "\r\n", refused: BadRequestLine},
	{name: "a tab for a space", in: "GET\t/ HTTP/1.1\r\n" + host + "\r\n", refused: BadRequestLine},
	{name: "a space in the target", in: withTarget("/a b"), refused: BadTarget},
	{name: "a request in the target", in: withTarget("/a HTTP/1.1 /b"), refused: BadTarget},
	{name: "a method that is no token", in: "G(T / HTTP/1.1\r\n" + host + "\r\n", refused: BadRequestLine},
	{name: "no method", in: "/ HTTP/1.1\r\n" + host + "\r\n", refused: BadRequestLine},
	{name: "a method without end", in: strings.Repeat("A", 99), refused: BadRequestLine},
	{name: "a NUL in the method", in: "GE\x00T / HTTP/1.1\r\n", refused: BadRequestLine},
	{name: "HTTP/1.2", in: "GET / HTTP/1.2\r\n" + host + "\r\n", refused: BadVersion},
	{name: "HTTP/2.0 without the preface", in: "GET / HTTP/2.0\r\n" + host + "\r\n", refused: BadVersion},
	{name: "half a preface", in: "PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n", refused: BadVersion},
	{name: "a preface behind a request", in: get + preface, heads: 1, refused: BadVersion},
	{name: "http/1.1 in lower case", in: "GET / http/1.1\r\n" + host + "\r\n", refused: BadRequestLine},
	{name: "HTTP/1.10", in: "GET / HTTP/1.10\r\n" + host + "\r\n", refused: BadRequestLine},
	{name: "HTTP/1", in: "GET / HTTP/1\r\n" + host + "\r\n", refused: BadRequestLine},
	{name: "CONNECT", in: "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", refused: Connect},
	{name: "CONNECT with a path", in: "CONNECT /v1 HTTP/1.1\r\n" + host + "\r\n", refused: Connect},
	{name: "a whole URL", in: withTarget("http://h/v1/models"), refused: BadTarget},
	{name: "a URL of a file", in: withTarget("file:///etc/passwd"), refused: BadTarget},
	{name: "a target without a slash", in: withTarget("v1/models"), refused: BadTarget},
	{name: "a query alone", in: withTarget("?x"), refused: BadTarget},
	{name: "an asterisk", in: withTarget("*"), refused: BadTarget},
	{name: "a fragment", in: withTarget("/a#b"), refused: BadTarget},
	{name: "a backslash", in: withTarget(`/a\..\b`), refused: BadTarget},
	{name: "a NUL in the target", in: withTarget("/a\x00"), refused: BadTarget},
	{name: "a DEL in the target", in: withTarget("/a\x7f"), refused: BadTarget},
	{name: "raw UTF-8 in the target", in: withTarget("/v1/models/\xe6\xa8\xa1"), refused: BadTarget},
	{name: "half an escape", in: withTarget("/a%2"), refused: BadTarget},
	{name: "an escape that is none", in: withTarget("/a%zz"), refused: BadTarget},
	{name: "a target beyond 16 KiB", in: withTarget("/" + strings.Repeat("x", 16<<10)), refused: TargetTooLong},
	{name: "a target without end", in: "GET /" + strings.Repeat("x", 17<<10), refused: TargetTooLong},

	// Lines.
	{name: "LF alone behind the request line", in: "GET / HTTP/1.1\n" + host + "\r\n", refused: BadLineEnd},
	{name: "LF alone behind a field", in: getLine + "Host: h\n\r\n", refused: BadLineEnd},
	{name: "LF alone at the end", in: getLine + host + "\n", refused: BadLineEnd},
	{name: "LF alone everywhere", in: "GET / HTTP/1.1\nHost: h\n\n", refused: BadLineEnd},
	{name: "LF that hides a field", in: head("X: a\nTransfer-Encoding: chunked\r\n"), refused: BadLineEnd},
	{name: "CR alone in a value", in: head("X: a\rTransfer-Encoding: chunked\r\n"), refused: BadLineEnd},
	{name: "CR alone behind a field", in: head("X: a\r\r\n"), refused: BadLineEnd},
	{name: "CR alone in the request line", in: "GET / HTTP/1.1\rX: y\r\n" + host + "\r\n", refused: BadRequestLine},
	{name: "a folded value", in: head("X: a\r\n b\r\n"), refused: Folded},
	{name: "a folded value by tab", in: head("X: a\r\n\tb\r\n"), refused: Folded},
	{name: "a fold that hides an encoding", in: postHead + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", refused: UnknownEncoding},
	{name: "a folded length", in: postHead + "Content-Length: 5\r\n 0\r\n\r\n12345", refused: Folded},
	{name: "a fold before the first field", in: getLine + " " + host + "\r\n", refused: Folded},
	{name: "a space before the colon", in: head("Content-Length : 5\r\n"), refused: BadField},
	{name: "a tab before the colon", in: head("Transfer-Encoding\t: chunked\r\n"), refused: BadField},
	{name: "no colon", in: head("nonsense\r\n"), refused: BadField},
	{name: "no name", in: head(": v\r\n"), refused: BadField},
	{name: "a space in a name", in: head("Content Length: 5\r\n"), refused: BadField},
	{name: "a name beyond ASCII", in: head("X-\xc3\xa9: v\r\n"), refused: BadField},
	{name: "a NUL in a name", in: head("X\x00: v\r\n"), refused: BadField},
	{name: "a NUL in a value", in: head("X: a\x00b\r\n"), refused: BadField},
	{name: "a control character in a value", in: head("X: a\x0bb\r\n"), refused: BadField},
	{name: "a DEL in a value", in: head("X: a\x7f\r\n"), refused: BadField},
	{name: "201 fields", in: head(strings.Repeat("A: b\r\n", 200)), refused: TooManyFields},
	{name: "a head beyond 64 KiB", in: head("X: " + strings.Repeat("x", 64<<10-len(head("X: \r\n"))+1) + "\r\n"), refused: HeadTooLarge},
	{name: "a field without end", in: getLine + host + "X: " + strings.Repeat("x", 65<<10), refused: HeadTooLarge},

	// Hosts.
	{name: "no host", in: getLine + "\r\n", refused: BadHost},
	{name: "two hosts", in: head("Host: h\r\n"), refused: BadHost},
	{name: "two hosts on HTTP/1.0", in: "GET / HTTP/1.0\r\n" + host + host + "\r\n", refused: BadHost},
	{name: "an empty host", in: withHost(""), refused: BadHost},
	{name: "a host of spaces", in: withHost("  \t"), refused: BadHost},
	{name: "a list of hosts", in: withHost("a, b"), refused: BadHost},
	{name: "a user in the host", in: withHost("user@h"), refused: BadHost},
	{name: "a user and a password in the host", in: withHost("user:pass@h"), refused: BadHost},
	{name: "a path in the host", in: withHost("h/x"), refused: BadHost},
	{name: "a query in the host", in: withHost("h?x"), refused: BadHost},
	{name: "a whole URL as the host", in: withHost("http://h"), refused: BadHost},
	{name: "a backslash in the host", in: withHost(`h\x`), refused: BadHost},
	{name: "an escape in the host", in: withHost("h%2fx"), refused: BadHost},
	{name: "a tab in the host", in: withHost("h\tx"), refused: BadHost},
	{name: "a host beyond ASCII", in: withHost("h\xc3\xb6st"), refused: BadHost},
	{name: "a port alone", in: withHost(":80"), refused: BadHost},
	{name: "an empty port", in: withHost("h:"), refused: BadHost},
	{name: "port 0", in: withHost("h:0"), refused: BadHost},
	{name: "port 65536", in: withHost("h:65536"), refused: BadHost},
	{name: "a port with a sign", in: withHost("h:+80"), refused: BadHost},
	{name: "a port by name", in: withHost("h:http"), refused: BadHost},
	{name: "two ports", in: withHost("h:80:80"), refused: BadHost},
	{name: "a naked IPv6 address", in: withHost("::1"), refused: BadHost},
	{name: "half a bracket", in: withHost("[::1"), refused: BadHost},
	{name: "a name in brackets", in: withHost("[h]"), refused: BadHost},
	{name: "a zone", in: withHost("[fe80::1%25eth0]"), refused: BadHost},
	{name: "words behind an address", in: withHost("[::1]x"), refused: BadHost},
	{name: "a host without end", in: withHost(strings.Repeat("h", 300)), refused: BadHost},

	// Content-Length.
	{name: "two equal lengths", in: postHead + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n12345", refused: BadLength},
	{name: "two lengths", in: postHead + "Content-Length: 5\r\nContent-Length: 0\r\n\r\n12345", refused: BadLength},
	{name: "a list of equal lengths", in: postHead + "Content-Length: 5, 5\r\n\r\n12345", refused: BadLength},
	{name: "a list of lengths", in: postHead + "Content-Length: 0,5\r\n\r\n12345", refused: BadLength},
	{name: "a length with a plus", in: postHead + "Content-Length: +5\r\n\r\n12345", refused: BadLength},
	{name: "a negative length", in: postHead + "Content-Length: -5\r\n\r\n12345", refused: BadLength},
	{name: "a length with a space", in: postHead + "Content-Length: 5 5\r\n\r\n12345", refused: BadLength},
	{name: "a length in hex", in: postHead + "Content-Length: 0x5\r\n\r\n12345", refused: BadLength},
	{name: "a length with a fraction", in: postHead + "Content-Length: 5.0\r\n\r\n12345", refused: BadLength},
	{name: "a length with an underscore", in: postHead + "Content-Length: 1_0\r\n\r\n12345", refused: BadLength},
	{name: "a length in other digits", in: postHead + "Content-Length: \xd9\xa5\r\n\r\n12345", refused: BadLength},
	{name: "an empty length", in: postHead + "Content-Length:\r\n\r\n12345", refused: BadLength},
	{name: "a length in quotes", in: postHead + "Content-Length: \"5\"\r\n\r\n12345", refused: BadLength},
	{name: "a length beyond 63 bits", in: postHead + "Content-Length: 9223372036854775808\r\n\r\n", refused: BadLength},
	{name: "a length that wraps", in: postHead + "Content-Length: 18446744073709551621\r\n\r\n12345", refused: BadLength},

	// Transfer-Encoding, alone and against Content-Length.
	{name: "CL.TE", in: postHead + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, refused: LengthAndEncoding},
	{name: "TE.CL", in: postHead + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + hidden + "0\r\n\r\n", refused: LengthAndEncoding},
	{name: "TE.TE: two", in: postHead + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", refused: BadTransferEncoding},
	{name: "TE.TE: twice the same", in: postHead + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused: BadTransferEncoding},
	{name: "TE.TE: a list", in: postHead + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", refused: UnknownEncoding},
	{name: "TE.TE: xchunked", in: postHead + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", refused: UnknownEncoding},
	{name: "TE.TE: upper case", in: postHead + "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", refused: UnknownEncoding},
	{name: "TE.TE: with a comma", in: postHead + "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", refused: UnknownEncoding},
	{name: "TE.TE: with a parameter", in: postHead + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", refused: UnknownEncoding},
	{name: "TE.TE: in quotes", in: postHead + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", refused: UnknownEncoding},
	{name: "TE.TE: a vertical tab", in: postHead + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", refused: BadField},
	{name: "TE.TE: a NUL", in: postHead + "Transfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n", refused: BadField},
	{name: "TE.TE: empty", in: postHead + "Transfer-Encoding:\r\n\r\n", refused: UnknownEncoding},
	{name: "TE.TE: gzip", in: postHead + "Transfer-Encoding: gzip, chunked\r\n\r\n", refused: UnknownEncoding},
	{name: "TE.TE: identity beside a length", in: postHead + "Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", refused: UnknownEncoding},
	{name: "chunks on HTTP/1.0", in: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused: BadTransferEncoding},

	// Expect.
	{name: "another expectation", in: head("Expect: tea\r\n"), refused: BadExpect},
	{name: "two expectations", in: head("Expect: 100-continue\r\nExpect: 100-continue\r\n"), refused: BadExpect},
	{name: "a list of expectations", in: head("Expect: 100-continue, tea\r\n"), refused: BadExpect},

	// Chunks: the head went on, what follows does not.
	{name: "no chunk size", in: chunked + "\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk size that is none", in: chunked + "zz\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk size with 0x", in: chunked + "0x5\r\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk size with a plus", in: chunked + "+5\r\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a negative chunk size", in: chunked + "-5\r\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk size with a space before", in: chunked + " 5\r\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk size with a space behind", in: chunked + "5 \r\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk size with a tab before its extension", in: chunked + "5\t;a\r\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk size with an underscore", in: chunked + "1_0\r\n", heads: 1, refused: BadChunk},
	{name: "a chunk size of 17 digits", in: chunked + "00000000000000005\r\n12345\r\n", heads: 1, refused: BadChunk},
	{name: "a chunk size that wraps", in: chunked + "10000000000000005\r\n12345\r\n", heads: 1, refused: BadChunk},
	{name: "a chunk size that turns negative", in: chunked + "FFFFFFFFFFFFFFFF\r\n", heads: 1, refused: BadChunk},
	{name: "a chunk size ended by LF", in: chunked + "5\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk size ended by CR", in: chunked + "5\rX12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "an extension with an LF", in: chunked + "5;a\nb\r\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "an extension with a CR", in: chunked + "5;a\rb\r\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "an extension with a NUL", in: chunked + "5;a\x00\r\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "an extension of 257 bytes", in: chunked + "1;" + strings.Repeat("x", 256) + "\r\nx\r\n", heads: 1, refused: BadChunk},
	{name: "an extension without end", in: chunked + "1;" + strings.Repeat("x", 9999), heads: 1, refused: BadChunk},
	{name: "a chunk that is longer than it says", in: chunked + "3\r\n12345\r\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk ended by LF", in: chunked + "5\r\n12345\n0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk ended by CR", in: chunked + "5\r\n12345\r0\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "a chunk without its end", in: chunked + "5\r\n123450\r\n\r\n" + hidden, heads: 1, refused: BadChunk},
	{name: "LF alone behind the last chunk", in: chunked + "0\r\n\n" + hidden, heads: 1, refused: BadLineEnd},
	{name: "CR alone behind the last chunk", in: chunked + "0\r\n\r" + hidden, heads: 1, refused: BadLineEnd},
	{name: "a request behind the last chunk", in: chunked + "0\r\n" + hidden, heads: 1, refused: BadTrailer},
	{name: "a trailer with a length", in: chunked + "0\r\nContent-Length: 5\r\n\r\n" + hidden, heads: 1, refused: BadTrailer},
	{name: "a trailer with an encoding", in: chunked + "0\r\nTransfer-Encoding: chunked\r\n\r\n" + hidden, heads: 1, refused: BadTrailer},
	{name: "a trailer with a host", in: chunked + "0\r\nHost: other\r\n\r\n" + hidden, heads: 1, refused: BadTrailer},
	{name: "a folded trailer", in: chunked + "0\r\nX: a\r\n b\r\n\r\n" + hidden, heads: 1, refused: Folded},
	{name: "a trailer with a NUL", in: chunked + "0\r\nX: \x00\r\n\r\n" + hidden, heads: 1, refused: BadTrailer},
	{name: "trailers that are fields too many", in: chunked + "0\r\n" + strings.Repeat("X: y\r\n", 199) + "\r\n" + hidden, heads: 1, refused: TooManyFields},
	{name: "trailers without end", in: chunked + "0\r\nX: " + strings.Repeat("y", 65<<10), heads: 1, refused: HeadTooLarge},

	// Behind a sound request.
	{name: "a bad one behind a good one", in: get + "GET /hidden HTTP/1.1\nHost: h\r\n\r\n", heads: 1, refused: BadLineEnd},
	{name: "a line end too many behind a body", in: postHead + "Content-Length: 2\r\n\r\n{}\r\n" + hidden, heads: 1, refused: BadRequestLine},
	{name: "more body than its length", in: postHead + "Content-Length: 2\r\n\r\n{}{}" + hidden, heads: 1, refused: BadRequestLine},
	{name: "CL.TE behind good ones", in: get + get + postHead + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, heads: 2, refused: LengthAndEncoding},
}
