"""The client for threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import grpc

from sluice._channel import DEFAULT_MAX_MESSAGE_BYTES, Options, channel_options, credentials, key_header
from sluice.v1.chat_pb2_grpc import ChatServiceStub
from sluice.v1.embeddings_pb2_grpc import EmbeddingsServiceStub
from sluice.v1.models_pb2_grpc import ModelsServiceStub


class Client:
    """A connection to a gateway and the services on it. Threads may share it: one per process is enough.

    Whoever called `connect` closes it, with `close` or by `with`. Every method of a service takes `timeout` in
    seconds, which reaches the provider; to end a stream early, call its `cancel()`.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.chat = ChatServiceStub(channel)
        self.embeddings = EmbeddingsServiceStub(channel)
        self.models = ModelsServiceStub(channel)

    def close(self) -> None:
        """Ends the connection. Calls that still run fail as cancelled."""
        self.channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def connect(
    target: str,
    *,
    api_key: str | None = None,
    tls: bool | grpc.ChannelCredentials | None = None,
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
    options: Options = (),
    interceptors: Sequence[Any] = (),
) -> Client:
    """Returns a client for the gateway at `target`, a "host:port" or any other target that gRPC knows.

    It does not connect: the first call does, and reports when nobody answers.

    api_key: sent with every call as "authorization: Bearer <key>". None or "": nothing is sent.
    tls: None uses plain text towards a loopback address, "localhost" or a unix socket, and TLS with gRPC's own roots
        otherwise. True and False decide; credentials of your own bring your roots or certificates. A key crosses a
        network readable with tls=False: only for networks that encrypt by themselves, as a service mesh does.
    max_message_bytes: the largest answer, or chunk of a stream.
    options: further gRPC channel arguments; they overrule those set here.
    interceptors: gRPC client interceptors, the first one outermost, all of them outside the key's.
    """
    secure = credentials(target, tls)
    arguments = channel_options(max_message_bytes, options)
    channel = (
        grpc.secure_channel(target, secure, arguments) if secure else grpc.insecure_channel(target, arguments)
    )
    around = [*interceptors, *([_Key(api_key)] if api_key else [])]
    return Client(grpc.intercept_channel(channel, *around) if around else channel)


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Sequence[tuple[str, str | bytes]] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class _Key(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, api_key: str) -> None:
        self._header = key_header(api_key)

    def _call(self, continuation: Any, details: Any, request: Any) -> Any:
        fields = {name: getattr(details, name, None) for name in _Details._fields}
        fields["metadata"] = [*(details.metadata or ()), self._header]
        return continuation(_Details(**fields), request)

    intercept_unary_unary = _call
    intercept_unary_stream = _call
