package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// admitTime is how long calls that were on their way when the ports closed are
	// still taken, before they are told to go elsewhere.
	admitTime = 500 * time.Millisecond
	// lingerTime is how long gRPC connections may stay after the last call: for its
	// answer to leave, and not for whoever watches our health forever.
	lingerTime = 2 * time.Second
	// farewellTime is how long calls that were cut off get to tell their callers.
	farewellTime = time.Second
	// settleTime is how long calls that were cut off get to write their receipts.
	settleTime = 5 * time.Second
)

// Stop tells load balancers that no call should come, closes the ports to new calls
// and lets the running ones end. When ctx ends first, those that still run end with the
// error SHUTTING_DOWN, their connections are closed a second later at the latest, and the
// context's error is returned, if there were any. Afterwards every call is accounted for and nothing of
// the server runs. A second Stop does nothing, nor does one after a [Server.Start] that
// failed.
func (s *Server) Stop(ctx context.Context) error {
	plans, first := s.beginStop()
	if !first {
		return nil
	}
	s.ready.Store(false)
	s.doors.SetServing(false)

	// The doors stay open a little longer than the calls may.
	connected, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	defer disconnect()
	cut := make(chan int, 1)
	late := context.AfterFunc(ctx, func() {
		cut <- s.service.CutOff()
		time.AfterFunc(farewellTime, disconnect)
	})

	var doors sync.WaitGroup
	idle := make(chan struct{})
	doors.Go(func() {
		if s.front.Shutdown(connected) != nil {
			_ = s.front.Close() // the context says why
		}
	})
	doors.Go(func() { s.stopGRPC(connected, idle) })
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		doors.Wait()
	}()
	wait(closed, admitTime)
	s.service.Close()
	s.awaitCalls(ctx, plans)
	close(idle)
	<-closed
	// The admin port comes last, so that readiness is told to the end.
	err := s.admin.Close()
	s.serving.Wait()
	if !late() && <-cut > 0 {
		err = errors.Join(ctx.Err(), err)
	}
	return err
}

// beginStop ends reloads and returns the plans that calls may run by. Whom it tells to
// be the first closes the service.
func (s *Server) beginStop() (plans []*plan, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, false
	}
	s.stopping = true
	s.plan.stop()
	return append(slices.Clone(s.retired), s.plan), true
}

// awaitCalls returns when every call has ended. When ctx ends first, they are cut off, and it
// waits for their receipts.
func (s *Server) awaitCalls(ctx context.Context, plans []*plan) {
	for _, p := range plans {
		if isClosed(p) {
			continue
		}
		select {
		case <-p.closed:
		case <-ctx.Done():
			if !wait(p.closed, settleTime) {
				s.logger.Error("a call that was cut off did not end", slog.Duration("waited", settleTime))
			}
		}
	}
}

// stopGRPC lets calls end until ctx does, or until a moment after idle is closed.
func (s *Server) stopGRPC(ctx context.Context, idle <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.doors.GRPC().GracefulStop()
	}()
	select {
	case <-done:
		return
	case <-idle:
		if wait(done, lingerTime) {
			return
		}
	case <-ctx.Done():
	}
	s.doors.GRPC().Stop()
	<-done
}

// wait waits for done, but no longer than limit. It reports whether done came.
func wait(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
