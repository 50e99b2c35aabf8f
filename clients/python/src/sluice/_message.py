"""Messages from texts, and the text of answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sluice.v1.chat_message_pb2 import (
    AssistantMessage,
    ChatMessage,
    DeveloperMessage,
    SystemMessage,
    ToolMessage,
    UserMessage,
)
from sluice.v1.chat_pb2 import ChatCompletion, ChatCompletionChunk
from sluice.v1.chat_tool_pb2 import FunctionDefinition, FunctionTool, Tool


def system(text: str) -> ChatMessage:
    """A system message."""
    return ChatMessage(system=SystemMessage(text=text))


def developer(text: str) -> ChatMessage:
    """A developer message, which newer models take instead of a system message."""
    return ChatMessage(developer=DeveloperMessage(text=text))


def user(text: str) -> ChatMessage:
    """A user message."""
    return ChatMessage(user=UserMessage(text=text))


def assistant(text: str) -> ChatMessage:
    """An earlier answer."""
    return ChatMessage(assistant=AssistantMessage(text=text))


def tool_result(tool_call_id: str, result: str) -> ChatMessage:
    """The result of the tool call with this id."""
    return ChatMessage(tool=ToolMessage(tool_call_id=tool_call_id, text=result))


def function(name: str, description: str = "", parameters: Mapping[str, Any] | str = "") -> Tool:
    """A tool that the model may call.

    parameters: the JSON Schema of its arguments, a mapping or JSON text, whose key order is kept. Empty text: no
        arguments.
    """
    schema = parameters if isinstance(parameters, str) else json.dumps(parameters, ensure_ascii=False)
    return Tool(
        function=FunctionTool(
            function=FunctionDefinition(
                name=name, description=description or None, parameters=schema.encode() or None
            )
        )
    )


def text(answer: ChatCompletion) -> str:
    """The text of the answer's first choice, "" when it has none."""
    return answer.choices[0].message.content if answer.choices else ""


def chunk_text(chunk: ChatCompletionChunk) -> str:
    """The text that the chunk adds to the first choice (index 0), "" when it adds none."""
    return "".join(choice.delta.content for choice in chunk.choices if choice.index == 0)
