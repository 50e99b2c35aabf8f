package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"github.com/sluice-ai/sluice/server"
	"github.com/sluice-ai/sluice/server/config"
	"github.com/sluice-ai/sluice/server/redact"
)

type serveCommand struct{ source }

// Run serves until a signal says to stop.
func (c *serveCommand) Run(b bound) error {
	p := b.process
	memoryLimit := server.TuneMemory(p.lookupEnv)
	loaded, err := c.load(p)
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	level.Set(loaded.Log.Level)
	redactor := new(redact.Redactor)
	logger := server.NewLogger(p.stderr, loaded.Log.Format, level, redactor)
	server.CaptureStandardLog(logger)
	tracer, stopTracing, err := newTracing(b, p, logger)
	if err != nil {
		return err
	}
	defer stopTracing()
	s, err := server.New(loaded, server.Options{Logger: logger, Redactor: redactor, Level: level, Tracer: tracer, Version: versionName()})
	if err != nil {
		return err
	}
	if err := s.Start(b); err != nil {
		return err
	}
	daemon := daemon{server: s, logger: logger, load: func() (*config.Config, error) { return c.load(p) }}
	daemon.watch() // before anybody is told that it serves, and changes a file
	warn(logger, loaded)
	logger.Debug("memory", slog.Int64("soft_limit_bytes", memoryLimit))
	if server.IsTerminal(p.stdout) {
		err = s.Welcome().Write(p.stdout)
	} else {
		s.Welcome().Log(logger)
	}
	if err != nil {
		logger.Warn("standard output", slog.Any("error", err))
	}
	return daemon.run(b, p.signals)
}

// daemon is a started server that listens to signals and to its files.
type daemon struct {
	server *server.Server
	logger *slog.Logger
	load   func() (*config.Config, error)
	// watcher is nil when there are no files, or they cannot be watched.
	watcher *server.Watcher
}

// watch begins to watch the files of the configuration.
func (d *daemon) watch() {
	files := d.server.Config().Files
	if len(files) == 0 {
		return
	}
	var err error
	if d.watcher, err = server.NewWatcher(files, d.logger); err != nil {
		d.watcher = nil
		d.logger.Warn("only SIGHUP will reload the configuration", slog.Any("error", err))
	}
}

// run returns when the server has stopped.
func (d *daemon) run(ctx context.Context, signals <-chan os.Signal) error {
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	changed := make(chan struct{})
	watcher := d.watcher
	if watcher != nil {
		defer watcher.Close() //nolint:errcheck // nothing was written
		go watcher.Run(watching, changed)
	}
	reload := func(why string) { //nolint:contextcheck // health checks of the new plan live as long as the plan
		if watcher != nil {
			watcher.Look() // what changed up to here is taken up now, what changes later tells again
		}
		d.reload(why)
		if watcher != nil {
			watcher.Watch(d.server.Config().Files)
		}
	}
	for {
		select {
		case <-changed:
			reload("a file changed")
		case s := <-signals:
			if s == syscall.SIGHUP {
				reload("SIGHUP")
				continue
			}
			d.logger.Info("stopping", slog.String("signal", s.String()))
			d.stop(ctx, signals)
			return nil
		case <-ctx.Done():
			d.stop(context.WithoutCancel(ctx), signals)
			return nil
		case err := <-d.server.Failed():
			d.stop(ctx, signals)
			return fmt.Errorf("a port failed: %w", err)
		}
	}
}

// reload takes up the configuration anew. What is wrong with it goes to the log.
func (d *daemon) reload(why string) {
	c, err := d.load()
	if err == nil {
		err = d.server.Reload(c)
	}
	if err != nil {
		for _, problem := range config.Problems(err) {
			d.logger.Error("configuration not taken up", slog.String("why_now", why), slog.String("problem", problem.String()))
		}
		return
	}
	warn(d.logger, c)
	d.logger.Info("configuration taken up", slog.String("why_now", why),
		slog.Int("providers", len(c.Providers)), slog.Int("models", len(c.Models)))
}

// stop drains within the configured grace; another signal to stop ends that.
func (d *daemon) stop(ctx context.Context, signals <-chan os.Signal) {
	grace := d.server.Config().ShutdownGrace
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				if s != syscall.SIGHUP {
					cancel()
				}
			}
		}
	}()
	switch err := d.server.Stop(ctx); {
	case errors.Is(err, context.DeadlineExceeded):
		d.logger.Warn("stopped; calls that were still running were cut off", slog.Duration("grace", grace))
	case errors.Is(err, context.Canceled):
		d.logger.Warn("stopped at once; running calls were cut off")
	case err != nil:
		d.logger.Warn("stopped", slog.Any("error", err))
	default:
		d.logger.Info("stopped")
	}
}

func warn(logger *slog.Logger, c *config.Config) {
	for _, w := range c.Warnings {
		logger.Warn("configuration", slog.String("problem", w.String()))
	}
}
