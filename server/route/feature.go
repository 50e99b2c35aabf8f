package route

import "strings"

// Feature is a set of things that a call may need and a target may lack.
type Feature uint16

// The features.
const (
	FeatureTools Feature = 1 << iota
	FeatureVision
	FeatureAudio
	FeatureFiles
	FeatureJSONSchema
	FeatureStreaming
)

// featureNames are those of the configuration, in the order of the bits.
var featureNames = [...]string{"tools", "vision", "audio", "files", "json_schema", "streaming"}

// ParseFeature returns the feature of a name as the configuration writes it. ok is
// false when there is none of that name.
func ParseFeature(name string) (f Feature, ok bool) {
	for i, known := range featureNames {
		if name == known {
			return 1 << i, true
		}
	}
	return 0, false
}

// String lists the names of the features, as in "tools, json_schema". It is empty for
// the empty set.
func (f Feature) String() string {
	var names []string
	for i, name := range featureNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
