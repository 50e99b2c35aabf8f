package config

import (
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// Provider is one model provider.
type Provider struct {
	Name string
	// Kind is the adapter.
	Kind string
	// BaseURL is as written; empty for the adapter's own.
	BaseURL string
	// Keys are its credentials: those of api_keys with the weight 1, then those of keys.
	// Empty: no credential is sent. Names are never empty, and unique within the provider.
	Keys []Key
	// APIKeys are the values of Keys, in their order.
	APIKeys []adapters.Secret
	TLS     ProviderTLS
	// Proxy is "env", "none" or the URL of a proxy. Empty is as "env".
	Proxy adapters.Secret
	// Headers are in alphabetical order, names in lower case.
	Headers  []Header
	Timeouts adapters.Timeouts
	// FirstTokenTimeout bounds the time to the first event of a stream, TotalTimeout an
	// attempt as a whole, streams included. 0: no bound of the provider's own.
	FirstTokenTimeout, TotalTimeout time.Duration
	// Concurrency bounds its calls, over all of its models.
	Concurrency Concurrency
	HealthCheck HealthCheck
	// Unsupported says what becomes of members that its API cannot express.
	Unsupported adapters.Unsupported
	// Google, AWS and Azure say where and as whom, for kinds that run there.
	Google adapters.Google
	AWS    adapters.AWS
	Azure  adapters.Azure
	// Dialect is what the file says of how its API differs from OpenAI's.
	Dialect adapters.OpenAIDialect
	// Implicit says that the file does not name it: the sandbox.
	Implicit bool
}

// Key is one credential of a provider.
type Key struct {
	// Name is what status and receipts call it.
	Name  string
	Value adapters.Secret
	// Weight is its share of the calls. 0: only while the others are left alone.
	Weight int
}

// Header is a header field that is sent to a provider.
type Header struct {
	Name  string
	Value adapters.Secret
}

// Concurrency bounds how many calls run at once. The zero value bounds nothing.
type Concurrency struct {
	// Max is the bound. 0: none; with Adaptive, the limiter's own.
	Max int
	// Adaptive asks for a bound between 1 and Max that follows latency.
	Adaptive bool
	// Queue is how many calls may wait, each for QueueTimeout. It says nothing without a
	// bound.
	Queue        int
	QueueTimeout time.Duration
}

// HealthCheck asks a provider now and then whether it answers.
type HealthCheck struct {
	// Interval is the time between two checks. 0: there are none.
	Interval time.Duration
	// Timeout bounds one check.
	Timeout time.Duration
	// Failures in a row keep calls away.
	Failures int
}
