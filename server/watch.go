package server

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// quiet is how long files must rest before a change counts: editors and deployments
// write in several steps.
const quiet = 200 * time.Millisecond

// Watcher notices changes of the files of a configuration. It watches their folders,
// not the files: editors replace files, and Kubernetes swaps a symbolic link beside
// them. What counts is the content. Safe for concurrent use.
type Watcher struct {
	notify *fsnotify.Watcher
	logger *slog.Logger
	// content is what the files held when they were last looked at. Run's alone.
	content [sha256.Size]byte

	mu    sync.Mutex // guards files
	files []string
}

// NewWatcher starts to watch files. The caller closes it.
func NewWatcher(files []string, logger *slog.Logger) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("files cannot be watched: %w", err)
	}
	w := &Watcher{notify: notify, logger: logger}
	w.Watch(files)
	w.content = w.sum()
	return w, nil
}

// Close stops watching.
func (w *Watcher) Close() error { return w.notify.Close() }

// Watch watches these files from now on, as a new configuration names them.
func (w *Watcher) Watch(files []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files = files
	for _, file := range files {
		folders := []string{filepath.Dir(file)}
		if target, err := filepath.EvalSymlinks(file); err == nil {
			folders = append(folders, filepath.Dir(target))
		}
		for _, folder := range folders {
			if err := w.notify.Add(folder); err != nil {
				w.logger.Warn("changes in a folder will not be noticed", slog.String("folder", folder), slog.Any("error", err))
			}
		}
	}
}

// Run sends to changed whenever the content of a file has changed and all have been
// quiet for a moment. It returns when ctx ends. One goroutine runs it.
func (w *Watcher) Run(ctx context.Context, changed chan<- struct{}) {
	rest := time.NewTimer(quiet)
	rest.Stop()
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.notify.Events:
			rest.Reset(quiet)
		case err := <-w.notify.Errors:
			// An overflow loses events, so look.
			w.logger.Warn("watching the configuration's files", slog.Any("error", err))
			rest.Reset(quiet)
		case <-rest.C:
			w.Watch(w.watched()) // a replaced folder or link is another one
			now := w.sum()
			if now == w.content {
				continue
			}
			w.content = now
			select {
			case changed <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}
}

func (w *Watcher) watched() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.files
}

// sum is a digest of all files; one that cannot be read counts as such.
func (w *Watcher) sum() [sha256.Size]byte {
	h := sha256.New()
	for _, file := range w.watched() {
		data, err := os.ReadFile(file) //nolint:gosec // the operator names the files of the configuration
		if err != nil {
			data = []byte("unreadable")
		}
		_, _ = fmt.Fprintf(h, "%q %d\n", file, len(data)) // a hash takes everything
		h.Write(data)
	}
	return [sha256.Size]byte(h.Sum(nil))
}
