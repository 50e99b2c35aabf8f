"""Chat completions with the official SDK beyond the first page."""

import asyncio
import json
import time
from typing import Literal

import pytest
from openai import AsyncOpenAI, pydantic_function_tool
from pydantic import BaseModel

from test_page import WEATHER

STORY = {"model": "sandbox/chat", "messages": [{"role": "user", "content": "Write a short story"}]}


def test_content_survives_as_it_is(sandbox):
    text = "Grüße, 世界! 👩‍👩‍👧‍👦 <b>&amp;</b> \"quoted\" \\ \u2028 \t end"
    for content in (text, [{"type": "text", "text": text}]):
        question = {"model": "sandbox/echo", "messages": [{"role": "user", "content": content}]}
        assert sandbox.chat.completions.create(**question).choices[0].message.content == text
        chunks = sandbox.chat.completions.create(**question, stream=True)
        assert "".join(c.choices[0].delta.content or "" for c in chunks) == text


def test_a_stream_ends_with_one_reason_and_hides_usage_unless_asked_for(sandbox):
    chunks = list(sandbox.chat.completions.create(**STORY, stream=True))
    assert [c.choices[0].finish_reason for c in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert {c.object for c in chunks} == {"chat.completion.chunk"}
    assert len({c.id for c in chunks}) == 1
    assert all(c.usage is None for c in chunks)


def test_usage_of_a_stream_is_that_of_the_whole_answer(sandbox):
    chunks = list(sandbox.chat.completions.create(**STORY, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage == sandbox.chat.completions.create(**STORY).usage


def test_the_sdks_stream_helper_assembles_the_completion(sandbox):
    with sandbox.chat.completions.stream(**STORY) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    whole = sandbox.chat.completions.create(**STORY)
    assert "".join(deltas) == final.choices[0].message.content == whole.choices[0].message.content


def test_tokens_arrive_while_the_model_still_writes(sandbox):
    # This model waits 30 ms before each token but the first: what is held back would come at once.
    question = {"model": "sandbox/slow-300ms", "messages": [{"role": "user", "content": "Write a short story"}]}
    arrivals = [time.monotonic() for _ in sandbox.chat.completions.create(**question, stream=True)]
    assert len(arrivals) > 10
    assert arrivals[-1] - arrivals[0] > 0.03 * (len(arrivals) - 3)


def test_a_closed_stream_can_be_left(sandbox):
    with sandbox.chat.completions.create(
        model="sandbox/long-100000", messages=[{"role": "user", "content": "go on"}], stream=True
    ) as stream:
        assert next(iter(stream)).object == "chat.completion.chunk"


def test_the_same_request_gets_the_same_answer(sandbox):
    assert sandbox.chat.completions.create(**STORY, seed=7) == sandbox.chat.completions.create(**STORY, seed=7)


def test_several_choices_are_streamed_under_their_index(sandbox):
    whole = sandbox.chat.completions.create(**STORY, n=2)
    texts = ["", ""]
    for chunk in sandbox.chat.completions.create(**STORY, n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == [choice.message.content for choice in whole.choices]


def test_stop_texts_are_not_in_the_answer(sandbox):
    whole = sandbox.chat.completions.create(**STORY).choices[0].message.content
    for stop in (" ", [" ", "never"]):
        answer = sandbox.chat.completions.create(**STORY, stop=stop).choices[0]
        assert answer.message.content == whole.split(" ")[0]
        assert answer.finish_reason == "stop"


def test_log_probabilities_come_per_token(sandbox):
    logprobs = sandbox.chat.completions.create(**STORY, logprobs=True, top_logprobs=2).choices[0].logprobs
    assert len(logprobs.content) > 3
    assert all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in logprobs.content)
    assert sandbox.chat.completions.create(**STORY).choices[0].logprobs is None


def test_a_tool_loop_runs_to_its_end(sandbox):
    messages = [{"role": "user", "content": "What's the weather in Boston?"}]
    first = sandbox.chat.completions.create(model="sandbox/chat", messages=messages, tools=[WEATHER])
    message = first.choices[0].message
    assert message.content is None
    (call,) = message.tool_calls
    assert isinstance(json.loads(call.function.arguments)["location"], str)

    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "sunny, 24 degrees"}]
    second = sandbox.chat.completions.create(model="sandbox/chat", messages=messages, tools=[WEATHER])
    assert second.choices[0].finish_reason == "stop"
    assert "sunny, 24 degrees" in second.choices[0].message.content


def test_streamed_tool_calls_add_up_to_the_whole_ones(sandbox):
    question = {
        "model": "sandbox/chat",
        "messages": [{"role": "user", "content": "What's the weather in Boston?"}],
        "tools": [WEATHER],
    }
    (whole,) = sandbox.chat.completions.create(**question).choices[0].message.tool_calls
    name, arguments, ids, reasons = "", "", [], []
    for chunk in sandbox.chat.completions.create(**question, stream=True):
        reasons.append(chunk.choices[0].finish_reason)
        for delta in chunk.choices[0].delta.tool_calls or []:
            ids += [delta.id] if delta.id else []
            name += delta.function.name or ""
            arguments += delta.function.arguments or ""
    assert (name, arguments) == (whole.function.name, whole.function.arguments)
    assert len(ids) == 1
    assert reasons[-1] == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "called"),
    [("none", []), ("required", ["get_weather"]), ({"type": "function", "function": {"name": "get_weather"}}, ["get_weather"])],
    ids=["none", "required", "named"],
)
def test_tool_choice_is_obeyed(sandbox, choice, called):
    answer = sandbox.chat.completions.create(**STORY, tools=[WEATHER], tool_choice=choice)
    assert [c.function.name for c in answer.choices[0].message.tool_calls or []] == called


