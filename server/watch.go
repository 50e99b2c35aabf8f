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

// busy is how long a folder that never rests is waited for.
const busy = time.Second

// Watcher notices changes of the files of a configuration. It watches their folders,
// not the files: editors replace files, and Kubernetes swaps a symbolic link beside
// them. What counts is the content. Safe for concurrent use.
type Watcher struct {
	notify *fsnotify.Watcher
	logger *slog.Logger

	mu sync.Mutex // guards what follows
	// content holds a digest per file of what it held when it was last looked at.
	content map[string][sha256.Size]byte
}

// NewWatcher starts to watch files. The caller closes it.
func NewWatcher(files []string, logger *slog.Logger) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("files cannot be watched: %w", err)
	}
	w := &Watcher{notify: notify, logger: logger}
	w.Watch(files)
	return w, nil
}

// Close stops watching.
func (w *Watcher) Close() error { return w.notify.Close() }

// Watch watches these files from now on, as a new configuration names them. What one
// that was not watched before holds now is known.
func (w *Watcher) Watch(files []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	content := make(map[string][sha256.Size]byte, len(files))
	for _, file := range files {
		w.watchFolders(file) // before the look, so that nothing is missed between
		digest, known := w.content[file]
		if !known {
			digest = digestOf(file)
		}
		content[file] = digest
	}
	w.content = content
}

// Look takes what the files hold now as known: who is about to read them need not be
// told of changes up to here. It reports whether there were any.
func (w *Watcher) Look() (changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for file, before := range w.content {
		w.watchFolders(file) // a replaced folder or link is another one
		if now := digestOf(file); now != before {
			w.content[file] = now
			changed = true
		}
	}
	return changed
}

func (w *Watcher) watchFolders(file string) {
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

// Run sends to changed whenever the content of a file has changed and its folder has
// been quiet for a moment, or busy for a longer one: a log file may stand beside the
// configuration. It returns when ctx ends or the watcher is closed. One goroutine runs
// it.
func (w *Watcher) Run(ctx context.Context, changed chan<- struct{}) {
	rest := time.NewTimer(quiet)
	rest.Stop()
	defer rest.Stop()
	var since time.Time // of the first event that was not looked at; zero when all were
	wait := func() {
		if since.IsZero() {
			since = time.Now()
		}
		rest.Reset(min(quiet, max(0, busy-time.Since(since))))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-w.notify.Events:
			if !open {
				return
			}
			wait()
		case err, open := <-w.notify.Errors:
			if !open {
				return
			}
			// An overflow loses events, so look.
			w.logger.Warn("watching the configuration's files", slog.Any("error", err))
			wait()
		case <-rest.C:
			since = time.Time{}
			if !w.Look() {
				continue
			}
			select {
			case changed <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}
}

// digestOf tells contents apart; a file that cannot be read has one of its own.
func digestOf(file string) [sha256.Size]byte {
	data, err := os.ReadFile(file) //nolint:gosec // the operator names the files of the configuration
	if err != nil {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(data)
}
