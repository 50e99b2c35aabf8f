"""Why a call failed."""

from __future__ import annotations

import grpc
from google.rpc import status_pb2

from sluice.v1.error_pb2 import ErrorDetail, ErrorReason

_DETAILS_KEY = "grpc-status-details-bin"


def detail(error: BaseException | None) -> ErrorDetail | None:
    """What the gateway says about a failed call: the reason, OpenAI's error object, the provider and the request id.

    `attempts` are what was tried, each with its own reason. None when the error carries none: the gateway was not reached, or it is no error of a call.
    """
    if not isinstance(error, grpc.RpcError) or not hasattr(error, "trailing_metadata"):
        return None
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            for item in status_pb2.Status.FromString(value).details:
                found = ErrorDetail()
                if item.Unpack(found):
                    return found
    return None


def reason(error: BaseException | None) -> ErrorReason:
    """Why a call failed. Branch on it, not on messages. `ErrorReason.Name(reason(error))` is its name.

    ERROR_REASON_UNSPECIFIED for errors without `detail`.
    """
    found = detail(error)
    return found.reason if found else ErrorReason.ERROR_REASON_UNSPECIFIED
