"""What the connections of both clients have in common: addresses, credentials, limits."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import grpc

# Bounds an answer, or one chunk of a stream. A batch of embeddings easily exceeds the 4 MiB that gRPC allows by default.
DEFAULT_MAX_MESSAGE_BYTES = 64 << 20

# A model may think for minutes without sending a byte. Pings during calls keep the connection alive in proxies on the
# way and find out when the far end is gone. A gateway puts up with one every 5 s.
_KEEPALIVE_MS = 30 * 1000
_KEEPALIVE_TIMEOUT_MS = 20 * 1000

Options = Sequence[tuple[str, Any]]


def channel_options(max_message_bytes: int, extra: Options) -> list[tuple[str, Any]]:
    return [
        ("grpc.primary_user_agent", "sluice-python"),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        ("grpc.http2.max_pings_without_data", 0),  # 0: pings do not end while an answer is awaited
        ("grpc.max_receive_message_length", max_message_bytes),
        *extra,
    ]


def credentials(target: str, tls: bool | grpc.ChannelCredentials | None) -> grpc.ChannelCredentials | None:
    """The TLS credentials to use towards target, None for plain text."""
    if not target:
        raise ValueError("target is empty")
    if isinstance(tls, grpc.ChannelCredentials):
        return tls
    if tls is None:
        tls = not is_local(target)
    return grpc.ssl_channel_credentials() if tls else None


def is_local(target: str) -> bool:
    """Whether a gRPC target cannot leave this machine."""
    scheme, _, endpoint = target.partition(":")
    if scheme in ("unix", "unix-abstract"):
        return True
    if scheme in ("ipv4", "ipv6"):
        target = endpoint
    elif endpoint.startswith("//"):  # scheme://authority/endpoint
        target = endpoint[2:].partition("/")[2]
    host = target
    if target.startswith("["):
        host = target[1:].partition("]")[0]
    elif target.count(":") == 1:
        host = target.partition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def key_header(api_key: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {api_key}")
