// Package upstream is the one HTTP client that adapters call providers with:
// connections, key rotation, time and size bounds, server-sent events, and the
// translation of what goes wrong into [adapters.Error].
//
// It knows HTTP and no provider: paths, bodies and the form of error bodies come
// from the adapter (see [Dialect]).
package upstream
