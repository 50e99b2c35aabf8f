package adapters

// Unsupported says what becomes of a request's member that the provider's dialect has no
// counterpart for.
type Unsupported int

const (
	// UnsupportedError refuses the call with an error that names the member, and is the
	// zero value: silence would change what the caller gets.
	UnsupportedError Unsupported = iota
	// UnsupportedDrop sends the request without the member.
	UnsupportedDrop
	// UnsupportedPass sends the member as it came, for a provider that knows more than its
	// documents say.
	UnsupportedPass
)

var unsupportedNames = [...]string{"error", "drop", "pass"}

// ParseUnsupported reads "error", "drop" or "pass", as configurations and the header
// x-sluice-unsupported-params write it.
func ParseUnsupported(name string) (u Unsupported, ok bool) {
	for i, known := range unsupportedNames {
		if name == known {
			return Unsupported(i), true
		}
	}
	return UnsupportedError, false
}

// String returns the name that [ParseUnsupported] reads.
func (u Unsupported) String() string {
	if u < 0 || int(u) >= len(unsupportedNames) {
		return unsupportedNames[UnsupportedError]
	}
	return unsupportedNames[u]
}
