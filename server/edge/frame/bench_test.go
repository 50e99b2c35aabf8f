package frame

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// endless gives the same request as often as it is asked.
type endless struct {
	net.Conn

	request []byte
}

func (c *endless) Read(p []byte) (int, error) { return copy(p, c.request), nil }

var chatRequest = func() []byte {
	const body = 1024
	return fmt.Appendf(nil, "POST /v1/chat/completions HTTP/1.1\r\nHost: sluice.example:8080\r\nUser-Agent: OpenAI/Python 2.0.0\r\n"+
		"Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\nAuthorization: Bearer sk-0123456789abcdef0123456789abcdef\r\n"+
		"Content-Type: application/json\r\nX-Stainless-Lang: python\r\nX-Stainless-Package-Version: 2.0.0\r\nX-Stainless-Os: Linux\r\n"+
		"X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\nX-Stainless-Runtime-Version: 3.12.0\r\nX-Stainless-Retry-Count: 0\r\n"+
		"Content-Length: %d\r\n\r\n%s", body, make([]byte, body))
}()

func BenchmarkRead(b *testing.B) {
	settings := Settings{}.withDefaults()
	bare := &endless{request: chatRequest}
	for name, c := range map[string]io.Reader{"bare": bare, "guarded": newConn(bare, &settings)} {
		b.Run(name, func(b *testing.B) {
			p := make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if n, err := c.Read(p); n != len(chatRequest) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func BenchmarkServer(b *testing.B) {
	for _, name := range []string{"bare", "guarded"} {
		b.Run(name, func(b *testing.B) {
			l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			address := l.Addr().String()
			if name == "guarded" {
				l = Listen(l, Settings{})
			}
			server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header()["Date"] = nil
				_, _ = io.WriteString(w, "ok")
			})}
			done := make(chan struct{})
			go func() { defer close(done); _ = server.Serve(l) }()
			c, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", address)
			if err != nil {
				b.Fatal(err)
			}
			const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nok"
			p := make([]byte, len(answer))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(chatRequest); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, p); err != nil || string(p) != answer {
					b.Fatalf("%q, %v", p, err)
				}
			}
			_ = c.Close()
			_ = server.Close()
			<-done
		})
	}
}
