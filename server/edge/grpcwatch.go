package edge

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"
)

// grpcWatch bounds how long the client of one call keeps it waiting: while its message
// arrives, while a message of the answer finds no room because the client takes none, and
// until the end of the answer has gone. It is the context of its stream.
type grpcWatch struct {
	context.Context //nolint:containedctx // it is one

	cancel context.CancelFunc
	door   *grpcDoor
	conn   *grpcConn
	stream uint32

	mu      sync.Mutex // guards all below
	waiting waiting
	pace    pace
	timer   *time.Timer // runs until looks: also while nothing waits, and then does nothing
	looks   time.Time   // zero while the timer does not run
	late    bool
	ended   bool
}

// waiting is what a call waits for.
type waiting int

const (
	working   waiting = iota // nothing that the client must do
	receiving                // the client's message
	sending                  // the client's taking of the answer
)

type grpcWatchKey struct{}

// Value gives descendants their watch.
func (w *grpcWatch) Value(key any) any {
	if key == (grpcWatchKey{}) {
		return w
	}
	return w.Context.Value(key)
}

// watchOf returns the watch of a stream, nil on connections that have none.
func watchOf(ctx context.Context) *grpcWatch {
	w, _ := ctx.Value(grpcWatchKey{}).(*grpcWatch)
	return w
}

// watch is a [tap.ServerInHandle]: the time of a call's message begins with its head, on
// the goroutine that read it.
func (d *grpcDoor) watch(ctx context.Context, _ *tap.Info) (context.Context, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ctx, nil
	}
	at, ok := p.AuthInfo.(grpcPeer)
	if !ok {
		return ctx, nil
	}
	w := &grpcWatch{door: d}
	w.Context, w.cancel = context.WithCancel(ctx)
	at.conn.begin(w)
	w.wait(receiving)
	return w, nil
}

// wait says what the call waits for from now on.
func (w *grpcWatch) wait(what waiting) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = what
	if what == working || w.ended {
		return
	}
	w.pace = pace{start: time.Now(), free: w.door.writeTimeout}
	if what == receiving {
		w.pace.free = w.door.bodyTimeout
	}
	w.lookAt(w.pace.deadline())
}

// lookAt lets [grpcWatch.look] run at a time, or before. The caller holds the lock.
func (w *grpcWatch) lookAt(when time.Time) {
	if !w.looks.IsZero() && !w.looks.After(when) {
		return
	}
	w.looks = when
	if w.timer == nil {
		w.timer = time.AfterFunc(time.Until(when), w.look)
		return
	}
	w.timer.Reset(time.Until(when))
}

// moves notes bytes on the wire.
func (w *grpcWatch) moves(what waiting, bytes uint32) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == what {
		w.pace.moved += int64(bytes)
	}
}

// over says that the call has ended for the client.
func (w *grpcWatch) over() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// tooLate tells whether the client was too slow.
func (w *grpcWatch) tooLate() bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.late
}

// look ends a call that waits for too long. It runs on the timer's goroutine: it waits
// less often than calls do, since most of them are done with it long before.
func (w *grpcWatch) look() {
	switch w.judge() {
	case receiving:
		w.cancel() // which ends the reading; the caller is told
	case sending:
		w.conn.end(w.stream) // nothing could be told
	case working:
	}
}

// judge returns what has lasted for too long.
func (w *grpcWatch) judge() waiting {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks = time.Time{}
	if w.waiting == working || w.ended {
		return working
	}
	if deadline := w.pace.deadline(); time.Now().Before(deadline) {
		w.lookAt(deadline)
		return working
	}
	w.late = true
	return w.waiting
}

// bystander bounds the streams of health and reflection, which are no calls, while their
// messages arrive. Calls have [grpcDoor.serve].
func bystander(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	if strings.HasPrefix(info.FullMethod, "/sluice.") {
		return handle(service, stream)
	}
	w := watchOf(stream.Context())
	defer w.wait(sending)
	return handle(service, &bystanderStream{stream, w})
}

type bystanderStream struct {
	grpc.ServerStream

	watch *grpcWatch
}

// RecvMsg receives a message.
func (s *bystanderStream) RecvMsg(message any) error {
	s.watch.wait(receiving)
	defer s.watch.wait(working)
	return s.ServerStream.RecvMsg(message)
}

// SendMsg sends a message.
func (s *bystanderStream) SendMsg(message any) error {
	s.watch.wait(sending)
	defer s.watch.wait(working)
	return s.ServerStream.SendMsg(message)
}
