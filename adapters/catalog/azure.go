package catalog

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/identity"
	"github.com/sluice-ai/sluice/adapters/openai"
)

const (
	azureExample    = "https://YOUR-RESOURCE.openai.azure.com"
	azureAPIVersion = "api-version"
)

// openAzure speaks OpenAI's dialect to a resource at Azure: by the v1 API,
// {resource}/openai/v1/chat/completions, where the model is the name of a deployment, or as
// it was before, {resource}/openai/deployments/{deployment}/chat/completions with an
// api-version. The address may be that of the resource or go on to /openai or /openai/v1.
//
// Source: Microsoft Learn, "Azure OpenAI in Microsoft Foundry Models v1 API" and "Azure
// OpenAI REST API reference", 2026-11.
func openAzure(s adapters.Settings) (adapters.Provider, error) {
	base, err := azureBase(s)
	if err != nil {
		return adapters.Provider{}, err
	}
	s.BaseURL = base
	dialect := openai.Dialect{
		API:             "Azure OpenAI's API",
		OpenAIDialect:   adapters.OpenAIDialect{KeyHeader: "api-key"},
		DeploymentPaths: s.Azure.Deployments,
		// Of both forms, the configuration says which it is: a caller's api-version would be
		// one of another.
		OwnQuery: azureAPIVersion,
		// The older API lists what could be deployed, not what is.
		NoModels:      s.Azure.Deployments,
		ReasoningBack: openai.ReasoningNone,
	}
	if len(s.APIKeys) == 0 {
		if dialect.Sign, err = identity.Entra(s.Name, s.Azure); err != nil {
			return adapters.Provider{}, fmt.Errorf("provider %q: azure: %w", s.Name, err)
		}
	}
	return openai.Open(s, dialect)
}

// azureBase returns the root of the API in the form that is wanted.
func azureBase(s adapters.Settings) (string, error) {
	if s.BaseURL == "" {
		return "", baseURLNeeded(s.Name, "azure", azureExample)
	}
	base, err := url.Parse(s.BaseURL)
	if err != nil {
		// The parser's error quotes the URL, which may hold a password.
		return "", fmt.Errorf("provider %q: base_url: not a URL: write it as %s", s.Name, azureExample)
	}
	switch {
	case s.Azure.Deployments && s.Azure.APIVersion == "":
		return "", fmt.Errorf("provider %q: azure.api_version: the deployments' form of the API needs one, as \"2024-10-21\"", s.Name)
	case strings.Contains(base.Path, "/deployments"):
		return "", fmt.Errorf("provider %q: base_url: the deployment does not belong into it: write %s, set azure.deployments, and name the deployment as the model", s.Name, azureExample)
	}
	root := strings.TrimSuffix(strings.TrimRight(base.Path, "/"), "/v1")
	root = strings.TrimSuffix(root, "/openai") + "/openai"
	if !s.Azure.Deployments {
		root += "/v1"
	}
	base.Path, base.RawPath = root, ""
	query := base.Query()
	if s.Azure.APIVersion != "" {
		query.Set(azureAPIVersion, s.Azure.APIVersion)
	}
	base.RawQuery = query.Encode()
	return base.String(), nil
}
