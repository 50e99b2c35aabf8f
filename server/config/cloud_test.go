package config_test

import (
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/config"
)

func TestParse_reads_where_and_as_whom_and_how_an_API_differs(t *testing.T) {
	const file = `
providers:
  - name: clouds
    kind: clouds
    unsupported_params: drop
    google: {project: p-1, location: us-central1, credentials: "${file:/key.json}"}
    aws:
      region: us-east-1
      profile: work
      access_key_id: "${env:ID}"
      secret_access_key: "${env:KEY}"
      session_token: "${env:TOKEN}"
      role_arn: arn:aws:iam::123456789012:role/models
    azure:
      api_version: "2024-10-21"
      deployments: true
      tenant_id: t
      client_id: c
      client_secret: "${env:SECRET}"
      authority_host: https://login.microsoftonline.us/
  - name: other
    kind: groq
    unsupported_params: pass
    dialect:
      max_tokens: max_tokens
      reasoning: reasoning
      seed: random_seed
      developer_role: system
      tool_choice_required: ""
      stream_usage: always
      unsupported: [logit_bias, "messages[].name"]
      key_header: api-key
      models_path: /v2/models
  - {name: plain, kind: groq}
`
	l := loader("ID", "id", "KEY", "key", "TOKEN", "token", "SECRET", "secret")
	// The file that Google Cloud gives has more than one line.
	key := "{\n  \"type\": \"service_account\"\n}"
	l.ReadFile = func(string) ([]byte, error) { return []byte(key + "\n"), nil }
	c, err := l.Parse("c.yml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	secret := adapters.NewSecret
	clouds, other, plain := c.Providers[0], c.Providers[1], c.Providers[2]
	compare(t, "google", clouds.Google, adapters.Google{Project: "p-1", Location: "us-central1", Credentials: secret(key)})
	compare(t, "aws", clouds.AWS, adapters.AWS{
		Region: "us-east-1", Profile: "work", AccessKeyID: secret("id"), SecretAccessKey: secret("key"),
		SessionToken: secret("token"), RoleARN: "arn:aws:iam::123456789012:role/models",
	})
	compare(t, "azure", clouds.Azure, adapters.Azure{
		APIVersion: "2024-10-21", Deployments: true, TenantID: "t", ClientID: "c", ClientSecret: secret("secret"),
		AuthorityHost: "https://login.microsoftonline.us/",
	})
	compare(t, "dialect", other.Dialect, adapters.OpenAIDialect{
		MaxTokens: "max_tokens", Reasoning: "reasoning", Seed: "random_seed", DeveloperRole: "system", ToolChoiceRequired: new(""),
		StreamUsage: "always", Unsupported: []string{"logit_bias", "messages[].name"}, KeyHeader: "api-key", ModelsPath: "/v2/models",
	})
	compare(t, "unsupported_params", []adapters.Unsupported{clouds.Unsupported, other.Unsupported, plain.Unsupported},
		[]adapters.Unsupported{adapters.UnsupportedDrop, adapters.UnsupportedPass, adapters.UnsupportedError})
	compare(t, "no dialect", plain.Dialect, adapters.OpenAIDialect{})
	if len(c.Warnings) != 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
}

func TestParse_warns_of_a_company_that_serves_no_longer(t *testing.T) {
	for file, want := range map[string]int{
		"providers: [{name: a, kind: gone}]":                                      1,
		"providers: [{name: a, kind: gone, base_url: 'https://llm.example.com'}]": 0,
	} {
		c, err := loader().Parse("c.yml", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) != want || want > 0 && !strings.Contains(c.Warnings[0].Message, "2026-07-30") {
			t.Errorf("%s: warnings %v, want %d", file, c.Warnings, want)
		}
	}
}

func TestParse_takes_any_section_when_kinds_are_not_known(t *testing.T) {
	if _, err := config.Parse("c.yml", []byte("providers: [{name: a, kind: x, aws: {region: us-east-1}, dialect: {seed: s}}]")); err != nil {
		t.Error(err)
	}
}
