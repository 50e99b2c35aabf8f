package hostile

import (
	"fmt"
	"strings"
	"testing"
)

// request is a request line and a body that would be a good chat.
func request(method, target string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, target, len(goodRequest), goodRequest)
}

// hosted is a good chat to a host.
func hosted(lines string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", chatPath, lines, len(goodRequest), goodRequest)
}

// TestTargets_are_read_once sends targets that name a door in another way. Paths are
// decoded once and compared as they are: nothing is tidied, so that a rule of a proxy in
// front and our own routing see the same path. Source: the issue "Hardened", "paths
// normalised once, before routing".
//
// tests/badinput holds: a slash at the end, slashes twice, a path up, %00, /v1 missing,
// doubled or behind something, and the root by POST.
func TestTargets_are_read_once(t *testing.T) {
	unknown := func(name, target string) wireCase {
		return wireCase{name: name, send: request("POST", target), status: 404, reason: "not_found", fate: kept}
	}
	refused := func(name, send string) wireCase {
		return wireCase{name: name, send: send, status: 400, reason: "invalid_request", fate: closed}
	}
	tooLong := func(name, send string) wireCase {
		return wireCase{name: name, send: send, status: 414, reason: "request_too_large", fate: closed}
	}
	g := open(t)
	endless := tooLong("a target without end", "GET /v1/")
	endless.endless = fill(64 << 10)
	g.wireCases(t, []wireCase{
		unknown("a segment that stays", "/v1/./chat/completions"),
		unknown("a segment up and down again", "/v1/x/../chat/completions"),
		unknown("a segment up out of the root", "/../v1/chat/completions"),
		unknown("an encoded segment up", "/v1/x/%2e%2e/chat/completions"),
		unknown("an encoded segment that stays", "/v1/%2E/chat/completions"),
		unknown("an encoding of an encoding", "/v1/chat/%2563ompletions"),
		unknown("an encoded backslash", "/v1%5cchat%5ccompletions"),
		unknown("an encoded NUL behind", "/v1/chat/completions%00"),
		unknown("an encoded NUL and a type", "/v1/chat/completions%00.html"),
		unknown("an encoded line end", "/v1/chat/completions%0d%0aX-Evil:%201"),
		unknown("an encoded space behind", "/v1/chat/completions%20"),
		unknown("an encoded question mark", "/v1/chat/completions%3fa=b"),
		unknown("parameters of a path", "/v1/chat/completions;a=b"),
		unknown("capitals", "/V1/Chat/Completions"),
		unknown("an overlong encoding of a slash", "/v1%c0%afchat%c0%afcompletions"),
		unknown("letters of full width", "/v1/%ef%bd%83hat/completions"),
		unknown("the metrics of the admin port", "/metrics"),
		unknown("the status of the admin port", "/v1/../status"),
		unknown("debug", "/debug/pprof/"),
		unknown("a path of 10,000 bytes", "/v1/"+fill(10_000)),
		unknown("a path of 5,000 segments", strings.Repeat("/v", 5000)),
		{name: "an encoded letter", send: request("POST", "/v1/chat/%63ompletions"), status: 200, shape: success, fate: kept, calls: 1},
		{name: "an encoded slash is no other path", send: request("POST", "/v1%2fchat%2fcompletions"), status: 404, reason: "not_found", fate: kept},
		refused("a broken encoding", request("POST", "/v1/chat/completions%zz")),
		refused("half an encoding", request("POST", "/v1/chat/completions%6")),
		refused("a backslash", request("POST", `\v1\chat\completions`)),
		refused("a raw NUL", request("POST", "/v1/chat/completions\x00")),
		refused("a raw byte that is no ASCII", request("POST", "/v1/chat/completions\xff")),
		refused("a space inside", request("POST", "/v1/chat completions")),
		refused("no slash", request("POST", "v1/chat/completions")),
		refused("nothing", request("POST", "")),
		refused("a whole URL", request("POST", "http://x/v1/chat/completions")),
		refused("a whole URL of somebody else", request("POST", "http://evil.example/v1/chat/completions")),
		refused("a whole URL with credentials", request("POST", "http://a:b@x/v1/chat/completions")),
		refused("an asterisk", request("POST", "*")),
		refused("an authority", request("POST", "x:80")),
		refused("a fragment", request("POST", "/v1/chat/completions#a")),
		tooLong("a target of 100,000 bytes", request("POST", "/v1/"+fill(100_000))),
		endless,
	})
}

