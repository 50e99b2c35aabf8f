"""Errors as the official SDK's classes."""

import time

import openai
import pytest
from openai import OpenAI

HELLO = [{"role": "user", "content": "Hello!"}]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
def test_a_status_is_its_class(sandbox, status, expected, stream):
    with pytest.raises(expected) as caught:
        sandbox.chat.completions.create(model=f"sandbox/error-{status}", messages=HELLO, stream=stream)
    error = caught.value
    assert error.status_code == status
    assert error.body["message"]
    assert error.request_id
    assert error.response.headers["content-type"].startswith("application/json")


def test_an_unknown_model_says_so(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=HELLO)
    error = caught.value
    assert (error.code, error.type) == ("model_not_found", "invalid_request_error")
    assert "no-such-model" in error.message


@pytest.mark.parametrize("payload", [{"messages": "hello"}, {"messages": []}, {"temperature": "hot", "messages": HELLO}])
def test_a_wrong_request_names_the_member(sandbox, payload):
    with pytest.raises(openai.BadRequestError) as caught:
        sandbox.post("/chat/completions", body={"model": "sandbox/chat", **payload}, cast_to=object)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param == next(iter(payload))


def test_a_rate_limit_says_when_to_come_back(sandbox):
    with pytest.raises(openai.RateLimitError) as caught:
        sandbox.chat.completions.create(model="sandbox/error-429-2s", messages=HELLO)
    headers = caught.value.response.headers
    assert headers["retry-after"] == "2"
    assert headers["x-ratelimit-remaining-requests"] == "0"


def test_the_sdk_does_not_retry_what_cannot_succeed(base_url):
    seen = []
    client = OpenAI(base_url=base_url, api_key="anything", max_retries=3, timeout=30)
    client._client.event_hooks["response"].append(lambda response: seen.append(response.status_code))
    with client, pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="sandbox/error-404", messages=HELLO)
    assert seen == [404]


@pytest.mark.parametrize("model", ["sandbox/cut-stream", "sandbox/error-mid-stream"])
def test_a_stream_that_breaks_raises_after_what_arrived(sandbox, model):
    text = ""
    with pytest.raises(openai.APIError):
        for chunk in sandbox.chat.completions.create(model=model, messages=HELLO, stream=True):
            text += chunk.choices[0].delta.content or ""
    assert text


def test_a_provider_that_cannot_be_reached_is_a_server_error(client):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="dead/gpt-4o-mini", messages=HELLO)
    assert caught.value.status_code in (502, 503)
    assert "127.0.0.1" not in str(caught.value.body)


def test_a_wrong_base_url_is_explained(base_url):
    with OpenAI(base_url=base_url.removesuffix("/v1"), api_key="anything", max_retries=0) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model="sandbox/chat", messages=HELLO)
    assert "/v1" in caught.value.message


def test_a_slow_model_runs_into_the_callers_timeout(base_url):
    with OpenAI(base_url=base_url, api_key="anything", max_retries=0, timeout=0.2) as client:
        began = time.monotonic()
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(model="sandbox/hang", messages=HELLO)
    assert time.monotonic() - began < 10


def test_a_gateway_that_is_not_there_is_a_connection_error(dead_url):
    with OpenAI(base_url=dead_url, api_key="anything", max_retries=0, timeout=30) as client:
        with pytest.raises(openai.APIConnectionError):
            client.chat.completions.create(model="sandbox/chat", messages=HELLO)
