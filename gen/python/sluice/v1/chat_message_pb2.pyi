from sluice.v1 import chat_tool_pb2 as _chat_tool_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChatMessage(_message.Message):
    __slots__ = ("developer", "system", "user", "assistant", "tool", "function", "other")
    DEVELOPER_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    ASSISTANT_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    developer: DeveloperMessage
    system: SystemMessage
    user: UserMessage
    assistant: AssistantMessage
    tool: ToolMessage
    function: FunctionMessage
    other: bytes
    def __init__(self, developer: _Optional[_Union[DeveloperMessage, _Mapping]] = ..., system: _Optional[_Union[SystemMessage, _Mapping]] = ..., user: _Optional[_Union[UserMessage, _Mapping]] = ..., assistant: _Optional[_Union[AssistantMessage, _Mapping]] = ..., tool: _Optional[_Union[ToolMessage, _Mapping]] = ..., function: _Optional[_Union[FunctionMessage, _Mapping]] = ..., other: _Optional[bytes] = ...) -> None: ...

class DeveloperMessage(_message.Message):
    __slots__ = ("text", "parts", "name", "rest")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    text: str
    parts: ContentParts
    name: str
    rest: bytes
    def __init__(self, text: _Optional[str] = ..., parts: _Optional[_Union[ContentParts, _Mapping]] = ..., name: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class SystemMessage(_message.Message):
    __slots__ = ("text", "parts", "name", "rest")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    text: str
    parts: ContentParts
    name: str
    rest: bytes
    def __init__(self, text: _Optional[str] = ..., parts: _Optional[_Union[ContentParts, _Mapping]] = ..., name: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class UserMessage(_message.Message):
    __slots__ = ("text", "parts", "name", "rest")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    text: str
    parts: ContentParts
    name: str
    rest: bytes
    def __init__(self, text: _Optional[str] = ..., parts: _Optional[_Union[ContentParts, _Mapping]] = ..., name: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class AssistantMessage(_message.Message):
    __slots__ = ("text", "parts", "name", "refusal", "tool_calls", "audio", "function_call", "reasoning_content", "reasoning_details", "rest")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_CALL_FIELD_NUMBER: _ClassVar[int]
    REASONING_CONTENT_FIELD_NUMBER: _ClassVar[int]
    REASONING_DETAILS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    text: str
    parts: ContentParts
    name: str
    refusal: str
    tool_calls: _containers.RepeatedCompositeFieldContainer[_chat_tool_pb2.ToolCall]
    audio: AudioReference
    function_call: _chat_tool_pb2.FunctionCall
    reasoning_content: str
    reasoning_details: _containers.RepeatedScalarFieldContainer[bytes]
    rest: bytes
    def __init__(self, text: _Optional[str] = ..., parts: _Optional[_Union[ContentParts, _Mapping]] = ..., name: _Optional[str] = ..., refusal: _Optional[str] = ..., tool_calls: _Optional[_Iterable[_Union[_chat_tool_pb2.ToolCall, _Mapping]]] = ..., audio: _Optional[_Union[AudioReference, _Mapping]] = ..., function_call: _Optional[_Union[_chat_tool_pb2.FunctionCall, _Mapping]] = ..., reasoning_content: _Optional[str] = ..., reasoning_details: _Optional[_Iterable[bytes]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ToolMessage(_message.Message):
    __slots__ = ("text", "parts", "tool_call_id", "rest")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    text: str
    parts: ContentParts
    tool_call_id: str
    rest: bytes
    def __init__(self, text: _Optional[str] = ..., parts: _Optional[_Union[ContentParts, _Mapping]] = ..., tool_call_id: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class FunctionMessage(_message.Message):
    __slots__ = ("content", "name", "rest")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    content: str
    name: str
    rest: bytes
    def __init__(self, content: _Optional[str] = ..., name: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class AudioReference(_message.Message):
    __slots__ = ("id", "rest")
    ID_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    id: str
    rest: bytes
    def __init__(self, id: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ContentParts(_message.Message):
    __slots__ = ("parts",)
    PARTS_FIELD_NUMBER: _ClassVar[int]
    parts: _containers.RepeatedCompositeFieldContainer[ContentPart]
    def __init__(self, parts: _Optional[_Iterable[_Union[ContentPart, _Mapping]]] = ...) -> None: ...

class ContentPart(_message.Message):
    __slots__ = ("text", "image_url", "input_audio", "file", "refusal", "other")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_URL_FIELD_NUMBER: _ClassVar[int]
    INPUT_AUDIO_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    text: TextPart
    image_url: ImagePart
    input_audio: AudioPart
    file: FilePart
    refusal: RefusalPart
    other: bytes
    def __init__(self, text: _Optional[_Union[TextPart, _Mapping]] = ..., image_url: _Optional[_Union[ImagePart, _Mapping]] = ..., input_audio: _Optional[_Union[AudioPart, _Mapping]] = ..., file: _Optional[_Union[FilePart, _Mapping]] = ..., refusal: _Optional[_Union[RefusalPart, _Mapping]] = ..., other: _Optional[bytes] = ...) -> None: ...

class TextPart(_message.Message):
    __slots__ = ("text", "prompt_cache_breakpoint", "rest")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PROMPT_CACHE_BREAKPOINT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    text: str
    prompt_cache_breakpoint: PromptCacheBreakpoint
    rest: bytes
    def __init__(self, text: _Optional[str] = ..., prompt_cache_breakpoint: _Optional[_Union[PromptCacheBreakpoint, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ImagePart(_message.Message):
    __slots__ = ("image_url", "prompt_cache_breakpoint", "rest")
    IMAGE_URL_FIELD_NUMBER: _ClassVar[int]
    PROMPT_CACHE_BREAKPOINT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    image_url: ImageUrl
    prompt_cache_breakpoint: PromptCacheBreakpoint
    rest: bytes
    def __init__(self, image_url: _Optional[_Union[ImageUrl, _Mapping]] = ..., prompt_cache_breakpoint: _Optional[_Union[PromptCacheBreakpoint, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ImageUrl(_message.Message):
    __slots__ = ("url", "detail", "rest")
    URL_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    url: str
    detail: str
    rest: bytes
    def __init__(self, url: _Optional[str] = ..., detail: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class AudioPart(_message.Message):
    __slots__ = ("input_audio", "prompt_cache_breakpoint", "rest")
    INPUT_AUDIO_FIELD_NUMBER: _ClassVar[int]
    PROMPT_CACHE_BREAKPOINT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    input_audio: InputAudio
    prompt_cache_breakpoint: PromptCacheBreakpoint
    rest: bytes
    def __init__(self, input_audio: _Optional[_Union[InputAudio, _Mapping]] = ..., prompt_cache_breakpoint: _Optional[_Union[PromptCacheBreakpoint, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class InputAudio(_message.Message):
    __slots__ = ("data", "format", "rest")
    DATA_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    data: str
    format: str
    rest: bytes
    def __init__(self, data: _Optional[str] = ..., format: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class FilePart(_message.Message):
    __slots__ = ("file", "prompt_cache_breakpoint", "rest")
    FILE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_CACHE_BREAKPOINT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    file: InputFile
    prompt_cache_breakpoint: PromptCacheBreakpoint
    rest: bytes
    def __init__(self, file: _Optional[_Union[InputFile, _Mapping]] = ..., prompt_cache_breakpoint: _Optional[_Union[PromptCacheBreakpoint, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class InputFile(_message.Message):
    __slots__ = ("file_data", "file_id", "filename", "rest")
    FILE_DATA_FIELD_NUMBER: _ClassVar[int]
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    file_data: str
    file_id: str
    filename: str
    rest: bytes
    def __init__(self, file_data: _Optional[str] = ..., file_id: _Optional[str] = ..., filename: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class RefusalPart(_message.Message):
    __slots__ = ("refusal", "rest")
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    refusal: str
    rest: bytes
    def __init__(self, refusal: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class PromptCacheBreakpoint(_message.Message):
    __slots__ = ("mode", "ttl", "rest")
    MODE_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    mode: str
    ttl: str
    rest: bytes
    def __init__(self, mode: _Optional[str] = ..., ttl: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ResponseMessage(_message.Message):
    __slots__ = ("role", "content", "refusal", "tool_calls", "annotations", "audio", "function_call", "reasoning_content", "reasoning_details", "rest")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_CALL_FIELD_NUMBER: _ClassVar[int]
    REASONING_CONTENT_FIELD_NUMBER: _ClassVar[int]
    REASONING_DETAILS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    role: str
    content: str
    refusal: str
    tool_calls: _containers.RepeatedCompositeFieldContainer[_chat_tool_pb2.ToolCall]
    annotations: _containers.RepeatedCompositeFieldContainer[Annotation]
    audio: Audio
    function_call: _chat_tool_pb2.FunctionCall
    reasoning_content: str
    reasoning_details: _containers.RepeatedScalarFieldContainer[bytes]
    rest: bytes
    def __init__(self, role: _Optional[str] = ..., content: _Optional[str] = ..., refusal: _Optional[str] = ..., tool_calls: _Optional[_Iterable[_Union[_chat_tool_pb2.ToolCall, _Mapping]]] = ..., annotations: _Optional[_Iterable[_Union[Annotation, _Mapping]]] = ..., audio: _Optional[_Union[Audio, _Mapping]] = ..., function_call: _Optional[_Union[_chat_tool_pb2.FunctionCall, _Mapping]] = ..., reasoning_content: _Optional[str] = ..., reasoning_details: _Optional[_Iterable[bytes]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class Annotation(_message.Message):
    __slots__ = ("url_citation", "other")
    URL_CITATION_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    url_citation: UrlCitationAnnotation
    other: bytes
    def __init__(self, url_citation: _Optional[_Union[UrlCitationAnnotation, _Mapping]] = ..., other: _Optional[bytes] = ...) -> None: ...

class UrlCitationAnnotation(_message.Message):
    __slots__ = ("url_citation", "rest")
    URL_CITATION_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    url_citation: UrlCitation
    rest: bytes
    def __init__(self, url_citation: _Optional[_Union[UrlCitation, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class UrlCitation(_message.Message):
    __slots__ = ("url", "title", "start_index", "end_index", "rest")
    URL_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    START_INDEX_FIELD_NUMBER: _ClassVar[int]
    END_INDEX_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    url: str
    title: str
    start_index: int
    end_index: int
    rest: bytes
    def __init__(self, url: _Optional[str] = ..., title: _Optional[str] = ..., start_index: _Optional[int] = ..., end_index: _Optional[int] = ..., rest: _Optional[bytes] = ...) -> None: ...

class Audio(_message.Message):
    __slots__ = ("id", "data", "expires_at", "transcript", "rest")
    ID_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    id: str
    data: str
    expires_at: int
    transcript: str
    rest: bytes
    def __init__(self, id: _Optional[str] = ..., data: _Optional[str] = ..., expires_at: _Optional[int] = ..., transcript: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...
