// The official SDK for Node beyond the first page.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

import { baseURL, client, deadURL, sandbox, upstreamURL, weather } from "./gateway.mjs";

const hello = [{ role: "user", content: "Hello!" }];
const story = { model: "sandbox/chat", messages: [{ role: "user", content: "Write a short story" }] };
const person = z.object({
  name: z.string(),
  age: z.number().int(),
  mood: z.enum(["calm", "curious"]),
  addresses: z.array(z.object({ street: z.string(), city: z.string() })),
});

test("content survives as it is", async () => {
  const text = 'Grüße, 世界! 👩‍👩‍👧‍👦 <b>&amp;</b> "quoted" \\ \u2028 \t end';
  for (const content of [text, [{ type: "text", text }]]) {
    const question = { model: "sandbox/echo", messages: [{ role: "user", content }] };
    assert.equal((await sandbox.chat.completions.create(question)).choices[0].message.content, text);
    let streamed = "";
    for await (const chunk of await sandbox.chat.completions.create({ ...question, stream: true })) {
      streamed += chunk.choices[0].delta.content ?? "";
    }
    assert.equal(streamed, text);
  }
});

test("usage of a stream is that of the whole answer, in a chunk of its own", async () => {
  const chunks = [];
  const options = { stream: true, stream_options: { include_usage: true } };
  for await (const chunk of await sandbox.chat.completions.create({ ...story, ...options })) {
    chunks.push(chunk);
  }
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.deepEqual(chunks.at(-1).usage, (await sandbox.chat.completions.create(story)).usage);
  assert.equal(chunks.at(-2).choices[0].finish_reason, "stop");
});

test("the SDK's stream helper assembles the completion", async () => {
  const stream = sandbox.chat.completions.stream(story);
  let text = "";
  stream.on("content", (delta) => (text += delta));
  const final = await stream.finalChatCompletion();
  assert.equal(text, final.choices[0].message.content);
  assert.equal(text, (await sandbox.chat.completions.create(story)).choices[0].message.content);
});

test("a stream can be left", async () => {
  const question = { model: "sandbox/long-100000", messages: hello, stream: true };
  const stream = await sandbox.chat.completions.create(question);
  for await (const chunk of stream) {
    assert.equal(chunk.object, "chat.completion.chunk");
    break;
  }
  assert.ok(stream.controller.signal.aborted);
});

test("streamed tool calls add up to the whole ones", async () => {
  const question = { model: "sandbox/chat", messages: [{ role: "user", content: "Weather in Boston?" }], tools: [weather] };
  const whole = (await sandbox.chat.completions.create(question)).choices[0].message.tool_calls[0].function;
  let [name, args, reason] = ["", "", null];
  for await (const chunk of await sandbox.chat.completions.create({ ...question, stream: true })) {
    for (const delta of chunk.choices[0].delta.tool_calls ?? []) {
      name += delta.function.name ?? "";
      args += delta.function.arguments ?? "";
    }
    reason = chunk.choices[0].finish_reason;
  }
  assert.deepEqual({ name, arguments: args }, { name: whole.name, arguments: whole.arguments });
  assert.equal(typeof JSON.parse(args).location, "string");
  assert.equal(reason, "tool_calls");
});

test("the SDK's tool runner gets from the question to the answer", async () => {
  const asked = [];
  const runner = sandbox.chat.completions.runTools({
    model: "sandbox/chat",
    messages: [{ role: "user", content: "What's the weather in Boston?" }],
    tools: [
      {
        type: "function",
        function: {
          ...weather.function,
          parse: JSON.parse,
          function: ({ location }) => {
            asked.push(location);
            return "sunny, 24 degrees";
          },
        },
      },
    ],
  });
  assert.match(await runner.finalContent(), /sunny, 24 degrees/);
  assert.equal(asked.length, 1);
});

