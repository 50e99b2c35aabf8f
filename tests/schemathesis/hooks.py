"""Steers schemathesis to the sandbox, and around what it cannot read."""

import schemathesis

# Answers, and errors of every sort: each has to be one that the document allows.
CHAT_MODELS = [
    "sandbox/chat",
    "sandbox/echo",
    "sandbox/unicode",
    "sandbox/refuse",
    "sandbox/length",
    "sandbox/cut-stream",
    "sandbox/error-429",
    "sandbox/error-503",
    "sandbox/timeout",
]


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts models of the sandbox in the place of those that nobody has heard of, and of none."""
    body, path = case.body, case.operation.path
    if not isinstance(body, dict) or not isinstance(body.get("model"), str | None):
        return
    if path == "/v1/embeddings":
        case.body = {**body, "model": "sandbox/embed"}
    elif path == "/v1/chat/completions":
        case.body = {**body, "model": CHAT_MODELS[len(str(body)) % len(CHAT_MODELS)]}
        if body.get("top_logprobs") is not None and not body.get("logprobs"):
            case.body["logprobs"] = True


# What the sandbox takes. The document leaves ranges to the providers, and generators love 0 and the largest integer.
RANGES = {
    "ChatCompletionRequest": {
        "frequency_penalty": (-2, 2),
        "presence_penalty": (-2, 2),
        "temperature": (0, 2),
        "top_p": (0, 1),
        "top_logprobs": (0, 20),
        "max_completion_tokens": (1, 1000),
        "max_tokens": (1, 1000),
        "n": (1, 8),
    },
    "CreateEmbeddingsRequest": {"dimensions": (1, 3072)},
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for name, members in RANGES.items():
        for member, (least, most) in members.items():
            raw_schema["components"]["schemas"][name]["properties"][member] |= {"minimum": least, "maximum": most}
    _adapt(raw_schema)


def _adapt(schema):
    if isinstance(schema, list):
        for each in schema:
            _adapt(each)
    elif isinstance(schema, dict):
        alternatives = schema.get("anyOf")
        if isinstance(alternatives, list):
            # Schemathesis 4.32 stumbles over an alternative of several types.
            schema["anyOf"] = [one for each in alternatives for one in _one_type_each(each)]
        for each in schema.values():
            _adapt(each)


def _one_type_each(schema):
    types = schema.get("type") if isinstance(schema, dict) else None
    return [{**schema, "type": each} for each in types] if isinstance(types, list) else [schema]
