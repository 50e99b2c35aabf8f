package almanac

import "strings"

// Capability is a set of things that a model can do, or cannot.
type Capability uint32

// The capabilities. The first six are those that calls are routed by.
const (
	// Tools: it calls functions.
	Tools Capability = 1 << iota
	// Vision: it reads images.
	Vision
	// Audio: it hears, or speaks.
	Audio
	// Files: it reads documents, as PDF.
	Files
	// JSONSchema: it keeps to a JSON schema in its answers.
	JSONSchema
	// Streaming: it answers piece by piece.
	Streaming
	// Reasoning: it thinks before it answers.
	Reasoning
	// Embeddings: it turns texts into vectors.
	Embeddings
	// Moderation: it judges whether texts or images are harmful.
	Moderation
	// Images: it makes pictures.
	Images
	// Speech: it reads texts aloud.
	Speech
	// Transcription: it writes down what is said.
	Transcription
)

// capabilityNames are in the order of the bits.
var capabilityNames = [...]string{
	"tools", "vision", "audio", "files", "json_schema", "streaming",
	"reasoning", "embeddings", "moderation", "images", "speech", "transcription",
}

// Names returns the names of the capabilities, in a fixed order.
func (c Capability) Names() []string {
	var names []string
	for i, name := range capabilityNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String returns the names with commas.
func (c Capability) String() string { return strings.Join(c.Names(), ", ") }

func parseCapability(name string) (c Capability, ok bool) {
	for i, known := range capabilityNames {
		if name == known {
			return 1 << i, true
		}
	}
	return 0, false
}
