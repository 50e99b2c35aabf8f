// Package sluice is the Go client of a Sluice gateway over native gRPC.
//
// It holds a connection with settings that suit token streams, typed stubs, and
// the few lines that every caller would write: messages from texts, the text of an
// answer, the reason of an error. Everything else is the generated package
// sluicev1; nothing is hidden or wrapped.
package sluice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

const (
	// DefaultMaxMessageBytes bounds an answer, or one chunk of a stream. A batch of
	// embeddings easily exceeds the 4 MiB that gRPC allows by default.
	DefaultMaxMessageBytes = 64 << 20

	// A model may think for minutes without sending a byte. Pings during calls keep the
	// connection alive in proxies on the way and find out when the far end is gone. A
	// gateway puts up with one every 5 s.
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 20 * time.Second

	userAgent = "sluice-go"
)

// Client is a connection to a gateway and the services on it. Safe for concurrent
// use: one per process is enough. Whoever called [Dial] closes it.
type Client struct {
	Chat       sluicev1.ChatServiceClient
	Embeddings sluicev1.EmbeddingsServiceClient
	Models     sluicev1.ModelsServiceClient

	conn *grpc.ClientConn
}

// Dial returns a client for the gateway at target, a "host:port" or any other
// target that gRPC knows ("dns:///...", "unix:/path"). It does not connect: the first
// call does, and reports when nobody answers.
//
// The connection is in plain text when target is a loopback address, "localhost"
// or a unix socket, and uses TLS with the system's roots otherwise. [WithTLS] and
// [WithPlaintext] overrule that.
func Dial(target string, opts ...Option) (*Client, error) {
	if target == "" {
		return nil, errors.New("sluice: target is empty")
	}
	s := settings{maxMessageBytes: DefaultMaxMessageBytes, plaintext: isLocal(target)}
	for _, o := range opts {
		o(&s)
	}
	conn, err := grpc.NewClient(target, s.dialOptions()...)
	if err != nil {
		return nil, fmt.Errorf("sluice: target %q: %w", target, err)
	}
	return &Client{
		Chat:       sluicev1.NewChatServiceClient(conn),
		Embeddings: sluicev1.NewEmbeddingsServiceClient(conn),
		Models:     sluicev1.NewModelsServiceClient(conn),
		conn:       conn,
	}, nil
}

// Conn returns the connection, for services that the client has no field for
// (health, reflection). The client keeps owning it.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// Close ends the connection. Calls that still run fail as cancelled.
func (c *Client) Close() error { return c.conn.Close() }

// Option changes how [Dial] connects. A later option overrules an earlier one.
type Option func(*settings)

// WithAPIKey sends the key with every call, as "authorization: Bearer <key>". An
// empty key sends none.
func WithAPIKey(key string) Option { return func(s *settings) { s.apiKey = key } }

// WithTLS uses TLS with the given configuration, nil meaning the system's roots,
// also towards a loopback address.
func WithTLS(config *tls.Config) Option {
	return func(s *settings) { s.plaintext, s.tls = false, config }
}

// WithPlaintext uses no TLS, wherever the gateway is. The API key then crosses the
// network readable: only for networks that encrypt by themselves, as a service mesh
// does.
func WithPlaintext() Option { return func(s *settings) { s.plaintext = true } }

// WithMaxMessageBytes replaces [DefaultMaxMessageBytes].
func WithMaxMessageBytes(n int) Option { return func(s *settings) { s.maxMessageBytes = n } }

// WithGRPC adds options of gRPC itself: interceptors, statistics, a dialer. They
// come last and overrule what the client sets.
func WithGRPC(opts ...grpc.DialOption) Option {
	return func(s *settings) { s.grpc = append(s.grpc, opts...) }
}

type settings struct {
	apiKey          string
	plaintext       bool
	tls             *tls.Config
	maxMessageBytes int
	grpc            []grpc.DialOption
}

func (s *settings) dialOptions() []grpc.DialOption {
	transport := insecure.NewCredentials()
	if !s.plaintext {
		transport = credentials.NewTLS(s.tls)
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithUserAgent(userAgent),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(s.maxMessageBytes)),
	}
	if s.apiKey != "" {
		opts = append(opts, grpc.WithPerRPCCredentials(bearer{key: s.apiKey, plaintext: s.plaintext}))
	}
	return append(opts, s.grpc...)
}

// bearer attaches the API key to calls. It has no String on purpose: its fields are
// unexported and nothing prints it.
type bearer struct {
	key       string
	plaintext bool
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.key}, nil
}

// RequireTransportSecurity makes gRPC refuse a key over plain text unless plain
// text was chosen.
func (b bearer) RequireTransportSecurity() bool { return !b.plaintext }
