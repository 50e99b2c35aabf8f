package hostile

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

// TestGRPC_unpacks_within_bounds sends the same bombs as gRPC, on both ports.
func TestGRPC_unpacks_within_bounds(t *testing.T) {
	g := open(t)
	// grpc-go answers what it cannot unpack on its own port by its own word.
	accepted := map[string][]codes.Code{
		"resource_exhausted": {codes.ResourceExhausted},
		"invalid_argument":   {codes.InvalidArgument, codes.Internal},
		"unimplemented":      {codes.Unimplemented},
	}
	for _, port := range g.ports() {
		for _, b := range rpcBombs() {
			run(t, port.name+"/"+b.name, func(t *testing.T) {
				flags := byte(1)
				if b.plain {
					flags = 0
				}
				message := append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(b.body))), b.body...)
				encoded := b.other
				if encoded == "" {
					encoded = "gzip"
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				header := packed(t, port.address, encoded, message)
				runtime.ReadMemStats(&after)
				within(t, "the answer", time.Since(start), soon)
				if taken := after.TotalAlloc - before.TotalAlloc; taken > 8<<20 {
					t.Errorf("it took %d bytes", taken)
				}
				if !oneOf(header["grpc-status"], accepted[b.code]) {
					t.Errorf("grpc-status %s (%s), want one of %v: %v", header["grpc-status"], header["grpc-message"], accepted[b.code], header)
				}
				if n := g.strays(); n != 0 {
					t.Errorf("%d of it reached the upstream", n)
				}
				g.healthy(t, g.Doors(t)[port.door])
			})
		}
	}
}

// packed sends a message and returns how the call ended. A server that refuses a message
// before its end resets the stream behind the status, and a client that is still sending
// may see the end of the connection first: then it asks again.
func packed(t *testing.T, address, encoding string, message []byte) (header map[string]string) {
	t.Helper()
	for range 3 {
		h := dialHTTP2(t, address)
		h.open(1, false, append(grpcHead(unaryMethod), "grpc-encoding", encoding)...)
		h.data(1, message, true)
		if header = h.trailers(t, 1); header["grpc-status"] != "" {
			break
		}
	}
	return header
}

// TestGRPC_frames_that_lie: the length of a message is what its prefix says.
func TestGRPC_frames_that_lie(t *testing.T) {
	g := open(t)
	good := chatMessage("m")
	prefix := func(flags byte, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{flags}, n) }
	for _, port := range g.ports() {
		for _, test := range []struct {
			name  string
			body  []byte
			codes []codes.Code
		}{
			{"four gigabytes by its own word", prefix(0, 1<<32-1), []codes.Code{codes.ResourceExhausted}},
			{"one byte more by its own word", prefix(0, maxRequestBytes+1), []codes.Code{codes.ResourceExhausted}},
			{"less than it says", append(prefix(0, 100), good...), []codes.Code{codes.InvalidArgument, codes.Internal, codes.Canceled, codes.Unknown}},
			{"half a prefix", []byte{0, 0, 0}, []codes.Code{codes.InvalidArgument, codes.Internal, codes.Canceled, codes.Unknown}},
			{"no message at all", nil, []codes.Code{codes.InvalidArgument, codes.Internal, codes.Unimplemented}},
			{"two messages", bytes.Repeat(append(prefix(0, uint32(len(good))), good...), 2), []codes.Code{codes.InvalidArgument, codes.Internal, codes.Unimplemented, codes.OK}},
			{"a flag of nobody", append(prefix(0x7e, uint32(len(good))), good...), []codes.Code{codes.InvalidArgument, codes.Internal}},
		} {
			run(t, port.name+"/"+test.name, func(t *testing.T) {
				start := time.Now()
				h := dialHTTP2(t, port.address)
				h.open(1, false, grpcHead(unaryMethod)...)
				h.data(1, test.body, true)
				header := h.trailers(t, 1)
				within(t, "the answer", time.Since(start), soon)
				if !oneOf(header["grpc-status"], test.codes) {
					t.Errorf("grpc-status %q (%s), want one of %v", header["grpc-status"], header["grpc-message"], test.codes)
				}
				g.healthy(t, g.Doors(t)[port.door])
			})
		}
	}
}
