package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/sluice-ai/sluice/adapters"
)

// entraScopes are what tokens are asked for, by the authority. The resource is Azure OpenAI's
// in both of its forms.
//
// Source: Microsoft Learn, "How to configure Azure OpenAI with Microsoft Entra ID
// authentication" and "Azure Government: Azure OpenAI", 2026-11.
var entraScopes = map[string]string{
	"login.microsoftonline.com":        "https://cognitiveservices.azure.com/.default",
	"login.microsoftonline.us":         "https://cognitiveservices.azure.us/.default",
	"login.chinacloudapi.cn":           "https://cognitiveservices.azure.cn/.default",
	"login.partner.microsoftonline.cn": "https://cognitiveservices.azure.cn/.default",
}

const entraPublicScope = "https://cognitiveservices.azure.com/.default"

// Entra returns what puts a token of Microsoft Entra ID on a request: of an application,
// when there is a client secret, and otherwise of whichever identity the environment has:
// its variables, a workload's, a managed one, or the developer's own. It asks nobody before
// the first request. The library keeps tokens until shortly before they end. Its error is
// one of the settings; that of a request is an [*adapters.Error] of [adapters.KindAuth].
// Safe for concurrent use.
func Entra(provider string, a adapters.Azure) (func(context.Context, *http.Request, []byte) error, error) {
	return entra(provider, a, nil)
}

// entra is Entra with a way to the authority. Nil: the library's own.
func entra(provider string, a adapters.Azure, transport policy.Transporter) (func(context.Context, *http.Request, []byte) error, error) {
	host := strings.TrimSuffix(strings.TrimPrefix(cmp.Or(a.AuthorityHost, cloud.AzurePublic.ActiveDirectoryAuthorityHost), "https://"), "/")
	secret := a.ClientSecret.Reveal()
	switch {
	case secret != "" && (a.TenantID == "" || a.ClientID == ""):
		return nil, errors.New("client_secret is an application's: write its tenant_id and its client_id, too")
	case strings.HasPrefix(host, "http://"):
		return nil, errors.New("authority_host: tokens come by https only, as from https://login.microsoftonline.com/")
	}
	scope, known := entraScopes[host]
	options := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: "https://" + host + "/"},
		Transport: transport,
	}
	build := func() (azcore.TokenCredential, error) {
		if secret != "" {
			return azidentity.NewClientSecretCredential(a.TenantID, a.ClientID, secret, &azidentity.ClientSecretCredentialOptions{
				ClientOptions: options,
				// The library would ask the public cloud whether to trust another's authority.
				DisableInstanceDiscovery: !known,
			})
		}
		if a.ClientID != "" {
			return entraWorkload(a, options, !known)
		}
		return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
			ClientOptions: options, TenantID: a.TenantID, DisableInstanceDiscovery: !known,
		})
	}
	var credential azcore.TokenCredential
	if secret != "" {
		var err error
		if credential, err = build(); err != nil {
			return nil, fmt.Errorf("tenant_id or client_id: %w", err)
		}
	}
	// What the environment has may not be there yet when the configuration is checked.
	found := sync.OnceValues(build)
	ask := policy.TokenRequestOptions{Scopes: []string{cmp.Or(scope, entraPublicScope)}}
	return func(ctx context.Context, r *http.Request, _ []byte) error {
		from, err := credential, error(nil)
		if from == nil {
			from, err = found()
		}
		var token azcore.AccessToken
		if err == nil {
			token, err = from.GetToken(ctx, ask)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return &adapters.Error{
				Kind: adapters.KindAuth, Provider: provider, Unsent: true, Cause: err,
				Message: "no token of Entra ID could be had for Azure: " + entraWords(err),
			}
		}
		r.Header.Set("Authorization", "Bearer "+token.Token)
		return nil
	}, nil
}

// entraWorkload is the identity of that client which the environment has without a secret:
// a workload's, where there is one, or a managed one.
func entraWorkload(a adapters.Azure, options azcore.ClientOptions, aloof bool) (azcore.TokenCredential, error) {
	var chain []azcore.TokenCredential
	if workload, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: options, ClientID: a.ClientID, TenantID: a.TenantID, DisableInstanceDiscovery: aloof,
	}); err == nil { // otherwise the environment has none
		chain = append(chain, workload)
	}
	managed, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
		ClientOptions: options, ID: azidentity.ClientID(a.ClientID),
	})
	if err != nil {
		return nil, err
	}
	return azidentity.NewChainedTokenCredential(append(chain, managed), nil)
}

// entraWords says in a half sentence what keeps the token away, without the texts of the
// authority, which name tenants and requests: those stay in the log.
func entraWords(err error) string {
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || failed.RawResponse == nil {
		return "no identity answered; see the log for those that were tried, or set azure.client_secret or api_keys"
	}
	return fmt.Sprintf("the authority refused the identity (status %d); see the log for its words, and check tenant_id, client_id and client_secret", failed.RawResponse.StatusCode)
}
