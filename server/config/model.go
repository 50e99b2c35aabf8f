package config

import "time"

// Model is a name that callers may ask for.
type Model struct {
	// Name may hold one "*", which stands for any text.
	Name string
	// Aliases are more names for it, without "*". No name or alias stands twice among all
	// models.
	Aliases []string
	// Strategy is "weighted", "priority", "least_latency", "least_busy", "cheapest" or
	// "sticky".
	Strategy string
	// Sticky is for the strategy of that name, and filled in for every other, too.
	Sticky Sticky
	Hedge  Hedge
	// OnDisconnect is "cancel" or "drain": the model's own, or that of [Routing].
	OnDisconnect string
	Targets      []Target
}

// Sticky says what calls have in common that go to the same target.
type Sticky struct {
	// By holds "session", "user", "key" and "prompt", each at most once; never empty.
	By []string
	// Header is the one of "session", in lower case.
	Header string
	// PromptBytes is how much of the conversation counts for "prompt".
	PromptBytes int
}

// Hedge says when a second attempt joins one that takes long.
type Hedge struct {
	Enabled bool
	// Delay is when. 0: at the 95th percentile of the target's recent answers.
	Delay time.Duration
	// MaxOutputTokens is the bound on its answer up to which a chat counts as short.
	MaxOutputTokens int
	// Budget is the share of the calls that may be sent twice, above 0 to 1.
	Budget float64
}

// Target is a provider's model behind a name.
type Target struct {
	Provider string
	// Model is empty for the one that the caller asked for.
	Model            string
	Weight, Priority int
	// Canary is the percentage of calls, 0 to 100, that tries this target first. Nil: it
	// is an ordinary one. Those of a model are at most 100 together, and one of its targets
	// is no canary.
	Canary *float64
	// Headers go over those of the provider; in alphabetical order, names in lower case.
	Headers    []Header
	Parameters Parameters
	Timeouts   TargetTimeouts
	// Concurrency bounds the calls through this entry.
	Concurrency Concurrency
	// Lacks holds "tools", "vision", "audio", "files", "json_schema" and "streaming", each
	// at most once.
	Lacks []string
	// ContextWindow is how many tokens prompt and answer may have together. 0: the file
	// does not say.
	ContextWindow int64
	// Price is nil when the file does not say.
	Price *Price
}

// Parameters change members of the request, by their names in OpenAI's API; none is
// model, messages, input or stream.
type Parameters struct {
	// Drop are taken out first.
	Drop []string
	// Default and Set are JSON objects, keys in the order of the file; empty when there is
	// none. Default's members are for requests without them, Set's replace the caller's.
	// Each member that OpenAI documents has a value of the documented type.
	Default, Set string
}

// TargetTimeouts stand in for those of the provider. 0: the provider's.
type TargetTimeouts struct {
	// Connect, FirstByte and Idle bound single steps, FirstToken the time to the first event
	// of a stream, Total an attempt as a whole, streams included.
	Connect, FirstByte, FirstToken, Idle, Total time.Duration
}

// Price is in US dollars per million tokens.
type Price struct{ Input, Output float64 }
