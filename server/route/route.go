// Package route decides where a call goes: a model's name in, targets in order of
// preference out. It is pure: it asks nobody and remembers nothing. How the targets are
// at the moment, and chance, are arguments.
package route

// Target is one place that can serve a call.
type Target struct {
	// Provider is the configured name.
	Provider string
	// Model is the provider's id of the model. Empty: the caller's name goes through.
	Model string
	// Weight is the share of calls among targets of the same priority. 0: only when the
	// others of the priority failed, whatever the strategy.
	Weight int
	// Priority orders groups of targets, 0 first.
	Priority int
	// Canary is the percentage of calls, 0 to 100, that tries this target first; nil
	// makes it an ordinary one. Weight and Priority of a canary do not count, and calls
	// that are not its own come to it last of all.
	Canary *float64
	// Lacks are the features that it does not have. None: those of Facts.
	Lacks Feature
	// ContextWindow is how many tokens prompt and answer may have together. 0: that of
	// Facts.
	ContextWindow int64
	// Price orders targets of [StrategyCheapest]. Nil: that of Facts.
	Price *Price
	// Facts stand in for each of Lacks, ContextWindow and Price that says nothing.
	// [Table.Inform] sets them.
	Facts Facts
	// ID is the target's place in [Table.Targets]. -1: no entry of the table names it.
	// [New] sets it.
	ID int
}

// Price is in US dollars per million tokens.
type Price struct{ Input, Output float64 }

// Facts are what is generally known of a provider's model. The operator did not say so,
// and they may be old.
type Facts struct {
	// Lacks are features that the model is known not to have.
	Lacks Feature
	// ContextWindow is how many tokens prompt and answer may have together. 0: not known.
	ContextWindow int64
	// Price counts when Priced; otherwise it is not known, and the target comes after all
	// others in [StrategyCheapest].
	Price  Price
	Priced bool
}

// Model is an entry of the routing table.
type Model struct {
	// Name is what callers ask for. One "*" in it stands for any text.
	Name string
	// Aliases are more names for it, without "*". A target without a model gets the
	// name that the caller used, an alias too.
	Aliases []string
	// Strategy orders targets of the same priority.
	Strategy Strategy
	// Sticky is for [StrategySticky].
	Sticky Sticky
	// Targets serve it; at least one.
	Targets []Target
}

// Path is a prefix of the REST door that leads to one target.
type Path struct {
	// Prefix begins with a slash and ends without one.
	Prefix string
	// Provider is the configured name. Empty: Model is a name as callers use them.
	Provider string
	// Model is the provider's id of the model. Empty: the caller's.
	Model string
}

// Health is how a target is at this moment.
type Health struct {
	// Spared says that calls would be refused without asking it.
	Spared bool
	// Busy is how many calls it runs.
	Busy int
	// Latency is its usual time to the first token, in seconds. 0: not known.
	Latency float64
}

// Decision is where a call goes.
type Decision struct {
	// Route is the name of the table's entry, also when the call named an alias; the
	// prefix of the path that decided; or "" when the call named a provider or went to
	// the default one. Of several choices it is that of the first which has a target.
	Route string
	// Targets is in order of preference, never empty, none twice. Their models are
	// resolved: none is empty.
	Targets []Target
}
