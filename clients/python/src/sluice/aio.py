"""The client for asyncio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc

from sluice._channel import DEFAULT_MAX_MESSAGE_BYTES, Options, channel_options, credentials, key_header
from sluice.v1.chat_pb2_grpc import ChatServiceStub
from sluice.v1.embeddings_pb2_grpc import EmbeddingsServiceStub
from sluice.v1.models_pb2_grpc import ModelsServiceStub

__all__ = ["Client", "connect"]


class Client:
    """A connection to a gateway and the services on it. Tasks of one event loop may share it.

    Whoever called `connect` closes it, with `close` or by `async with`. Cancelling the task that waits for an answer
    cancels the call at the provider; to end a stream early, call its `cancel()`.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.chat = ChatServiceStub(channel)
        self.embeddings = EmbeddingsServiceStub(channel)
        self.models = ModelsServiceStub(channel)

    async def close(self) -> None:
        """Ends the connection. Calls that still run fail as cancelled."""
        await self.channel.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


def connect(
    target: str,
    *,
    api_key: str | None = None,
    tls: bool | grpc.ChannelCredentials | None = None,
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
    options: Options = (),
    interceptors: Sequence[Any] = (),
) -> Client:
    """As `sluice.connect`, for asyncio: call it inside a running event loop."""
    secure = credentials(target, tls)
    arguments = channel_options(max_message_bytes, options)
    # gRPC tells interceptors apart by their class and puts one object into one list only.
    key = [_UnaryKey(api_key), _StreamKey(api_key)] if api_key else []
    around = [*interceptors, *key]
    return Client(
        grpc.aio.secure_channel(target, secure, arguments, interceptors=around)
        if secure
        else grpc.aio.insecure_channel(target, arguments, interceptors=around)
    )


class _Key:
    def __init__(self, api_key: str) -> None:
        self._header = key_header(api_key)

    async def _call(self, continuation: Any, details: grpc.aio.ClientCallDetails, request: Any) -> Any:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), self._header)
        return await continuation(details._replace(metadata=metadata), request)


class _UnaryKey(_Key, grpc.aio.UnaryUnaryClientInterceptor):
    intercept_unary_unary = _Key._call


class _StreamKey(_Key, grpc.aio.UnaryStreamClientInterceptor):
    intercept_unary_stream = _Key._call
