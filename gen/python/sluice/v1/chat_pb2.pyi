from sluice.v1 import chat_message_pb2 as _chat_message_pb2
from sluice.v1 import chat_tool_pb2 as _chat_tool_pb2
from sluice.v1 import embeddings_pb2 as _embeddings_pb2
from sluice.v1 import usage_pb2 as _usage_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChatCompletionRequest(_message.Message):
    __slots__ = ("model", "messages", "frequency_penalty", "presence_penalty", "temperature", "top_p", "logit_bias", "logprobs", "top_logprobs", "max_completion_tokens", "max_tokens", "n", "seed", "stop_text", "stop_texts", "store", "metadata", "modalities", "audio", "moderation", "prediction", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "reasoning_effort", "response_format", "safety_identifier", "service_tier", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "user", "verbosity", "web_search_options", "function_call_mode", "function_call_name", "functions", "rest")
    class LogitBiasEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    FREQUENCY_PENALTY_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_PENALTY_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TOP_P_FIELD_NUMBER: _ClassVar[int]
    LOGIT_BIAS_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    TOP_LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    MAX_COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    STOP_TEXT_FIELD_NUMBER: _ClassVar[int]
    STOP_TEXTS_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    MODALITIES_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    MODERATION_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    PROMPT_CACHE_KEY_FIELD_NUMBER: _ClassVar[int]
    PROMPT_CACHE_RETENTION_FIELD_NUMBER: _ClassVar[int]
    PROMPT_CACHE_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    REASONING_EFFORT_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FORMAT_FIELD_NUMBER: _ClassVar[int]
    SAFETY_IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TIER_FIELD_NUMBER: _ClassVar[int]
    STREAM_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    TOOL_CHOICE_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    VERBOSITY_FIELD_NUMBER: _ClassVar[int]
    WEB_SEARCH_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_CALL_MODE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_CALL_NAME_FIELD_NUMBER: _ClassVar[int]
    FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    model: str
    messages: _containers.RepeatedCompositeFieldContainer[_chat_message_pb2.ChatMessage]
    frequency_penalty: float
    presence_penalty: float
    temperature: float
    top_p: float
    logit_bias: _containers.ScalarMap[str, float]
    logprobs: bool
    top_logprobs: int
    max_completion_tokens: int
    max_tokens: int
    n: int
    seed: int
    stop_text: str
    stop_texts: _embeddings_pb2.StringList
    store: bool
    metadata: _containers.ScalarMap[str, str]
    modalities: _containers.RepeatedScalarFieldContainer[str]
    audio: AudioOptions
    moderation: ModerationOptions
    prediction: Prediction
    prompt_cache_key: str
    prompt_cache_retention: str
    prompt_cache_options: PromptCacheOptions
    reasoning_effort: str
    response_format: ResponseFormat
    safety_identifier: str
    service_tier: str
    stream_options: StreamOptions
    tools: _containers.RepeatedCompositeFieldContainer[_chat_tool_pb2.Tool]
    tool_choice: _chat_tool_pb2.ToolChoice
    parallel_tool_calls: bool
    user: str
    verbosity: str
    web_search_options: WebSearchOptions
    function_call_mode: str
    function_call_name: _chat_tool_pb2.FunctionName
    functions: _containers.RepeatedCompositeFieldContainer[_chat_tool_pb2.FunctionDefinition]
    rest: bytes
    def __init__(self, model: _Optional[str] = ..., messages: _Optional[_Iterable[_Union[_chat_message_pb2.ChatMessage, _Mapping]]] = ..., frequency_penalty: _Optional[float] = ..., presence_penalty: _Optional[float] = ..., temperature: _Optional[float] = ..., top_p: _Optional[float] = ..., logit_bias: _Optional[_Mapping[str, float]] = ..., logprobs: _Optional[bool] = ..., top_logprobs: _Optional[int] = ..., max_completion_tokens: _Optional[int] = ..., max_tokens: _Optional[int] = ..., n: _Optional[int] = ..., seed: _Optional[int] = ..., stop_text: _Optional[str] = ..., stop_texts: _Optional[_Union[_embeddings_pb2.StringList, _Mapping]] = ..., store: _Optional[bool] = ..., metadata: _Optional[_Mapping[str, str]] = ..., modalities: _Optional[_Iterable[str]] = ..., audio: _Optional[_Union[AudioOptions, _Mapping]] = ..., moderation: _Optional[_Union[ModerationOptions, _Mapping]] = ..., prediction: _Optional[_Union[Prediction, _Mapping]] = ..., prompt_cache_key: _Optional[str] = ..., prompt_cache_retention: _Optional[str] = ..., prompt_cache_options: _Optional[_Union[PromptCacheOptions, _Mapping]] = ..., reasoning_effort: _Optional[str] = ..., response_format: _Optional[_Union[ResponseFormat, _Mapping]] = ..., safety_identifier: _Optional[str] = ..., service_tier: _Optional[str] = ..., stream_options: _Optional[_Union[StreamOptions, _Mapping]] = ..., tools: _Optional[_Iterable[_Union[_chat_tool_pb2.Tool, _Mapping]]] = ..., tool_choice: _Optional[_Union[_chat_tool_pb2.ToolChoice, _Mapping]] = ..., parallel_tool_calls: _Optional[bool] = ..., user: _Optional[str] = ..., verbosity: _Optional[str] = ..., web_search_options: _Optional[_Union[WebSearchOptions, _Mapping]] = ..., function_call_mode: _Optional[str] = ..., function_call_name: _Optional[_Union[_chat_tool_pb2.FunctionName, _Mapping]] = ..., functions: _Optional[_Iterable[_Union[_chat_tool_pb2.FunctionDefinition, _Mapping]]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class AudioOptions(_message.Message):
    __slots__ = ("format", "voice_name", "voice_id", "rest")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    VOICE_NAME_FIELD_NUMBER: _ClassVar[int]
    VOICE_ID_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    format: str
    voice_name: str
    voice_id: VoiceId
    rest: bytes
    def __init__(self, format: _Optional[str] = ..., voice_name: _Optional[str] = ..., voice_id: _Optional[_Union[VoiceId, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class VoiceId(_message.Message):
    __slots__ = ("id", "rest")
    ID_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    id: str
    rest: bytes
    def __init__(self, id: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ModerationOptions(_message.Message):
    __slots__ = ("model", "policy", "rest")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    model: str
    policy: ModerationPolicy
    rest: bytes
    def __init__(self, model: _Optional[str] = ..., policy: _Optional[_Union[ModerationPolicy, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ModerationPolicy(_message.Message):
    __slots__ = ("input", "output", "rest")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    input: ModerationMode
    output: ModerationMode
    rest: bytes
    def __init__(self, input: _Optional[_Union[ModerationMode, _Mapping]] = ..., output: _Optional[_Union[ModerationMode, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ModerationMode(_message.Message):
    __slots__ = ("mode", "rest")
    MODE_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    mode: str
    rest: bytes
    def __init__(self, mode: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class Prediction(_message.Message):
    __slots__ = ("text", "parts", "rest")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    text: str
    parts: _chat_message_pb2.ContentParts
    rest: bytes
    def __init__(self, text: _Optional[str] = ..., parts: _Optional[_Union[_chat_message_pb2.ContentParts, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class PromptCacheOptions(_message.Message):
    __slots__ = ("mode", "ttl", "rest")
    MODE_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    mode: str
    ttl: str
    rest: bytes
    def __init__(self, mode: _Optional[str] = ..., ttl: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ResponseFormat(_message.Message):
    __slots__ = ("text", "json_object", "json_schema", "other")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    JSON_OBJECT_FIELD_NUMBER: _ClassVar[int]
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    text: ResponseFormatText
    json_object: ResponseFormatJsonObject
    json_schema: ResponseFormatJsonSchema
    other: bytes
    def __init__(self, text: _Optional[_Union[ResponseFormatText, _Mapping]] = ..., json_object: _Optional[_Union[ResponseFormatJsonObject, _Mapping]] = ..., json_schema: _Optional[_Union[ResponseFormatJsonSchema, _Mapping]] = ..., other: _Optional[bytes] = ...) -> None: ...

class ResponseFormatText(_message.Message):
    __slots__ = ("rest",)
    REST_FIELD_NUMBER: _ClassVar[int]
    rest: bytes
    def __init__(self, rest: _Optional[bytes] = ...) -> None: ...

class ResponseFormatJsonObject(_message.Message):
    __slots__ = ("rest",)
    REST_FIELD_NUMBER: _ClassVar[int]
    rest: bytes
    def __init__(self, rest: _Optional[bytes] = ...) -> None: ...

class ResponseFormatJsonSchema(_message.Message):
    __slots__ = ("json_schema", "rest")
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    json_schema: JsonSchemaFormat
    rest: bytes
    def __init__(self, json_schema: _Optional[_Union[JsonSchemaFormat, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class JsonSchemaFormat(_message.Message):
    __slots__ = ("name", "description", "schema", "strict", "rest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    schema: bytes
    strict: bool
    rest: bytes
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., schema: _Optional[bytes] = ..., strict: _Optional[bool] = ..., rest: _Optional[bytes] = ...) -> None: ...

class StreamOptions(_message.Message):
    __slots__ = ("include_usage", "include_obfuscation", "rest")
    INCLUDE_USAGE_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_OBFUSCATION_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    include_usage: bool
    include_obfuscation: bool
    rest: bytes
    def __init__(self, include_usage: _Optional[bool] = ..., include_obfuscation: _Optional[bool] = ..., rest: _Optional[bytes] = ...) -> None: ...

class WebSearchOptions(_message.Message):
    __slots__ = ("search_context_size", "user_location", "rest")
    SEARCH_CONTEXT_SIZE_FIELD_NUMBER: _ClassVar[int]
    USER_LOCATION_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    search_context_size: str
    user_location: UserLocation
    rest: bytes
    def __init__(self, search_context_size: _Optional[str] = ..., user_location: _Optional[_Union[UserLocation, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class UserLocation(_message.Message):
    __slots__ = ("approximate", "rest")
    APPROXIMATE_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    approximate: ApproximateLocation
    rest: bytes
    def __init__(self, approximate: _Optional[_Union[ApproximateLocation, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ApproximateLocation(_message.Message):
    __slots__ = ("city", "country", "region", "timezone", "rest")
    CITY_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    city: str
    country: str
    region: str
    timezone: str
    rest: bytes
    def __init__(self, city: _Optional[str] = ..., country: _Optional[str] = ..., region: _Optional[str] = ..., timezone: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ChatCompletion(_message.Message):
    __slots__ = ("id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint", "metadata", "moderation", "rest")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TIER_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    MODERATION_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    id: str
    object: str
    created: int
    model: str
    choices: _containers.RepeatedCompositeFieldContainer[Choice]
    usage: _usage_pb2.Usage
    service_tier: str
    system_fingerprint: str
    metadata: _containers.ScalarMap[str, str]
    moderation: Moderation
    rest: bytes
    def __init__(self, id: _Optional[str] = ..., object: _Optional[str] = ..., created: _Optional[int] = ..., model: _Optional[str] = ..., choices: _Optional[_Iterable[_Union[Choice, _Mapping]]] = ..., usage: _Optional[_Union[_usage_pb2.Usage, _Mapping]] = ..., service_tier: _Optional[str] = ..., system_fingerprint: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., moderation: _Optional[_Union[Moderation, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ("index", "message", "logprobs", "finish_reason", "rest")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    index: int
    message: _chat_message_pb2.ResponseMessage
    logprobs: Logprobs
    finish_reason: str
    rest: bytes
    def __init__(self, index: _Optional[int] = ..., message: _Optional[_Union[_chat_message_pb2.ResponseMessage, _Mapping]] = ..., logprobs: _Optional[_Union[Logprobs, _Mapping]] = ..., finish_reason: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class Logprobs(_message.Message):
    __slots__ = ("content", "refusal", "rest")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    content: _containers.RepeatedCompositeFieldContainer[TokenLogprob]
    refusal: _containers.RepeatedCompositeFieldContainer[TokenLogprob]
    rest: bytes
    def __init__(self, content: _Optional[_Iterable[_Union[TokenLogprob, _Mapping]]] = ..., refusal: _Optional[_Iterable[_Union[TokenLogprob, _Mapping]]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class TokenLogprob(_message.Message):
    __slots__ = ("token", "logprob", "bytes", "top_logprobs", "rest")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    TOP_LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    token: str
    logprob: float
    bytes: _containers.RepeatedScalarFieldContainer[int]
    top_logprobs: _containers.RepeatedCompositeFieldContainer[TopLogprob]
    rest: bytes
    def __init__(self, token: _Optional[str] = ..., logprob: _Optional[float] = ..., bytes: _Optional[_Iterable[int]] = ..., top_logprobs: _Optional[_Iterable[_Union[TopLogprob, _Mapping]]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class TopLogprob(_message.Message):
    __slots__ = ("token", "logprob", "bytes", "rest")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    token: str
    logprob: float
    bytes: _containers.RepeatedScalarFieldContainer[int]
    rest: bytes
    def __init__(self, token: _Optional[str] = ..., logprob: _Optional[float] = ..., bytes: _Optional[_Iterable[int]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class Moderation(_message.Message):
    __slots__ = ("input", "output", "rest")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    input: ModerationOutcome
    output: ModerationOutcome
    rest: bytes
    def __init__(self, input: _Optional[_Union[ModerationOutcome, _Mapping]] = ..., output: _Optional[_Union[ModerationOutcome, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ModerationOutcome(_message.Message):
    __slots__ = ("results", "error", "other")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    results: ModerationResults
    error: ModerationError
    other: bytes
    def __init__(self, results: _Optional[_Union[ModerationResults, _Mapping]] = ..., error: _Optional[_Union[ModerationError, _Mapping]] = ..., other: _Optional[bytes] = ...) -> None: ...

class ModerationResults(_message.Message):
    __slots__ = ("model", "results", "rest")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    model: str
    results: _containers.RepeatedCompositeFieldContainer[ModerationResult]
    rest: bytes
    def __init__(self, model: _Optional[str] = ..., results: _Optional[_Iterable[_Union[ModerationResult, _Mapping]]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ModerationResult(_message.Message):
    __slots__ = ("flagged", "model", "categories", "category_scores", "category_applied_input_types", "rest")
    class CategoriesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bool
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bool] = ...) -> None: ...
    class CategoryScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    FLAGGED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_SCORES_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_APPLIED_INPUT_TYPES_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    flagged: bool
    model: str
    categories: _containers.ScalarMap[str, bool]
    category_scores: _containers.ScalarMap[str, float]
    category_applied_input_types: bytes
    rest: bytes
    def __init__(self, flagged: _Optional[bool] = ..., model: _Optional[str] = ..., categories: _Optional[_Mapping[str, bool]] = ..., category_scores: _Optional[_Mapping[str, float]] = ..., category_applied_input_types: _Optional[bytes] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ModerationError(_message.Message):
    __slots__ = ("code", "message", "rest")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    rest: bytes
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ChatCompletionChunk(_message.Message):
    __slots__ = ("id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint", "moderation", "obfuscation", "rest")
    ID_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TIER_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    MODERATION_FIELD_NUMBER: _ClassVar[int]
    OBFUSCATION_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    id: str
    object: str
    created: int
    model: str
    choices: _containers.RepeatedCompositeFieldContainer[ChunkChoice]
    usage: _usage_pb2.Usage
    service_tier: str
    system_fingerprint: str
    moderation: Moderation
    obfuscation: str
    rest: bytes
    def __init__(self, id: _Optional[str] = ..., object: _Optional[str] = ..., created: _Optional[int] = ..., model: _Optional[str] = ..., choices: _Optional[_Iterable[_Union[ChunkChoice, _Mapping]]] = ..., usage: _Optional[_Union[_usage_pb2.Usage, _Mapping]] = ..., service_tier: _Optional[str] = ..., system_fingerprint: _Optional[str] = ..., moderation: _Optional[_Union[Moderation, _Mapping]] = ..., obfuscation: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ChunkChoice(_message.Message):
    __slots__ = ("index", "delta", "logprobs", "finish_reason", "rest")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    index: int
    delta: Delta
    logprobs: Logprobs
    finish_reason: str
    rest: bytes
    def __init__(self, index: _Optional[int] = ..., delta: _Optional[_Union[Delta, _Mapping]] = ..., logprobs: _Optional[_Union[Logprobs, _Mapping]] = ..., finish_reason: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class Delta(_message.Message):
    __slots__ = ("role", "content", "refusal", "tool_calls", "audio", "function_call", "annotations", "reasoning_content", "reasoning_details", "rest")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_CALL_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    REASONING_CONTENT_FIELD_NUMBER: _ClassVar[int]
    REASONING_DETAILS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    role: str
    content: str
    refusal: str
    tool_calls: _containers.RepeatedCompositeFieldContainer[ToolCallDelta]
    audio: AudioDelta
    function_call: FunctionCallDelta
    annotations: _containers.RepeatedCompositeFieldContainer[_chat_message_pb2.Annotation]
    reasoning_content: str
    reasoning_details: _containers.RepeatedScalarFieldContainer[bytes]
    rest: bytes
    def __init__(self, role: _Optional[str] = ..., content: _Optional[str] = ..., refusal: _Optional[str] = ..., tool_calls: _Optional[_Iterable[_Union[ToolCallDelta, _Mapping]]] = ..., audio: _Optional[_Union[AudioDelta, _Mapping]] = ..., function_call: _Optional[_Union[FunctionCallDelta, _Mapping]] = ..., annotations: _Optional[_Iterable[_Union[_chat_message_pb2.Annotation, _Mapping]]] = ..., reasoning_content: _Optional[str] = ..., reasoning_details: _Optional[_Iterable[bytes]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class ToolCallDelta(_message.Message):
    __slots__ = ("index", "id", "type", "function", "custom", "rest")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    type: str
    function: FunctionCallDelta
    custom: CustomCallDelta
    rest: bytes
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., type: _Optional[str] = ..., function: _Optional[_Union[FunctionCallDelta, _Mapping]] = ..., custom: _Optional[_Union[CustomCallDelta, _Mapping]] = ..., rest: _Optional[bytes] = ...) -> None: ...

class FunctionCallDelta(_message.Message):
    __slots__ = ("name", "arguments", "rest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    name: str
    arguments: str
    rest: bytes
    def __init__(self, name: _Optional[str] = ..., arguments: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class CustomCallDelta(_message.Message):
    __slots__ = ("name", "input", "rest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    name: str
    input: str
    rest: bytes
    def __init__(self, name: _Optional[str] = ..., input: _Optional[str] = ..., rest: _Optional[bytes] = ...) -> None: ...

class AudioDelta(_message.Message):
    __slots__ = ("id", "data", "transcript", "expires_at", "rest")
    ID_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TRANSCRIPT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    id: str
    data: str
    transcript: str
    expires_at: int
    rest: bytes
    def __init__(self, id: _Optional[str] = ..., data: _Optional[str] = ..., transcript: _Optional[str] = ..., expires_at: _Optional[int] = ..., rest: _Optional[bytes] = ...) -> None: ...
