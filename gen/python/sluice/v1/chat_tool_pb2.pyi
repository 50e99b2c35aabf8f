from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Tool(_message.Message):
    __slots__ = ("function", "custom", "other")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    function: FunctionTool
    custom: CustomTool
    other: bytes
    def __init__(self, function: _Optional[_Union[FunctionTool, _Mapping]] = ..., custom: _Optional[_Union[CustomTool, _Mapping]] = ..., other: _Optional[bytes] = ...) -> None: ...

class FunctionTool(_message.Message):
    __slots__ = ("function", "rest")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    function: FunctionDefinition
    rest: bytes
    def __init__(self, function: _Optional[_Union[FunctionDefinition, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class FunctionDefinition(_message.Message):
    __slots__ = ("name", "description", "parameters", "strict", "rest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    parameters: bytes
    strict: bool
    rest: bytes
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., parameters: _Optional[bytes] = ..., strict: _Optional[bool] = ..., rest: _Optional[bytes] = ...) -> None: ...

class CustomTool(_message.Message):
    __slots__ = ("custom", "rest")
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    custom: CustomToolDefinition
    rest: bytes
    def __init__(self, custom: _Optional[_Union[CustomToolDefinition, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class CustomToolDefinition(_message.Message):
    __slots__ = ("name", "description", "format", "rest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    format: CustomToolFormat
    rest: bytes
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., format: _Optional[_Union[CustomToolFormat, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class CustomToolFormat(_message.Message):
    __slots__ = ("text", "grammar", "other")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    GRAMMAR_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    text: CustomToolTextFormat
    grammar: CustomToolGrammarFormat
    other: bytes
    def __init__(self, text: _Optional[_Union[CustomToolTextFormat, _Mapping]] = ..., grammar: _Optional[_Union[CustomToolGrammarFormat, _Mapping]] = ..., other: _Optional[bytes] = ...) -> None: ...

class CustomToolTextFormat(_message.Message):
    __slots__ = ("rest",)
    REST_FIELD_NUMBER: _ClassVar[int]
    rest: bytes
    def __init__(self, rest: _Optional[bytes] = ...) -> None: ...

class CustomToolGrammarFormat(_message.Message):
    __slots__ = ("grammar", "rest")
    GRAMMAR_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    grammar: Grammar
    rest: bytes
    def __init__(self, grammar: _Optional[_Union[Grammar, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class Grammar(_message.Message):
    __slots__ = ("definition", "syntax", "rest")
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    SYNTAX_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    definition: str
    syntax: str
    rest: bytes
    def __init__(self, definition: _Optional[str] = ..., syntax: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ToolChoice(_message.Message):
    __slots__ = ("mode", "allowed_tools", "function", "custom", "other")
    MODE_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_TOOLS_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    mode: str
    allowed_tools: AllowedToolsChoice
    function: NamedFunctionChoice
    custom: NamedCustomChoice
    other: bytes
    def __init__(self, mode: _Optional[str] = ..., allowed_tools: _Optional[_Union[AllowedToolsChoice, _Mapping]] = ..., function: _Optional[_Union[NamedFunctionChoice, _Mapping]] = ..., custom: _Optional[_Union[NamedCustomChoice, _Mapping]] = ..., other: _Optional[bytes] = ...) -> None: ...

class AllowedToolsChoice(_message.Message):
    __slots__ = ("allowed_tools", "rest")
    ALLOWED_TOOLS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    allowed_tools: AllowedTools
    rest: bytes
    def __init__(self, allowed_tools: _Optional[_Union[AllowedTools, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class AllowedTools(_message.Message):
    __slots__ = ("mode", "tools", "rest")
    MODE_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    mode: str
    tools: _containers.RepeatedScalarFieldContainer[bytes]
    rest: bytes
    def __init__(self, mode: _Optional[str] = ..., tools: _Optional[_Iterable[bytes]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class NamedFunctionChoice(_message.Message):
    __slots__ = ("function", "rest")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    function: FunctionName
    rest: bytes
    def __init__(self, function: _Optional[_Union[FunctionName, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class FunctionName(_message.Message):
    __slots__ = ("name", "rest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    name: str
    rest: bytes
    def __init__(self, name: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class NamedCustomChoice(_message.Message):
    __slots__ = ("custom", "rest")
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    custom: CustomName
    rest: bytes
    def __init__(self, custom: _Optional[_Union[CustomName, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class CustomName(_message.Message):
    __slots__ = ("name", "rest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    name: str
    rest: bytes
    def __init__(self, name: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ToolCall(_message.Message):
    __slots__ = ("function", "custom", "other")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    function: FunctionToolCall
    custom: CustomToolCall
    other: bytes
    def __init__(self, function: _Optional[_Union[FunctionToolCall, _Mapping]] = ..., custom: _Optional[_Union[CustomToolCall, _Mapping]] = ..., other: _Optional[bytes] = ...) -> None: ...

class FunctionToolCall(_message.Message):
    __slots__ = ("id", "function", "rest")
    ID_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    id: str
    function: FunctionCall
    rest: bytes
    def __init__(self, id: _Optional[str] = ..., function: _Optional[_Union[FunctionCall, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class FunctionCall(_message.Message):
    __slots__ = ("name", "arguments", "rest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    name: str
    arguments: str
    rest: bytes
    def __init__(self, name: _Optional[str] = ..., arguments: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class CustomToolCall(_message.Message):
    __slots__ = ("id", "custom", "rest")
    ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    id: str
    custom: CustomCall
    rest: bytes
    def __init__(self, id: _Optional[str] = ..., custom: _Optional[_Union[CustomCall, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class CustomCall(_message.Message):
    __slots__ = ("name", "input", "rest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    name: str
    input: str
    rest: bytes
    def __init__(self, name: _Optional[str] = ..., input: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...
