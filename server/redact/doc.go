// Package redact keeps credentials out of the log, whoever writes them there: a
// [slog.Handler] around the real one that masks the secrets of the configuration, what
// stands under a name of a credential, and what has the form of one.
//
// It is the second net. The first is [adapters.Secret], which cannot be printed; this
// one is for texts that came from elsewhere: an error that quotes a header, a provider
// that quotes the key which it refuses, the stack of a panic.
package redact
