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
	"github.com/sluice-ai/sluice/adapters/almanac"
)

// Config is a configuration that passed every check, with defaults filled in. It is
// not changed after it was made. Printing it shows no secret.
type Config struct {
	// Source is the name of the file, or empty when there is none.
	Source string
	// Files are the files that it was read from, with those of secrets and certificates: a
	// change of one is a change of the configuration.
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
	// Almanac is what is known of models: by Sluice itself, and by the file of the
	// configuration. Never nil.
	Almanac *almanac.Almanac
	// MaxRequestBytes bounds a request through every door.
	MaxRequestBytes int64
	// MaxAnswerBytes bounds a provider's answer in one piece, MaxStreamBytes one that is a
	// stream.
	MaxAnswerBytes, MaxStreamBytes int64
	// MaxConcurrentCalls bounds the calls through all doors together. 0: as many as the
	// process may have files open for.
	MaxConcurrentCalls int
	// ShutdownGrace is how long running calls may go on at the end.
	ShutdownGrace time.Duration
	// CORSOrigins are the origins of the web pages that may call, never empty. One "*"
	// in each stands for any text.
	CORSOrigins []string

	document *document
}

// Listen holds addresses as host:port. GRPC and Admin are empty when that listener
// is not wanted.
type Listen struct {
	HTTP, GRPC, Admin string
	// TLS is that of HTTP and GRPC. Nil: they speak none, and likewise AdminTLS.
	TLS, AdminTLS *ListenTLS
	// AdminToken is what the admin listener asks for. Empty: nothing.
	AdminToken adapters.Secret
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
	// SlowCall is the time from which on an answer, or a stream's first event, counts as a
	// failure. 0: none does.
	SlowCall time.Duration
	// Probes is how many calls at a time a half-open breaker lets through, and how many
	// must succeed in a row to close it; at least 1.
	Probes int
}

// Log says what is logged.
type Log struct {
	// Format is "auto", "text" or "json".
	Format string
	Level  slog.Level
	Bodies LogBodies
}

// LogBodies says of which calls requests and answers are logged.
type LogBodies struct {
	// Models are by the callers' names for them, "*" for all.
	Models []string
	// Keys are those of callers, whatever the model.
	Keys []adapters.Secret
	// MaxBytes is what of one request, and of one answer, is logged.
	MaxBytes int
}

// Fail returns an [*Error] about the key at path, as "providers[0].base_url", with
// its place in the file: for what only a builder of the parts can find out.
func (c *Config) Fail(path, message string) error {
	if c.document == nil {
		return &Error{[]Problem{{File: c.Source, Path: path, Message: message}}}
	}
	return &Error{[]Problem{c.document.problem(path, message)}}
}
