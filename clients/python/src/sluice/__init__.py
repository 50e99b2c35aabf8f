"""The Python client of a Sluice gateway over native gRPC.

    import sluice

    with sluice.connect("127.0.0.1:9090") as client:
        request = sluice.ChatCompletionRequest(model="sandbox/chat", messages=[sluice.user("Hello!")])
        for chunk in client.chat.StreamChatCompletion(request):
            print(sluice.chunk_text(chunk), end="", flush=True)

`sluice.aio.connect` is the same for asyncio. Messages are those of the generated modules in `sluice.v1`;
the ones that every caller needs can be had from here.
"""

from sluice import aio
from sluice._client import DEFAULT_MAX_MESSAGE_BYTES, Client, connect
from sluice._error import detail, reason
from sluice._message import assistant, chunk_text, developer, function, system, text, tool_result, user
from sluice.v1.chat_message_pb2 import ChatMessage
from sluice.v1.chat_pb2 import ChatCompletion, ChatCompletionChunk, ChatCompletionRequest
from sluice.v1.chat_tool_pb2 import Tool, ToolChoice
from sluice.v1.embeddings_pb2 import CreateEmbeddingsRequest, CreateEmbeddingsResponse
from sluice.v1.error_pb2 import ErrorDetail, ErrorReason
from sluice.v1.models_pb2 import GetModelRequest, ListModelsRequest, Model

__all__ = [
    "DEFAULT_MAX_MESSAGE_BYTES",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatCompletionRequest",
    "ChatMessage",
    "Client",
    "CreateEmbeddingsRequest",
    "CreateEmbeddingsResponse",
    "ErrorDetail",
    "ErrorReason",
    "GetModelRequest",
    "ListModelsRequest",
    "Model",
    "Tool",
    "ToolChoice",
    "aio",
    "assistant",
    "chunk_text",
    "connect",
    "detail",
    "developer",
    "function",
    "reason",
    "system",
    "text",
    "tool_result",
    "user",
]