// TestMethods_are_exact: 405 with Allow. tests/badinput holds GET, PUT, DELETE, BREW, an
// override, and the wrong methods of models.
func TestMethods_are_exact(t *testing.T) {
	wrong := func(name, method, target, allow string) wireCase {
		return wireCase{name: name, send: request(method, target), status: 405, reason: "method_not_allowed", allow: allow, fate: kept}
	}
	refused := func(name, send string, status int) wireCase {
		return wireCase{name: name, send: send + behind, status: status, reason: "invalid_request", fate: closed}
	}
	g := open(t)
	head := wrong("HEAD of a chat", "HEAD", chatPath, "POST, OPTIONS")
	head.shape = unshaped // HEAD has no body
	long := wrong("a method of 30 letters", strings.Repeat("A", 30), chatPath, "POST, OPTIONS")
	g.wireCases(t, []wireCase{
		wrong("TRACE", "TRACE", chatPath, "POST, OPTIONS"),
		wrong("PATCH", "PATCH", chatPath, "POST, OPTIONS"),
		wrong("post in small letters", "post", chatPath, "POST, OPTIONS"),
		wrong("QUERY of the models", "QUERY", "/v1/models", "GET, HEAD, OPTIONS"),
		wrong("TRACE of the root", "TRACE", "/", "GET, HEAD, OPTIONS"),
		head, long,
		{name: "OPTIONS of a chat", send: "OPTIONS " + chatPath + " HTTP/1.1\r\nHost: x\r\n\r\n", status: 204, shape: success, allow: "POST, OPTIONS", fate: kept},
		refused("CONNECT to a host", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 400),
		refused("CONNECT to a path", "CONNECT "+chatPath+" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
		refused("a method of 1,000 letters", request(fill(1000), chatPath), 400),
		refused("a method with a NUL", request("PO\x00ST", chatPath), 400),
		refused("a method with a colon", request("PO:ST", chatPath), 400),
		refused("no method", request("", chatPath), 400),
		refused("a tab between method and target", strings.Replace(request("POST", chatPath), "POST ", "POST\t", 1), 400),
		refused("two spaces", strings.Replace(request("POST", chatPath), "POST ", "POST  ", 1), 400),
		refused("HTTP/0.9", "GET /v1/models\r\n\r\n", 400),
		refused("HTTP/1.2", strings.Replace(request("POST", chatPath), "HTTP/1.1", "HTTP/1.2", 1), 505),
		refused("HTTP/2 by its number", strings.Replace(request("POST", chatPath), "HTTP/1.1", "HTTP/2.0", 1), 505),
		refused("http/1.1 in small letters", strings.Replace(request("POST", chatPath), "HTTP/1.1", "http/1.1", 1), 400),
		{name: "an upgrade to h2c is no upgrade", send: post("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", goodRequest), status: 200, shape: success, fate: kept, calls: 1},
		{name: "an upgrade to a WebSocket is none", send: post("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n", goodRequest), status: 200, shape: success, fate: kept, calls: 1},
	})
}

// TestHosts_that_are_odd are refused: what a Host header says ends up in base URLs that
// errors name.
func TestHosts_that_are_odd(t *testing.T) {
	refused := func(name, lines string) wireCase {
		return wireCase{name: name, send: hosted(lines) + behind, status: 400, reason: "invalid_request", fate: closed}
	}
	fine := func(name, host string) wireCase {
		return wireCase{name: name, send: hosted("Host: " + host + "\r\n"), status: 200, shape: success, fate: kept, calls: 1}
	}
	g := open(t)
	g.wireCases(t, []wireCase{
		refused("none", ""),
		refused("an empty one", "Host:\r\n"),
		refused("two", "Host: x\r\nHost: y\r\n"),
		refused("the same twice", "Host: x\r\nHost: x\r\n"),
		refused("two in a line", "Host: x, y\r\n"),
		refused("a path", "Host: x/v1\r\n"),
		refused("a URL", "Host: http://x\r\n"),
		refused("credentials", "Host: a@x\r\n"),
		refused("a query", "Host: x?a=b\r\n"),
		refused("a fragment", "Host: x#a\r\n"),
		refused("a space", "Host: x y\r\n"),
		refused("a backslash", "Host: x\\y\r\n"),
		refused("markup", "Host: <script>\r\n"),
		refused("no ASCII", "Host: \xc3\xa4.example\r\n"),
		refused("an encoding", "Host: x%2fy\r\n"),
		refused("a port of letters", "Host: x:http\r\n"),
		refused("a port that is too large", "Host: x:65536\r\n"),
		refused("two ports", "Host: x:80:80\r\n"),
		refused("an open bracket", "Host: [::1\r\n"),
		refused("1,000 bytes", "Host: "+fill(1000)+"\r\n"),
		fine("an address of IPv6", "[::1]:8080"),
		fine("an underscore", "my_service.ns.svc:8080"),
	})
}

// TestHeads_are_bounded in bytes and in number of fields. tests/badinput holds one field
// of 300 KB.
func TestHeads_are_bounded(t *testing.T) {
	tooLarge := func(name, send, endless string) wireCase {
		return wireCase{name: name, send: send, endless: endless, status: 431, reason: "request_too_large", fate: closed}
	}
	g := open(t)
	g.wireCases(t, []wireCase{
		tooLarge("a field without end", head+"X-A: ", fill(64<<10)),
		tooLarge("a name without end", head, fill(64<<10)),
		tooLarge("fields without end", head, "X-A: b\r\n"),
		tooLarge("10,000 fields", head+strings.Repeat("A: \r\n", 10_000)+"\r\n", ""),
		tooLarge("1,000 cookies", head+strings.Repeat("Cookie: a=b\r\n", 1000)+"\r\n", ""),
		// The head was well: what is behind the body makes it a bad body.
		{name: "1,000 trailers", send: chunks("", chunk(goodRequest)+"0\r\n"+strings.Repeat("A: b\r\n", 1000)+"\r\n"), status: 400, reason: "invalid_request", fate: closed},
		{name: "a trailer of 200 KB", send: chunks("", chunk(goodRequest)+"0\r\nX-A: "+fill(200<<10)+"\r\n\r\n"), status: 400, reason: "invalid_request", fate: closed},
		{name: "100 fields of 200 bytes", send: post(strings.Repeat("X-A: "+fill(200)+"\r\n", 100), goodRequest), status: 200, shape: success, fate: kept, calls: 1},
	})
}
