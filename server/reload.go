package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"

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
	p, err := s.builder.build(c)
	if err != nil {
		return err
	}
	s.showTargets(p) // before its breakers can change
	s.service.Swap(p.Plan)
	s.setLevel(c)
	s.retired = append(slices.DeleteFunc(s.retired, isClosed), s.plan)
	s.plan, s.config = p, c
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
	check(c.MaxRequestBytes == was.MaxRequestBytes, "limits.max_request_bytes")
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

// showTargets keeps the metrics of the breakers to those of a new plan, which are
// closed.
func (s *Server) showTargets(p *plan) {
	s.showing.Lock()
	defer s.showing.Unlock()
	kept := make(map[string]bool, len(p.targets))
	for _, target := range p.targets {
		kept[target] = true
		s.metrics.SetTarget(target, int(breaker.Closed))
	}
	if s.shown != nil {
		for _, target := range s.shown.targets {
			if !kept[target] {
				s.metrics.ForgetTarget(target)
			}
		}
	}
	s.shown = p
}

// breakerChanged tells of a breaker in force. Those of older plans, by which calls may
// still run, spare nobody any more.
func (s *Server) breakerChanged(p *plan, target string, from, to breaker.State) {
	s.showing.Lock()
	defer s.showing.Unlock()
	if p != s.shown {
		return
	}
	s.metrics.SetTarget(target, int(to))
	level := slog.LevelInfo
	if to == breaker.Open {
		level = slog.LevelWarn
	}
	s.logger.Log(context.Background(), level, "circuit breaker changed",
		slog.String("target", target), slog.String("from", from.String()), slog.String("to", to.String()))
}
