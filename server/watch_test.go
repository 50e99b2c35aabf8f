package server_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/server"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// watch starts a watcher and returns it, and where it tells of changes.
func watch(t *testing.T, files ...string) (*server.Watcher, <-chan struct{}) {
	t.Helper()
	w, err := server.NewWatcher(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	changed, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx, changed)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		w.Close()
	})
	return w, changed
}

func expectChange(t *testing.T, changed <-chan struct{}, after string) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(patience):
		t.Fatalf("no change was told after: %s", after)
	}
}

func TestWatcher_tells_of_files_written_and_replaced(t *testing.T) {
	dir := t.TempDir()
	file, secret := filepath.Join(dir, "a", "sluice.yml"), filepath.Join(dir, "b", "key")
	write(t, file, "one")
	write(t, secret, "one")
	_, changed := watch(t, file, secret)

	write(t, file, "two")
	expectChange(t, changed, "writing the file")

	write(t, file+".new", "three")
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	expectChange(t, changed, "replacing the file, as editors do")

	write(t, secret, "two")
	expectChange(t, changed, "writing the secret")
}

// Source: Kubernetes documentation, "ConfigMap", mounted volumes: the files are
// links into ..data, which is a link that is replaced.
func TestWatcher_tells_of_a_change_in_a_folder_that_never_rests(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "sluice.yml")
	write(t, file, "one")
	_, changed := watch(t, file)
	stop, noisy := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(noisy)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case now := <-tick.C:
				_ = os.WriteFile(filepath.Join(dir, "log"), []byte(now.String()), 0o600)
			}
		}
	}()
	write(t, file, "two")
	expectChange(t, changed, "a write beside a busy log")
	close(stop)
	<-noisy
}

func TestWatcher_ends_when_it_is_closed(t *testing.T) {
	w, err := server.NewWatcher([]string{filepath.Join(t.TempDir(), "sluice.yml")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(t.Context(), make(chan struct{}))
	}()
	w.Close()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("Run goes on after Close")
	}
}

func TestWatcher_tells_of_the_links_that_Kubernetes_swaps(t *testing.T) {
	dir := t.TempDir()
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "..1", "sluice.yml"), "one")
	link("..1", "..data")
	link("..data/sluice.yml", "sluice.yml")
	_, changed := watch(t, filepath.Join(dir, "sluice.yml"))
	for i, version := range []string{"..2", "..3"} {
		write(t, filepath.Join(dir, version, "sluice.yml"), version)
		link(version, "..data_tmp")
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, []string{"..1", "..2"}[i])); err != nil {
			t.Fatal(err)
		}
		expectChange(t, changed, "swapping to "+version)
	}
}

func TestWatcher_tells_of_content_only(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "sluice.yml")
	write(t, file, "one")
	_, changed := watch(t, file)
	write(t, filepath.Join(dir, "other"), "x")
	write(t, file, "one")
	// Nothing to wait for: the next change must be the first that is told.
	write(t, file, "two")
	expectChange(t, changed, "writing the file")
	select {
	case <-changed:
		t.Error("a second change was told")
	case <-time.After(3 * 200 * time.Millisecond):
	}
}

func TestWatcher_tells_of_nothing_that_a_reload_has_read(t *testing.T) {
	dir := t.TempDir()
	file, secret := filepath.Join(dir, "a", "sluice.yml"), filepath.Join(dir, "b", "key")
	write(t, file, "one")
	write(t, secret, "one")
	w, changed := watch(t, file)
	// As the SIGHUP of somebody who has just written the file.
	write(t, file, "two")
	if !w.Look() {
		t.Error("the change was not seen")
	}
	w.Watch([]string{file, secret})
	write(t, secret, "one")
	select {
	case <-changed:
		t.Error("a change was told that is known")
	case <-time.After(3 * 200 * time.Millisecond):
	}
	write(t, secret, "two")
	expectChange(t, changed, "writing a file that was added")
}

func TestWatcher_tells_of_what_changes_while_a_reload_reads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sluice.yml")
	write(t, file, "one")
	w, changed := watch(t, file)
	w.Look()
	write(t, file, "two") // perhaps too late for the reload
	w.Watch([]string{file})
	expectChange(t, changed, "writing the file after the look")
}
