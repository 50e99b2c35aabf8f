package server

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"

	"github.com/sluice-ai/sluice/server/config"
)

// Welcome is what a user wants to know of a server that has started.
type Welcome struct {
	addresses config.Listen
	// Nil: no TLS.
	tls, adminTLS *config.ListenTLS
	providers     []string
	models        []string
	fallback      string
	source        string
}

// Welcome describes the server. Valid after [Server.Start].
func (s *Server) Welcome() Welcome {
	c := s.Config()
	w := Welcome{addresses: s.Addresses(), tls: c.Listen.TLS, adminTLS: c.Listen.AdminTLS, fallback: c.Routing.DefaultProvider, source: c.Source}
	for _, p := range c.Providers {
		w.providers = append(w.providers, p.Name)
	}
	for _, m := range c.Models {
		w.models = append(w.models, m.Name)
	}
	return w
}

// Write writes lines for people, with a command that works.
func (w Welcome) Write(out io.Writer) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-10s %s\n", name, value)
		}
	}
	b.WriteString("Sluice is serving\n")
	base := baseOf(w.addresses.HTTP, w.tls)
	line("REST", base+"/v1   (base_url of OpenAI clients; Connect and gRPC-Web at "+base+")")
	line("docs", base+"/docs")
	if w.addresses.GRPC != "" {
		line("gRPC", dialable(w.addresses.GRPC)+map[bool]string{true: "   (TLS)"}[w.tls != nil])
	}
	if w.addresses.Admin != "" {
		line("admin", baseOf(w.addresses.Admin, w.adminTLS)+"   (/healthz /readyz /metrics)")
	}
	line("config", sourceName(w.source))
	line("providers", strings.Join(w.providers, ", "))
	line("models", joinSome(w.models))
	line("others", w.others())
	fmt.Fprintf(&b, "\nTry it:\n  %s\n\n", w.command())
	_, err := io.WriteString(out, b.String())
	return err
}

// Log writes the same as one structured line.
func (w Welcome) Log(logger *slog.Logger) {
	logger.Info("serving",
		slog.String("http", w.addresses.HTTP), slog.String("grpc", w.addresses.GRPC), slog.String("admin", w.addresses.Admin),
		slog.Bool("tls", w.tls != nil), slog.Bool("admin_tls", w.adminTLS != nil),
		slog.String("config", sourceName(w.source)),
		slog.Any("providers", w.providers), slog.Int("models", len(w.models)), slog.String("default_provider", w.fallback),
		slog.String("try", w.command()))
}

// command calls the sandbox, which is always there and costs nothing.
func (w Welcome) command() string {
	curl := "curl -N "
	switch {
	case w.tls != nil && w.tls.ClientAuth == config.ClientAuthRequire:
		curl += "-k --cert YOURS.pem --key YOURS.key "
	case w.tls != nil:
		curl += "-k " // the certificate is for a name, not for this address
	}
	return curl + baseOf(w.addresses.HTTP, w.tls) + "/v1/chat/completions -H 'content-type: application/json' " +
		`-d '{"model":"sandbox/chat","stream":true,"messages":[{"role":"user","content":"Hello"}]}'`
}

func (w Welcome) others() string {
	if w.fallback == "" {
		return "provider/model; a model that nothing names is answered with 404"
	}
	return "provider/model; a model that nothing names goes to " + w.fallback
}

func sourceName(source string) string {
	if source == "" {
		return "none: the sandbox, and providers whose key is in the environment"
	}
	return source
}

// someModels is how many names a person reads.
const someModels = 8

func joinSome(names []string) string {
	if len(names) <= someModels {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:someModels], ", "), len(names)-someModels)
}

// baseOf returns the URL of a listener of this machine.
func baseOf(address string, encrypted *config.ListenTLS) string {
	if encrypted != nil {
		return "https://" + dialable(address)
	}
	return "http://" + dialable(address)
}

// dialable returns an address of this machine for one that stands for all of them.
func dialable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
