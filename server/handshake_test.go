package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-ai/sluice/server/edge"
	"github.com/sluice-ai/sluice/server/edge/frame"
)

func TestTLSConn_bounds_the_handshake(t *testing.T) {
	for name, first := range map[string]func(net.Conn) error{
		"read":  func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"write": func(c net.Conn) error { _, err := c.Write([]byte("x")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				defer there.Close()
				c := &tlsConn{Conn: here, tls: tls.Server(here, &tls.Config{MinVersion: tls.VersionTLS12}), logger: slog.New(slog.DiscardHandler)}
				defer c.Close()
				begin := time.Now()
				err := first(c)
				// net/http answers errors that are not of reading; nobody would understand it.
				var op *net.OpError
				if !errors.As(err, &op) || op.Op != "read" || time.Since(begin) != handshakeTime {
					t.Errorf("%v after %v, want %v", err, time.Since(begin), handshakeTime)
				}
				if _, err := there.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
					t.Errorf("the connection is open: %v", err)
				}
				if err := first(c); err == nil || time.Since(begin) != handshakeTime {
					t.Errorf("it tries again: %v", err)
				}
			})
		})
	}
}

// What the guard of HTTP/1's framing sees is plain text, whatever the protocol; and the
// handlers above it know who calls.
func TestTLSConn_is_plain_text_to_the_framing_guard_and_known_to_handlers(t *testing.T) {
	certificate := selfSigned(t)
	pool := x509.NewCertPool()
	pool.AddCert(certificate.Leaf)
	i := &identity{}
	i.current.Store(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := edge.NewHTTPServer(withTLSState(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.TLS.NegotiatedProtocol+" "+r.TLS.PeerCertificates[0].Subject.CommonName)
	})))
	h.ConnContext = withTLSConn
	served := make(chan error, 1)
	go func() {
		served <- h.Serve(frame.Listen(i.listen(l, slog.New(slog.DiscardHandler)), frame.Settings{}))
	}()
	defer func() {
		_ = h.Close()
		<-served
	}()
	client := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{certificate}}
	for http2, want := range map[bool]string{false: "HTTP/1.1  localhost", true: "HTTP/2.0 h2 localhost"} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(!http2)
		protocols.SetHTTP2(http2)
		transport := &http.Transport{TLSClientConfig: client.Clone(), Protocols: protocols}
		resp, err := (&http.Client{Transport: transport}).Get("https://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		transport.CloseIdleConnections()
		if err != nil || string(body) != want {
			t.Errorf("%q and %v, want %q", body, err, want)
		}
	}
	conn, err := (&tls.Dialer{Config: client}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("a smuggled body: %q, %v", answer, err)
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
