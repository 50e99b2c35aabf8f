package main

import (
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/server"
)

func TestModels_print_what_is_known_in_columns(t *testing.T) {
	var out strings.Builder
	err := printModels(&out, &server.Inventory{
		Routes: []server.Route{{Name: "fast", Targets: []string{"a/x", "b/*"}, ModelFacts: server.ModelFacts{
			ContextWindow: 1048576, MaxOutputTokens: 999, Capabilities: []string{"tools", "vision"},
			Price: &server.ModelPrice{Input: new(0.075), Output: new(30.0)},
		}}},
		Models: []server.ListedModel{
			{ID: "b/vectors", Provider: "b", ModelFacts: server.ModelFacts{
				ContextWindow: 8192, Capabilities: []string{"embeddings"}, EmbeddingDimensions: 1536, Price: &server.ModelPrice{Input: new(0.0)},
			}},
			{ID: "x", Provider: "a"},
		},
	})
	const want = `
MODEL      PROVIDER  WINDOW     MAX OUT  $/M IN  $/M OUT  CAN
fast       a/x, b/*  1,048,576  999      0.075   30.00    tools vision
b/vectors  b         8,192      -        0.00    -        embeddings (1536 dimensions)
x          a         -          -        -       -        -
`
	if got := "\n" + out.String(); err != nil || got != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}
