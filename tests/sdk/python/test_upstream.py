"""What passes through the gateway between the official SDK and a provider that speaks OpenAI's dialect."""

import json
import urllib.request
import uuid

import openai
import pytest

HELLO = [{"role": "user", "content": "Hello!"}]


@pytest.fixture
def received(upstream_url):
    """Returns the request of a user as the provider received it."""

    def read(user):
        with urllib.request.urlopen(f"{upstream_url}/received/{user}", timeout=10) as answer:
            return json.load(answer)

    return read


def test_a_request_reaches_the_provider_as_it_was_written(client, received):
    user = str(uuid.uuid4())
    schema = {"type": "object", "properties": {"z": {"type": "integer", "maximum": 9007199254740993}, "a": {}}}
    body = {
        "model": "gpt-up",
        "messages": [
            {"role": "developer", "content": "Be brief.", "x_note": None},
            {"role": "user", "content": [{"type": "x_hologram", "x_hologram": {"url": "x:1"}}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{ not json"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "ok"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        "max_tokens": 5,
        "temperature": None,
        "stop": [],
        "metadata": {},
        "user": user,
        "x_new": {"order": {"b": 1, "a": 2}, "big": 9007199254740993},
    }
    client.post("/chat/completions", body=body, cast_to=object)
    request = received(user)
    assert request["body"] == body
    schema_sent = request["raw"].partition('"properties"')[2]
    assert schema_sent.index('"z"') < schema_sent.index('"a"')
    assert request["headers"]["Authorization"] == "Bearer sk-upstream"


def test_members_that_the_sdk_does_not_know_come_back(client):
    answer = client.chat.completions.create(model="gpt-up", messages=HELLO)
    assert answer.model_extra["x_answer"] == {"big": 9007199254740993, "nothing": None}
    assert answer.choices[0].message.model_extra["reasoning_content"] == "because"
    assert answer.usage.model_extra["x_cost"] == 0.25
    assert answer.choices[0].message.content == "Hello from upstream."


def test_members_of_chunks_that_the_sdk_does_not_know_come_back(client):
    chunks = list(client.chat.completions.create(model="gpt-up", messages=HELLO, stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].model_extra["reasoning_content"] == "because"
    assert "".join(delta.content or "" for delta in deltas) == "Hello from upstream."
    assert all(chunk.usage is None for chunk in chunks)


def test_headers_of_the_provider_reach_the_caller(client):
    raw = client.chat.completions.with_raw_response.create(model="gpt-up", messages=HELLO)
    assert raw.headers["x-ratelimit-remaining-requests"] == "41"
    assert raw.headers["openai-processing-ms"] == "7"
    assert raw.parse()._request_id == "req_upstream"
    assert "set-cookie" not in raw.headers


def test_headers_for_the_provider_reach_it_and_the_callers_key_does_not(client, received):
    user = str(uuid.uuid4())
    client.chat.completions.create(
        model="gpt-up",
        messages=HELLO,
        user=user,
        extra_headers={"OpenAI-Organization": "org-1", "OpenAI-Project": "proj_1", "Idempotency-Key": "once"},
    )
    headers = received(user)["headers"]
    assert headers["Openai-Organization"] == "org-1"
    assert headers["Openai-Project"] == "proj_1"
    assert headers["Idempotency-Key"] == "once"
    assert "anything" not in json.dumps(headers)


def test_the_providers_error_object_is_kept(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt-refuses", messages=HELLO)
    assert caught.value.body == {
        "message": "max_tokens is too large",
        "type": "invalid_request_error",
        "param": "max_tokens",
        "code": 4711,
        "innererror": {"code": "TooLarge", "details": [1, None]},
    }
    assert caught.value.request_id == "req_upstream"


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
def test_a_retry_of_the_sdk_is_not_multiplied(client, received, stream):
    user = str(uuid.uuid4())
    answer = client.with_options(max_retries=2).chat.completions.create(
        model="gpt-stumbles", messages=HELLO, user=user, stream=stream
    )
    text = "".join(c.choices[0].delta.content or "" for c in answer) if stream else answer.choices[0].message.content
    assert text == "Hello from upstream."
    assert received(user)["times"] == 2  # the stumble, and the SDK's one retry


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
def test_a_provider_that_is_down_is_replaced_by_the_next_one(client, stream):
    answer = client.chat.completions.create(model="gpt-with-spare", messages=HELLO, stream=stream)
    text = "".join(c.choices[0].delta.content or "" for c in answer) if stream else answer.choices[0].message.content
    assert text == "Hello from upstream."


def test_a_caller_who_leaves_ends_the_call_at_the_provider(client, upstream_url):
    user = str(uuid.uuid4())
    with client.chat.completions.create(model="gpt-endless", messages=HELLO, user=user, stream=True) as stream:
        assert next(iter(stream)).choices[0].delta.content == "on and on"
    with urllib.request.urlopen(f"{upstream_url}/ended/{user}", timeout=5) as answer:
        assert answer.status == 204


def test_embeddings_have_the_form_that_was_asked_for(client):
    # This provider sends floats, whatever it is asked for.
    by_default = client.embeddings.create(model="embed-up", input="fox")
    as_floats = client.embeddings.create(model="embed-up", input="fox", encoding_format="float")
    as_base64 = client.embeddings.create(model="embed-up", input="fox", encoding_format="base64")
    assert by_default.data[0].embedding == as_floats.data[0].embedding == [0.5, -0.25, 0.125]
    assert as_base64.data[0].embedding == "AAAAPwAAgL4AAAA+"
