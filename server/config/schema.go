package config

import (
	_ "embed"
	"slices"
)

// schema is printed from the proto by TestSchema_is_that_of_the_proto.
//
//go:embed schema.json
var schema []byte

// Schema returns the JSON schema (draft 2020-12) of the configuration file, for
// editors and other tools. It knows the shape of each key; [Loader] knows more.
func Schema() []byte { return slices.Clone(schema) }
