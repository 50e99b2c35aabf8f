package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/sluice-ai/sluice/adapters/breaker"
	"github.com/sluice-ai/sluice/server/config"
)

// Reload puts c in force for calls that begin from now on; running ones end by what
// they began with. When it returns an error, nothing has changed. The error is a
// [*config.Error], also for a change that needs a restart.
func (s *Server) Reload(c *config.Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return errors.New("the server is stopping")
	}
	if err := s.refuseRestart(c); err != nil {
		return err
	}
	s.learnSecrets(c) // also those of what is refused: the log says why
	ports := s.identities(c)
	made := make([]*identity, len(ports))
	for i, port := range ports {
		var err error
		if made[i], err = newIdentity(port.tls, port.protocols...); err != nil {
			return c.Fail(port.path, err.Error())
		}
	}
	p, err := s.builder.build(c)
	if err != nil {
		return err
	}
	for i, port := range ports {
		if made[i] != nil {
			(*port.identity).current.Store(made[i].current.Load())
		}
	}
	s.builder.inForce(p)
	s.showTargets(p) // before its breakers can change
	s.plan.stop()    // before its providers are closed, which its checks use
	s.service.Swap(p.Plan)
	p.start(context.Background())
	s.setLevel(c)
	s.retired = append(slices.DeleteFunc(s.retired, isClosed), s.plan)
	s.plan, s.config, s.reloaded = p, c, time.Now()
	return nil
}

func isClosed(p *plan) bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// refuseRestart finds changes of what is built once.
func (s *Server) refuseRestart(c *config.Config) error {
	var problems []config.Problem
	check := func(same bool, path string) {
		if !same {
			problems = append(problems, config.Problems(c.Fail(path, "a change needs a restart"))...)
		}
	}
	was := s.config
	check(c.Listen.HTTP == was.Listen.HTTP, "listen.http")
	check(c.Listen.GRPC == was.Listen.GRPC, "listen.grpc")
	check(c.Listen.Admin == was.Listen.Admin, "listen.admin")
	check((c.Listen.TLS == nil) == (was.Listen.TLS == nil), "listen.tls")
	check((c.Listen.AdminTLS == nil) == (was.Listen.AdminTLS == nil), "listen.admin_tls")
	check(c.MaxRequestBytes == was.MaxRequestBytes, "limits.max_request_bytes")
	check(c.MaxConcurrentCalls == was.MaxConcurrentCalls, "limits.max_concurrent_calls")
	check(c.Log.Format == was.Log.Format, "log.format")
	check(slices.Equal(c.CORSOrigins, was.CORSOrigins), "cors.origins")
	if len(problems) > 0 {
		return &config.Error{Problems: problems}
	}
	return nil
}

func (s *Server) setLevel(c *config.Config) {
	if s.level != nil {
		s.level.Set(c.Log.Level)
	}
}

// showTargets keeps the metrics of the breakers to those of a new plan.
func (s *Server) showTargets(p *plan) {
	shown := make(map[string]*target, len(p.targets))
	for _, t := range p.targets {
		if t.breaker != nil {
			shown[t.name] = t
		}
	}
	s.showing.Lock()
	for name := range s.shown {
		if shown[name] == nil {
			s.metrics.ForgetTarget(name)
		}
	}
	s.shown = shown
	s.showing.Unlock()
	for _, t := range shown {
		// A breaker tells of its changes while it is locked: it must not be asked for its
		// state while it may have to wait for us.
		for state := t.breaker.State(); ; {
			s.showing.Lock()
			s.metrics.SetTarget(t.name, int(state))
			s.showing.Unlock()
			now := t.breaker.State()
			if now == state {
				break
			}
			state = now
		}
	}
}

// breakerChanged tells of a breaker in force. Those of targets that a reload dropped or
// changed, by which calls may still run, spare nobody any more.
func (s *Server) breakerChanged(t *target, from, to breaker.State) {
	s.showing.Lock()
	defer s.showing.Unlock()
	if s.shown[t.name] != t {
		return
	}
	s.metrics.SetTarget(t.name, int(to))
	level := slog.LevelInfo
	if to == breaker.Open {
		level = slog.LevelWarn
	}
	s.logger.Log(context.Background(), level, "circuit breaker changed",
		slog.String("target", t.name), slog.String("from", from.String()), slog.String("to", to.String()))
}

// healthChanged tells what a health check found.
func (s *Server) healthChanged(provider string, up bool) {
	level, health := slog.LevelInfo, "up"
	if !up {
		level, health = slog.LevelWarn, "down"
	}
	s.logger.Log(context.Background(), level, "health check changed", slog.String("provider", provider), slog.String("health", health))
}
