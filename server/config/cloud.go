package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func (d *document) google(path string, g *configv1.GoogleCloud, s *secrets) adapters.Google {
	return adapters.Google{
		Project:     g.GetProject(),
		Location:    g.GetLocation(),
		Credentials: d.credential(path+".credentials", g.GetCredentials(), s.resolveDocument),
	}
}

func (d *document) aws(path string, a *configv1.AmazonCloud, s *secrets) adapters.AWS {
	return adapters.AWS{
		Region:          a.GetRegion(),
		Profile:         a.GetProfile(),
		AccessKeyID:     d.credential(path+".access_key_id", a.GetAccessKeyId(), s.resolve),
		SecretAccessKey: d.credential(path+".secret_access_key", a.GetSecretAccessKey(), s.resolve),
		SessionToken:    d.credential(path+".session_token", a.GetSessionToken(), s.resolve),
		RoleARN:         a.GetRoleArn(),
	}
}

func (d *document) azure(path string, a *configv1.AzureCloud, s *secrets) adapters.Azure {
	return adapters.Azure{
		APIVersion:    a.GetApiVersion(),
		Deployments:   a.GetDeployments(),
		TenantID:      a.GetTenantId(),
		ClientID:      a.GetClientId(),
		ClientSecret:  d.credential(path+".client_secret", a.GetClientSecret(), s.resolve),
		AuthorityHost: a.GetAuthorityHost(),
	}
}

// credential is a secret that no header carries. Empty: there is none.
func (d *document) credential(path, text string, resolve func(string) (adapters.Secret, bool, error)) adapters.Secret {
	if text == "" {
		return adapters.Secret{}
	}
	secret, literal, err := resolve(text)
	if err != nil {
		d.addf(path, "%v", err)
		return adapters.Secret{}
	}
	if literal {
		d.warn(path, literalSecret)
	}
	return secret
}

func dialect(m *configv1.OpenaiDialect) adapters.OpenAIDialect {
	return adapters.OpenAIDialect{
		MaxTokens:          m.GetMaxTokens(),
		Reasoning:          m.GetReasoning(),
		Seed:               m.GetSeed(),
		DeveloperRole:      m.GetDeveloperRole(),
		ToolChoiceRequired: toolChoiceRequired(m),
		StreamUsage:        m.GetStreamUsage(),
		Unsupported:        m.GetUnsupported(),
		KeyHeader:          m.GetKeyHeader(),
		ModelsPath:         m.GetModelsPath(),
	}
}

// toolChoiceRequired tells an empty text, which says something, from an absent one.
func toolChoiceRequired(m *configv1.OpenaiDialect) *string {
	if m == nil {
		return nil
	}
	return m.ToolChoiceRequired
}

// checkCloud finds what concerns more than one field of a provider's clouds and dialect.
func (d *document) checkCloud(path string, p *configv1.Provider, kinds []Kind) {
	d.checkSections(path, p, kinds)
	aws := p.GetAws()
	switch id, secret := aws.GetAccessKeyId() != "", aws.GetSecretAccessKey() != ""; {
	case id && !secret:
		d.addf(path+".aws.access_key_id", "it needs its secret_access_key beside it")
	case secret && !id:
		d.addf(path+".aws.secret_access_key", "it needs its access_key_id beside it")
	case aws.GetSessionToken() != "" && !id:
		d.addf(path+".aws.session_token", "it belongs to temporary credentials: write their access_key_id and secret_access_key, too")
	}
	azure := p.GetAzure()
	if azure.GetDeployments() && azure.GetApiVersion() == "" {
		d.addf(path+".azure.deployments", "the deployments' form of the API needs an api_version beside it, as \"2024-10-21\"")
	}
	if azure.GetClientSecret() != "" && (azure.GetTenantId() == "" || azure.GetClientId() == "") {
		d.addf(path+".azure.client_secret", "it is an application's: write its tenant_id and its client_id, too")
	}
	if strings.HasPrefix(azure.GetAuthorityHost(), "http://") {
		d.addf(path+".azure.authority_host", "tokens come by https only, as from https://login.microsoftonline.com/")
	}
	if text := p.GetGoogle().GetCredentials(); text != "" && !strings.Contains(text, "${") && !json.Valid([]byte(text)) {
		d.addf(path+".google.credentials", "this is no JSON: write ${file:/path} with the file that Google Cloud gave you")
	}
}

// checkSections refuses sections that the provider's kind does not read.
func (d *document) checkSections(path string, p *configv1.Provider, kinds []Kind) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == p.GetKind() })
	if i < 0 {
		return // has been reported
	}
	for _, section := range []struct {
		name string
		said bool
	}{
		{"google", d.says(path+".google", &configv1.GoogleCloud{})},
		{"aws", d.says(path+".aws", &configv1.AmazonCloud{})},
		{"azure", d.says(path+".azure", &configv1.AzureCloud{})},
		{"dialect", d.says(path+".dialect", &configv1.OpenaiDialect{})},
	} {
		if !section.said || slices.Contains(kinds[i].Sections, section.name) {
			continue
		}
		hint := "no kind reads it"
		if readers := readersOf(section.name, kinds); len(readers) > 0 {
			hint = "it is for " + strings.Join(readers, ", ")
		}
		d.addf(path+"."+section.name, "the kind %s does not read this: take it out, or choose another kind; %s", p.GetKind(), hint)
	}
}

// readersOf returns the kinds that read a section: a few, where they are many.
func readersOf(section string, kinds []Kind) (names []string) {
	const few = 4
	for _, k := range kinds {
		if slices.Contains(k.Sections, section) {
			names = append(names, k.Name)
		}
	}
	if len(names) > few {
		names = append(names[:few:few], fmt.Sprintf("and %d more", len(names)-few))
	}
	return names
}
