from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_REQUEST: _ClassVar[ErrorReason]
    ERROR_REASON_REQUEST_TOO_LARGE: _ClassVar[ErrorReason]
    ERROR_REASON_MODEL_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_METHOD_NOT_ALLOWED: _ClassVar[ErrorReason]
    ERROR_REASON_UNSUPPORTED_MEDIA_TYPE: _ClassVar[ErrorReason]
    ERROR_REASON_UNSUPPORTED: _ClassVar[ErrorReason]
    ERROR_REASON_CANCELED: _ClassVar[ErrorReason]
    ERROR_REASON_UNAUTHENTICATED: _ClassVar[ErrorReason]
    ERROR_REASON_PERMISSION_DENIED: _ClassVar[ErrorReason]
    ERROR_REASON_RATE_LIMITED: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_INVALID_REQUEST: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_UNAUTHENTICATED: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_PERMISSION_DENIED: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_CONFLICT: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_TOO_LARGE: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_RATE_LIMITED: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_OVERLOADED: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_TIMEOUT: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_CONTENT_FILTERED: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_PROTOCOL: _ClassVar[ErrorReason]
    ERROR_REASON_CIRCUIT_OPEN: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_CONNECT_TIMEOUT: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_FIRST_BYTE_TIMEOUT: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_FIRST_TOKEN_TIMEOUT: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_IDLE_TIMEOUT: _ClassVar[ErrorReason]
    ERROR_REASON_UPSTREAM_CONTEXT_WINDOW: _ClassVar[ErrorReason]
    ERROR_REASON_TARGET_SATURATED: _ClassVar[ErrorReason]
    ERROR_REASON_DEADLINE_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_SHUTTING_DOWN: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
    ERROR_REASON_OVERLOADED: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INVALID_REQUEST: ErrorReason
ERROR_REASON_REQUEST_TOO_LARGE: ErrorReason
ERROR_REASON_MODEL_NOT_FOUND: ErrorReason
ERROR_REASON_NOT_FOUND: ErrorReason
ERROR_REASON_METHOD_NOT_ALLOWED: ErrorReason
ERROR_REASON_UNSUPPORTED_MEDIA_TYPE: ErrorReason
ERROR_REASON_UNSUPPORTED: ErrorReason
ERROR_REASON_CANCELED: ErrorReason
ERROR_REASON_UNAUTHENTICATED: ErrorReason
ERROR_REASON_PERMISSION_DENIED: ErrorReason
ERROR_REASON_RATE_LIMITED: ErrorReason
ERROR_REASON_UPSTREAM_INVALID_REQUEST: ErrorReason
ERROR_REASON_UPSTREAM_UNAUTHENTICATED: ErrorReason
ERROR_REASON_UPSTREAM_PERMISSION_DENIED: ErrorReason
ERROR_REASON_UPSTREAM_NOT_FOUND: ErrorReason
ERROR_REASON_UPSTREAM_CONFLICT: ErrorReason
ERROR_REASON_UPSTREAM_TOO_LARGE: ErrorReason
ERROR_REASON_UPSTREAM_RATE_LIMITED: ErrorReason
ERROR_REASON_UPSTREAM_OVERLOADED: ErrorReason
ERROR_REASON_UPSTREAM_UNAVAILABLE: ErrorReason
ERROR_REASON_UPSTREAM_TIMEOUT: ErrorReason
ERROR_REASON_UPSTREAM_CONTENT_FILTERED: ErrorReason
ERROR_REASON_UPSTREAM_PROTOCOL: ErrorReason
ERROR_REASON_CIRCUIT_OPEN: ErrorReason
ERROR_REASON_UPSTREAM_CONNECT_TIMEOUT: ErrorReason
ERROR_REASON_UPSTREAM_FIRST_BYTE_TIMEOUT: ErrorReason
ERROR_REASON_UPSTREAM_FIRST_TOKEN_TIMEOUT: ErrorReason
ERROR_REASON_UPSTREAM_IDLE_TIMEOUT: ErrorReason
ERROR_REASON_UPSTREAM_CONTEXT_WINDOW: ErrorReason
ERROR_REASON_TARGET_SATURATED: ErrorReason
ERROR_REASON_DEADLINE_EXCEEDED: ErrorReason
ERROR_REASON_SHUTTING_DOWN: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
ERROR_REASON_OVERLOADED: ErrorReason

class Error(_message.Message):
    __slots__ = ("message", "type", "param", "code_string", "code_number", "code_other", "rest")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    CODE_STRING_FIELD_NUMBER: _ClassVar[int]
    CODE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CODE_OTHER_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    message: str
    type: str
    param: str
    code_string: str
    code_number: int
    code_other: bytes
    rest: bytes
    def __init__(self, message: _Optional[str] = ..., type: _Optional[str] = ..., param: _Optional[str] = ..., code_string: _Optional[str] = ..., code_number: _Optional[int] = ..., code_other: _Optional[bytes] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ErrorEnvelope(_message.Message):
    __slots__ = ("error", "rest")
    ERROR_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    error: Error
    rest: bytes
    def __init__(self, error: _Optional[_Union[Error, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ErrorDetail(_message.Message):
    __slots__ = ("reason", "error", "http_status", "provider", "request_id", "attempts")
    REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    reason: ErrorReason
    error: Error
    http_status: int
    provider: str
    request_id: str
    attempts: _containers.RepeatedCompositeFieldContainer[Attempt]
    def __init__(self, reason: _Optional[_Union[ErrorReason, str]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., http_status: _Optional[int] = ..., provider: _Optional[str] = ..., request_id: _Optional[str] = ..., attempts: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("provider", "model", "reason", "http_status", "duration_ms")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    provider: str
    model: str
    reason: ErrorReason
    http_status: int
    duration_ms: int
    def __init__(self, provider: _Optional[str] = ..., model: _Optional[str] = ..., reason: _Optional[_Union[ErrorReason, str]] = ..., http_status: _Optional[int] = ..., duration_ms: _Optional[int] = ...) -> None: ...
