// Package prober asks a provider now and then whether it lives, so that calls can be
// kept away from one that does not before they find out by themselves.
//
// It asks for the list of models, which costs no tokens. It knows error kinds and no
// HTTP, routes or callers; what follows from its findings is for others to decide.
package prober

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	// DefaultInterval finds an outage within the order of a minute at a cost that no
	// provider notices.
	DefaultInterval = 30 * time.Second
	// DefaultTimeout is generous: a list of models is there in well under a second.
	DefaultTimeout = 5 * time.Second
	// DefaultFailures keeps a lost packet or a restart from moving all calls.
	DefaultFailures = 3

	// jitter is the largest part of an interval that is added to or taken from it, so
	// that many replicas do not ask at the same moment.
	jitter = 0.1
)

// Settings of a prober. The zero value of a field means its default. Settings can be
// compared with ==.
type Settings struct {
	// Interval is the time from the end of a check to the begin of the next one, give or
	// take a tenth.
	Interval time.Duration
	// Timeout is how long the provider may take to answer.
	Timeout time.Duration
	// Failures in a row make the provider count as down. One success makes it up again.
	Failures int
}

// ErrNoModels says that a provider cannot be checked because it does not list models.
var ErrNoModels = errors.New("the provider does not list models, so that its health cannot be checked")

// Prober checks one provider. Safe for concurrent use.
type Prober struct {
	provider string
	models   adapters.Lister
	settings Settings
	onChange func(provider string, up bool)
	down     atomic.Bool

	mu      sync.Mutex // guards what follows
	last    Snapshot
	cancel  context.CancelFunc // not nil once started
	stopped chan struct{}      // closed when the goroutine has ended
	over    bool               // Stop was called
}

// New returns a prober of p that counts it as up and does nothing yet. The error is
// [ErrNoModels] when p offers no list.
//
// onChange, which may be nil, is told when the provider goes down or comes up again,
// one call after the other. It must not call [Prober.Stop].
func New(p adapters.Provider, s Settings, onChange func(provider string, up bool)) (*Prober, error) {
	if p.Models == nil {
		return nil, ErrNoModels
	}
	s = Settings{
		Interval: cmp.Or(s.Interval, DefaultInterval),
		Timeout:  cmp.Or(s.Timeout, DefaultTimeout),
		Failures: cmp.Or(s.Failures, DefaultFailures),
	}
	return &Prober{
		provider: p.Name,
		models:   p.Models,
		settings: s,
		onChange: onChange,
		last:     Snapshot{Provider: p.Name, Up: true},
	}, nil
}

// Inherit makes the finding of a predecessor its own, so that a reload does not send
// calls to a provider that is down. Call it before [Prober.Start].
func (p *Prober) Inherit(s Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Provider = p.provider
	p.last = s
	p.down.Store(!s.Up)
}

// Start begins to check: at once, then after each interval, until ctx ends or
// [Prober.Stop] is called. A second Start does nothing, nor does one after Stop.
func (p *Prober) Start(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cancel != nil || p.over {
		return
	}
	ctx, p.cancel = context.WithCancel(ctx)
	p.stopped = make(chan struct{})
	go p.run(ctx)
}

// Stop ends the checks, cancels one that is under way and returns when it has ended:
// afterwards the provider can be closed. The last finding stays. A second Stop does
// nothing.
func (p *Prober) Stop() {
	p.mu.Lock()
	p.over = true
	cancel, stopped := p.cancel, p.stopped
	p.mu.Unlock()
	if cancel != nil {
		cancel()
		<-stopped
	}
}

// Up tells whether the provider may be called: it answered lately, or did not fail
// often enough in a row. It costs one atomic read.
func (p *Prober) Up() bool { return !p.down.Load() }

// Snapshot is what a prober knows at one moment, for people.
type Snapshot struct {
	Provider string
	Up       bool
	// Failures are those in a row up to now.
	Failures int
	// Reason is the kind of the last failure, as "timeout". Empty when the last check
	// succeeded.
	Reason string
	// Checked is the end of the last check that told something. Zero: there was none.
	Checked time.Time
}

// Snapshot returns what is known.
func (p *Prober) Snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *Prober) run(ctx context.Context) {
	defer close(p.stopped)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		err := p.ask(ctx)
		if ctx.Err() != nil {
			return // whatever it says, it may be the echo of that
		}
		p.note(err)
		pause.Reset(p.pause())
	}
}

func (p *Prober) pause() time.Duration {
	factor := 1 + jitter*(2*rand.Float64()-1) //nolint:gosec // G404: jitter, not a secret
	return time.Duration(float64(p.settings.Interval) * factor)
}

// ask makes one check. A panic of the adapter is an error, by its type alone: the value
// may hold anything.
func (p *Prober) ask(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.settings.Timeout,
		&adapters.Error{Kind: adapters.KindTimeout, Provider: p.provider, Message: "the health check took too long"})
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("the adapter panicked with a value of type %T", value)
		}
	}()
	_, err = p.models.List(ctx, &adapters.Call{})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// note takes in the result of a check.
func (p *Prober) note(err error) {
	verdict := judge(err)
	if verdict == unknown {
		return
	}
	p.mu.Lock()
	was := p.last.Up
	p.last.Checked = time.Now()
	if verdict == alive {
		p.last.Up, p.last.Failures, p.last.Reason = true, 0, ""
	} else {
		p.last.Failures++
		p.last.Reason = adapters.KindOf(err).String()
		p.last.Up = was && p.last.Failures < p.settings.Failures
	}
	is := p.last.Up
	p.down.Store(!is)
	p.mu.Unlock()
	if is != was && p.onChange != nil {
		p.onChange(p.provider, is)
	}
}
