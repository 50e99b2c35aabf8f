"""What agentgateway's page "OpenAI SDK" shows users doing in Python, done against Sluice."""

import os
import subprocess
import sys

import pytest
from openai import OpenAI, OpenAIError

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get current weather for a location",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string", "description": "City name"}},
            "required": ["location"],
        },
    },
}


def test_basic_usage(client):
    response = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello, how are you?"}]
    )
    assert response.object == "chat.completion"
    assert response.choices[0].message.role == "assistant"
    assert "Hello, how are you?" in response.choices[0].message.content
    assert response.choices[0].finish_reason == "stop"
    usage = response.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_streaming(client):
    question = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Write a short story"}]}
    pieces = []
    for chunk in client.chat.completions.create(**question, stream=True):
        if chunk.choices[0].delta.content:
            pieces.append(chunk.choices[0].delta.content)
    assert len(pieces) > 3
    assert "".join(pieces) == client.chat.completions.create(**question).choices[0].message.content


def test_advanced_parameters(client):
    response = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Explain quantum computing"},
        ],
        temperature=0.7,
        max_tokens=500,
        top_p=0.9,
        frequency_penalty=0.0,
        presence_penalty=0.0,
    )
    assert "Explain quantum computing" in response.choices[0].message.content


def test_max_tokens_bounds_the_answer(client):
    response = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Explain quantum computing"}], max_tokens=3
    )
    assert response.choices[0].finish_reason == "length"
    assert response.usage.completion_tokens == 3


def test_error_handling(client):
    with pytest.raises(OpenAIError) as caught:
        client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "Hello!"}])
    assert "no-such-model" in str(caught.value)


def test_function_calling(client):
    response = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "What's the weather in Boston?"}], tools=[WEATHER]
    )
    call = response.choices[0].message.tool_calls[0]
    assert response.choices[0].finish_reason == "tool_calls"
    assert call.function.name == "get_weather"


def test_embeddings(client):
    response = client.embeddings.create(
        model="text-embedding-3-small", input="The quick brown fox jumps over the lazy dog"
    )
    vector = response.data[0].embedding
    assert len(vector) == 1536
    assert all(isinstance(x, float) for x in vector)
    assert sum(x * x for x in vector) == pytest.approx(1, abs=1e-4)


def run(code, **environment):
    """What `python -c code` prints, with these variables and without OpenAI's others."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=inherited | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_one_liner_that_verifies_the_connection(routed_url):
    url = routed_url.replace("127.0.0.1", "localhost")
    said = run(
        f"from openai import OpenAI; client = OpenAI(base_url='{url}', api_key='anything'); "
        "print(client.chat.completions.create(model='gpt-4o-mini', "
        "messages=[{'role': 'user', 'content': 'Hello'}]).choices[0].message.content)"
    )
    assert "Hello" in said


def test_environment_variables_are_enough(routed_url):
    code = (
        "from openai import OpenAI\n"
        "client = OpenAI()\n"
        "response = client.chat.completions.create(\n"
        "    model='gpt-4o-mini', messages=[{'role': 'user', 'content': 'Hello!'}])\n"
        "print(response.choices[0].message.content)\n"
    )
    assert "Hello!" in run(code, OPENAI_BASE_URL=routed_url, OPENAI_API_KEY="anything")


def test_the_page_names_a_variable_that_current_sdks_ignore(dead_url):
    # OPENAI_API_BASE was the variable of openai-python before 1.0. Our documentation says OPENAI_BASE_URL.
    code = "from openai import OpenAI; print(OpenAI().base_url)"
    environment = {"OPENAI_API_BASE": dead_url, "OPENAI_API_KEY": "anything"}
    assert run(code, **environment).strip() == "https://api.openai.com/v1/"


def test_the_models_that_troubleshooting_curls(routed_url):
    with OpenAI(base_url=routed_url, api_key="anything", max_retries=0) as client:
        ids = [model.id for model in client.models.list()]
    assert {"gpt-4o-mini", "text-embedding-3-small", "sandbox/chat"} <= set(ids)
