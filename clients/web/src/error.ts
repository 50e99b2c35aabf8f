import { ConnectError } from "@connectrpc/connect";

import type { ErrorDetail } from "./gen/error_pb.js";
import { ErrorDetailSchema, ErrorReason } from "./gen/error_pb.js";

/**
 * What the gateway says about a failed call: the reason, OpenAI's error object, the
 * provider, the request id, and what was tried, each attempt with its own reason.
 * Undefined when the error carries none: the gateway was not reached, the browser
 * blocked the call, or it is no error of a call.
 */
export function detail(error: unknown): ErrorDetail | undefined {
  return error instanceof ConnectError ? error.findDetails(ErrorDetailSchema)[0] : undefined;
}

/**
 * Why a call failed. Branch on it, not on messages. `ErrorReason.UNSPECIFIED` for
 * errors without detail. `ErrorReason[reason(error)]` is its name.
 */
export function reason(error: unknown): ErrorReason {
  return detail(error)?.reason ?? ErrorReason.UNSPECIFIED;
}
