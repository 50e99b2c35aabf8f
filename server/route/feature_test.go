package route

import "testing"

// The names are those of Target.lacks in proto/sluice/config/v1/config.proto.
func TestFeature_has_the_names_of_the_configuration(t *testing.T) {
	names := map[string]Feature{
		"tools": FeatureTools, "vision": FeatureVision, "audio": FeatureAudio,
		"files": FeatureFiles, "json_schema": FeatureJSONSchema, "streaming": FeatureStreaming,
	}
	for name, feature := range names {
		if got, ok := ParseFeature(name); got != feature || !ok {
			t.Errorf("%s: got %b %t", name, got, ok)
		}
		if feature.String() != name {
			t.Errorf("%s is %q", name, feature.String())
		}
	}
	for _, name := range []string{"", "Tools", "tools, vision", "reasoning"} {
		if got, ok := ParseFeature(name); got != 0 || ok {
			t.Errorf("%q: got %b %t", name, got, ok)
		}
	}
	if got := (FeatureStreaming | FeatureTools | FeatureJSONSchema).String(); got != "tools, json_schema, streaming" {
		t.Error(got)
	}
	if got := Feature(0).String(); got != "" {
		t.Error(got)
	}
}