test("an answer of a zod schema parses", async () => {
  const question = {
    model: "sandbox/chat",
    messages: [{ role: "user", content: "Invent a person" }],
    response_format: zodResponseFormat(person, "person"),
  };
  const answer = await sandbox.chat.completions.parse(question);
  person.parse(answer.choices[0].message.parsed);
  assert.deepEqual(Object.keys(JSON.parse(answer.choices[0].message.content)), ["name", "age", "mood", "addresses"]);
});

test("arguments of a zod tool parse", async () => {
  const answer = await sandbox.chat.completions.parse({
    ...story,
    tools: [zodFunction({ name: "save_person", parameters: person })],
    tool_choice: "required",
  });
  person.parse(answer.choices[0].message.tool_calls[0].function.parsed_arguments);
});

test("base64 and floats are the same vectors", async () => {
  const question = { model: "sandbox/embed", input: ["fox", "foxes"], dimensions: 64 };
  const byDefault = await sandbox.embeddings.create(question);
  const floats = await sandbox.embeddings.create({ ...question, encoding_format: "float" });
  const base64 = await sandbox.embeddings.create({ ...question, encoding_format: "base64" });
  for (const i of [0, 1]) {
    const bytes = Buffer.from(base64.data[i].embedding, "base64");
    const decoded = Array.from({ length: bytes.length / 4 }, (_, k) => bytes.readFloatLE(4 * k));
    assert.equal(decoded.length, 64);
    assert.deepEqual(Array.from(byDefault.data[i].embedding), decoded);
    assert.deepEqual(floats.data[i].embedding.map(Math.fround), decoded);
  }
});

test("models are listed and found by their id", async () => {
  const ids = [];
  for await (const model of sandbox.models.list()) {
    ids.push(model.id);
  }
  assert.ok(ids.includes("sandbox/chat"));
  assert.equal((await sandbox.models.retrieve("sandbox/chat")).id, "sandbox/chat");
});

for (const [status, expected] of [
  [400, OpenAI.BadRequestError],
  [401, OpenAI.AuthenticationError],
  [403, OpenAI.PermissionDeniedError],
  [404, OpenAI.NotFoundError],
  [409, OpenAI.ConflictError],
  [422, OpenAI.UnprocessableEntityError],
  [429, OpenAI.RateLimitError],
  [500, OpenAI.InternalServerError],
]) {
  test(`status ${status} is ${expected.name}`, async () => {
    for (const stream of [false, true]) {
      const question = { model: `sandbox/error-${status}`, messages: hello, stream };
      const error = await sandbox.chat.completions.create(question).catch((e) => e);
      assert.ok(error instanceof expected, String(error));
      assert.equal(error.status, status);
      assert.ok(error.requestID);
    }
  });
}

for (const model of ["sandbox/cut-stream", "sandbox/error-mid-stream"]) {
  test(`${model} raises after what arrived`, async () => {
    let text = "";
    await assert.rejects(async () => {
      for await (const chunk of await sandbox.chat.completions.create({ model, messages: hello, stream: true })) {
        text += chunk.choices[0].delta.content ?? "";
      }
    }, OpenAI.APIError);
    assert.notEqual(text, "");
  });
}

test("a gateway that is not there is a connection error", async () => {
  const nobody = new OpenAI({ baseURL: deadURL, apiKey: "anything", maxRetries: 0 });
  await assert.rejects(nobody.chat.completions.create(story), OpenAI.APIConnectionError);
});

test("a slow model runs into the caller's timeout", async () => {
  const hasty = new OpenAI({ baseURL, apiKey: "anything", maxRetries: 0, timeout: 200 });
  await assert.rejects(
    hasty.chat.completions.create({ model: "sandbox/hang", messages: hello }),
    OpenAI.APIConnectionTimeoutError,
  );
});

test("members that the SDK does not know pass in both directions", async () => {
  const user = randomUUID();
  const answer = await client.chat.completions.create({ model: "gpt-up", messages: hello, user, x_new: { b: [], a: null } });
  assert.equal(answer.choices[0].message.reasoning_content, "because");
  assert.equal(answer._request_id, "req_upstream");
  const received = await (await fetch(`${upstreamURL}/received/${user}`)).json();
  assert.deepEqual(received.body.x_new, { b: [], a: null });
});
