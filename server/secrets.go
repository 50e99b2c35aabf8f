package server

import (
	"net/url"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/upstream"

	"github.com/sluice-ai/sluice/server/config"
)

// minHeaderSecretBytes: a header of the configuration whose name says nothing may be a
// secret as well, when it is too long for a version, a region or a name.
const minHeaderSecretBytes = 16

// secretsOf returns the values of configurations that must not be written.
func secretsOf(configs ...*config.Config) []adapters.Secret {
	var list []adapters.Secret
	header := func(headers []config.Header) {
		for _, h := range headers {
			named := upstream.SecretsIn(adapters.Header{{Name: h.Name, Value: h.Value.Reveal()}})
			if len(named) > 0 || len(h.Value.Reveal()) >= minHeaderSecretBytes {
				list = append(list, h.Value)
			}
		}
	}
	for _, c := range configs {
		list = append(list, c.Listen.AdminToken)
		list = append(list, c.Log.Bodies.Keys...)
		for i := range c.Providers {
			p := &c.Providers[i]
			for _, key := range p.Keys {
				list = append(list, key.Value)
			}
			header(p.Headers)
			list = append(list, p.Google.Credentials, p.AWS.SecretAccessKey, p.AWS.SessionToken, p.Azure.ClientSecret)
			if proxy, err := url.Parse(p.Proxy.Reveal()); err == nil {
				if password, ok := proxy.User.Password(); ok {
					list = append(list, adapters.NewSecret(password))
				}
			}
		}
		for _, m := range c.Models {
			for _, t := range m.Targets {
				header(t.Headers)
			}
		}
	}
	return list
}

// learnSecrets has the log mask the secrets of c beside those by which calls may still
// run. s.mu is held, but by New.
func (s *Server) learnSecrets(c *config.Config) {
	configs := []*config.Config{c}
	if s.config != nil {
		configs = append(configs, s.config)
	}
	for _, p := range s.retired {
		if !isClosed(p) {
			configs = append(configs, p.config)
		}
	}
	s.redactor.Set(secretsOf(configs...))
}
