"""A loop of tool calls, written for OpenAI and for nobody else. See tool_loop_test.go.

Runs unchanged against each model of SLUICE_MODELS, whole and streamed, without and with
reasoning: what the model says is appended as the SDK gives it. Prints a line of JSON per loop.
"""

import json
import os
import sys

from openai import OpenAI

WEATHER = {"Paris": "sunny", "Rome": "rain"}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather of a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
MOST_TURNS = 4


def get_weather(city):
    return f"{city}: {WEATHER[city]}"


def whole(client, **request):
    """The message as the SDK dumps it."""
    return client.chat.completions.create(**request).choices[0].message.model_dump()


def streamed(client, **request):
    """The message that the pieces of a stream add up to, members that the SDK does not know included."""
    message = {"role": "assistant", "content": None}
    for chunk in client.chat.completions.create(stream=True, **request):
        for choice in chunk.choices:
            add(message, choice.delta.model_dump(exclude_none=True))
    for call in message.get("tool_calls", []):
        del call["index"]
    return message


def add(message, delta):
    """Texts grow, lists grow by the index of their elements, and all else is as it was said last."""
    for name, value in delta.items():
        if name in ("role", "type", "id", "format", "index"):
            message[name] = value
        elif isinstance(value, str):
            message[name] = (message.get(name) or "") + value
        elif isinstance(value, dict):
            add(message.setdefault(name, {}), value)
        elif isinstance(value, list):
            elements = message.setdefault(name, [])
            for element in value:
                same = [e for e in elements if e["index"] == element["index"]]
                if not same:
                    elements.append({"index": element["index"]})
                    same = elements[-1:]
                add(same[0], element)
        else:
            message[name] = value


def loop(client, ask, model, **more):
    """Asks until there are no calls, and returns the answer, the tools called and the thoughts."""
    messages = [
        {"role": "developer", "content": "Answer in one line."},
        {"role": "user", "content": "Weather in Paris and Rome?"},
    ]
    called, thoughts = [], []
    for _ in range(MOST_TURNS):
        message = ask(client, model=model, messages=messages, tools=TOOLS, **more)
        messages.append(message)
        thoughts.append(message.get("reasoning_content"))
        if not message.get("tool_calls"):
            return {"answer": message["content"], "called": called, "thoughts": thoughts}
        for call in message["tool_calls"]:
            arguments = json.loads(call["function"]["arguments"])
            called.append([call["function"]["name"], arguments])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": get_weather(**arguments)})
    raise RuntimeError("the model calls tools without end")


def main():
    failed = False
    with OpenAI(base_url=os.environ["SLUICE_URL"] + "/v1", api_key="anything", max_retries=0, timeout=30) as client:
        for model in json.loads(os.environ["SLUICE_MODELS"]):
            for way, ask in (("whole", whole), ("streamed", streamed)):
                for reasoning in (False, True):
                    more = {"reasoning_effort": "low"} if reasoning else {}
                    line = {"model": model, "way": way, "reasoning": reasoning}
                    try:
                        line |= loop(client, ask, model, **more)
                    except Exception as error:  # every model is tried
                        line["error"] = f"{type(error).__name__}: {error}"
                        failed = True
                    print(json.dumps(line), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
