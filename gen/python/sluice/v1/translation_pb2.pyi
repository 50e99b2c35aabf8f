from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Translation(_message.Message):
    __slots__ = ("notes",)
    NOTES_FIELD_NUMBER: _ClassVar[int]
    notes: _containers.RepeatedCompositeFieldContainer[TranslationNote]
    def __init__(self, notes: _Optional[_Iterable[_Union[TranslationNote, _Mapping]]] = ...) -> None: ...

class TranslationNote(_message.Message):
    __slots__ = ("side", "fate", "member", "to", "why")
    SIDE_FIELD_NUMBER: _ClassVar[int]
    FATE_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    side: str
    fate: str
    member: str
    to: str
    why: str
    def __init__(self, side: _Optional[str] = ..., fate: _Optional[str] = ..., member: _Optional[str] = ..., to: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...
