package edge

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/gateway"
)

// recovered turns a panic's value into a fault and logs where it happened. The value
// itself may hold a prompt and is logged only when the runtime made it.
func recovered(ctx context.Context, log *slog.Logger, call *gateway.Call, value any) *fault.Error {
	text := fmt.Sprintf("panic of type %T", value)
	if e, ok := value.(runtime.Error); ok {
		text = e.Error()
	}
	log.ErrorContext(ctx, "recovered from a panic",
		"panic", text, "request_id", call.ID, "door", string(call.Door), "stack", string(debug.Stack()))
	return internal(fmt.Errorf("panic: %s", text))
}