class Address(BaseModel):
    street: str
    city: str


class Person(BaseModel):
    name: str
    age: int
    mood: Literal["calm", "curious"]
    addresses: list[Address]


def test_an_answer_of_a_pydantic_model_parses(sandbox):
    answer = sandbox.chat.completions.parse(
        model="sandbox/chat", messages=[{"role": "user", "content": "Invent a person"}], response_format=Person
    )
    person = answer.choices[0].message.parsed
    assert isinstance(person, Person)
    assert list(json.loads(answer.choices[0].message.content)) == ["name", "age", "mood", "addresses"]


def test_a_streamed_answer_of_a_pydantic_model_parses(sandbox):
    with sandbox.chat.completions.stream(
        model="sandbox/chat", messages=[{"role": "user", "content": "Invent a person"}], response_format=Person
    ) as stream:
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Person)


def test_arguments_of_a_pydantic_tool_parse(sandbox):
    answer = sandbox.chat.completions.parse(
        model="sandbox/chat",
        messages=[{"role": "user", "content": "Save a person"}],
        tools=[pydantic_function_tool(Person, name="save_person")],
        tool_choice="required",
    )
    (call,) = answer.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, Person)


def test_any_json_object_can_be_asked_for(sandbox):
    answer = sandbox.chat.completions.create(**STORY, response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content), dict)


def test_members_that_nobody_knows_do_no_harm(sandbox):
    extra = {"x_new": {"deep": [1, None, 9007199254740993]}, "store": None}
    assert sandbox.chat.completions.create(**STORY, extra_body=extra).choices[0].finish_reason == "stop"


def test_the_asynchronous_client_answers_many_at_once(base_url):
    async def ask():
        async with AsyncOpenAI(base_url=base_url, api_key="anything", max_retries=0, timeout=30) as client:

            async def one(i):
                question = {"model": "sandbox/echo", "messages": [{"role": "user", "content": f"number {i} of many"}]}
                if i % 2:
                    return (await client.chat.completions.create(**question)).choices[0].message.content
                stream = await client.chat.completions.create(**question, stream=True)
                return "".join([c.choices[0].delta.content or "" async for c in stream])

            return await asyncio.gather(*map(one, range(50)))

    assert asyncio.run(ask()) == [f"number {i} of many" for i in range(50)]
