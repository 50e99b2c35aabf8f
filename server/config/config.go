// Package config reads the configuration file: YAML in, one checked value with
// secrets resolved out, or everything that is wrong with it at once.
//
// It knows the file's format (proto/sluice/config/v1) and nothing of what the parts
// are for; package server builds them from the value.
package config

import (
	"log/slog"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// Config is a configuration that passed every check, with defaults filled in. It is
// not changed after it was made. Printing it shows no secret.
type Config struct {
	// Source is the name of the file, or empty when there is none.
	Source string
	// Files are the files that it was read from, with those of secrets: a change of
	// one is a change of the configuration.
	Files []string
	// Warnings are what is doubtful but allowed.
	Warnings []Problem

	Listen    Listen
	Providers []Provider
	Models    []Model
	Routing   Routing
	Auth      Auth
	Breaker   Breaker
	Log       Log
	// MaxRequestBytes bounds a request through every door.
	MaxRequestBytes int64
	// ShutdownGrace is how long running calls may go on at the end.
	ShutdownGrace time.Duration
	// CORSOrigins are the origins of the web pages that may call, never empty. One "*"
	// in each stands for any text.
	CORSOrigins []string

	document *document
}

// Listen holds addresses as host:port. GRPC and Admin are empty when that listener
// is not wanted.
type Listen struct{ HTTP, GRPC, Admin string }

// Provider is one model provider.
type Provider struct {
	Name string
	// Kind is the adapter.
	Kind string
	// BaseURL is as written; empty for the adapter's own.
	BaseURL string
	// APIKeys are used in turn.
	APIKeys []adapters.Secret
	// Headers are in alphabetical order, names in lower case.
	Headers  []Header
	Timeouts adapters.Timeouts
	// Implicit says that the file does not name it: the sandbox.
	Implicit bool
}

// Header is a header field that is sent to a provider.
type Header struct {
	Name  string
	Value adapters.Secret
}

// Model is a name that callers may ask for.
type Model struct {
	// Name may hold one "*", which stands for any text.
	Name    string
	Targets []Target
}

// Target is a provider's model behind a name.
type Target struct {
	Provider string
	// Model is empty for the one that the caller asked for.
	Model            string
	Weight, Priority int
}

// Routing says how a call finds its way.
type Routing struct {
	// DefaultProvider is empty when there is none.
	DefaultProvider string
	// AttemptTimeout bounds one attempt; 0 is no bound. TotalTimeout bounds all of
	// them.
	AttemptTimeout, TotalTimeout time.Duration
	// MaxAttempts counts the first, too.
	MaxAttempts int
}

// Auth says who may call.
type Auth struct {
	// Mode is "none".
	Mode string
	// Insecure allows mode none where others can reach it.
	Insecure bool
}

// Breaker says when a failing target is left alone.
type Breaker struct {
	Enabled bool
	// FailureRatio of at least MinCalls within Window opens it for CoolDown.
	FailureRatio     float64
	MinCalls         int
	Window, CoolDown time.Duration
}

// Log says what is logged.
type Log struct {
	// Format is "auto", "text" or "json".
	Format string
	Level  slog.Level
}

// Fail returns an [*Error] about the key at path, as "providers[0].base_url", with
// its place in the file: for what only a builder of the parts can find out.
func (c *Config) Fail(path, message string) error {
	if c.document == nil {
		return &Error{[]Problem{{File: c.Source, Path: path, Message: message}}}
	}
	return &Error{[]Problem{c.document.problem(path, message)}}
}
