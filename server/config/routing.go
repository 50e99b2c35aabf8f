package config

import "time"

// Routing says how a call finds its way and how often it is tried.
type Routing struct {
	// DefaultProvider is empty when there is none.
	DefaultProvider string
	// AttemptTimeout bounds one attempt; 0 is no bound. TotalTimeout bounds all of
	// them.
	AttemptTimeout, TotalTimeout time.Duration
	// MaxAttempts counts the first, too.
	MaxAttempts int
	// Budget is the share of a route's calls that further attempts may add;
	// MinPerSecond further attempts may be made in any case.
	Budget       float64
	MinPerSecond int
	// SameTarget is "never", "unsent", "refused" or "failed": what is tried again at a
	// target that was tried before.
	SameTarget string
	// FirstPause is the one before the first repetition at a target. Each further one
	// doubles it, up to MaxPause. 0 is no pause.
	FirstPause, MaxPause time.Duration
	// MaxWait bounds the pause that a provider may ask for. 0: none is waited for.
	MaxWait time.Duration
	// Paths are prefixes of the REST door; none stands twice.
	Paths []Path
	// CallerChoice lets callers choose the route.
	CallerChoice bool
	// OnDisconnect is "cancel" or "drain", for calls that no entry of models names.
	OnDisconnect string
	// DrainCap bounds how long the answer of a caller that left is read.
	DrainCap time.Duration
}

// Path is a path prefix that leads to one target.
type Path struct {
	// Path begins with a slash and ends without one.
	Path string
	// Provider is empty when Model is a name as callers use them. Not both are empty.
	Provider string
	// Model is empty for the one that the caller asks for.
	Model string
}
