// What agentgateway's page "OpenAI SDK" shows users doing in Node, done against Sluice.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

import OpenAI from "openai";

import { client, deadURL, routedURL, weather } from "./gateway.mjs";

test("basic usage", async () => {
  const response = await client.chat.completions.create({
    model: "gpt-4o-mini",
    messages: [{ role: "user", content: "Hello, how are you?" }],
  });
  assert.equal(response.object, "chat.completion");
  assert.match(response.choices[0].message.content, /Hello, how are you\?/);
  assert.equal(response.choices[0].finish_reason, "stop");
  assert.equal(response.usage.total_tokens, response.usage.prompt_tokens + response.usage.completion_tokens);
});

test("streaming", async () => {
  const question = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Write a short story" }] };
  const pieces = [];
  for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) {
    const content = chunk.choices[0]?.delta?.content || "";
    if (content) pieces.push(content);
  }
  const whole = await client.chat.completions.create(question);
  assert.ok(pieces.length > 3, `${pieces.length} pieces`);
  assert.equal(pieces.join(""), whole.choices[0].message.content);
});

test("advanced parameters", async () => {
  const response = await client.chat.completions.create({
    model: "gpt-4o-mini",
    messages: [
      { role: "system", content: "You are a helpful assistant." },
      { role: "user", content: "Explain quantum computing" },
    ],
    temperature: 0.7,
    max_tokens: 500,
    top_p: 0.9,
    frequency_penalty: 0.0,
    presence_penalty: 0.0,
  });
  assert.match(response.choices[0].message.content, /Explain quantum computing/);
});

test("error handling", async () => {
  const error = await client.chat.completions
    .create({ model: "no-such-model", messages: [{ role: "user", content: "Hello!" }] })
    .catch((e) => e);
  assert.ok(error instanceof OpenAI.APIError);
  assert.equal(error.status, 404);
  assert.match(error.message, /no-such-model/);
});

test("function calling", async () => {
  const response = await client.chat.completions.create({
    model: "gpt-4o-mini",
    messages: [{ role: "user", content: "What's the weather in Boston?" }],
    tools: [weather],
  });
  assert.equal(response.choices[0].finish_reason, "tool_calls");
  assert.equal(response.choices[0].message.tool_calls[0].function.name, "get_weather");
});

test("embeddings", async () => {
  const response = await client.embeddings.create({
    model: "text-embedding-3-small",
    input: "The quick brown fox jumps over the lazy dog",
  });
  const { embedding } = response.data[0];
  assert.equal(embedding.length, 1536);
  assert.ok(Math.abs(embedding.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-4);
});

// What `node -e code` prints, with these variables and without OpenAI's others.
async function run(code, environment = {}) {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("OPENAI_")));
  const options = { cwd: import.meta.dirname, env: { ...inherited, ...environment }, timeout: 60_000 };
  return (await promisify(execFile)(process.execPath, ["-e", code], options)).stdout;
}

test("the one-liner that verifies the connection", async () => {
  const url = routedURL.replace("127.0.0.1", "localhost");
  const said = await run(
    `import('openai').then(({default: OpenAI}) => {const c = new OpenAI({baseURL: '${url}', apiKey: 'anything'}); ` +
      "c.chat.completions.create({model: 'gpt-4o-mini', messages: [{role: 'user', content: 'Hello'}]})" +
      ".then(r => console.log(r.choices[0].message.content))})",
  );
  assert.match(said, /Hello/);
});

const fromEnvironment =
  "import('openai').then(({default: OpenAI}) => new OpenAI().chat.completions.create(" +
  "{model: 'gpt-4o-mini', messages: [{role: 'user', content: 'Hello!'}]})" +
  ".then(r => console.log(r.choices[0].message.content)))";

test("environment variables are enough", async () => {
  assert.match(await run(fromEnvironment, { OPENAI_BASE_URL: routedURL, OPENAI_API_KEY: "anything" }), /Hello!/);
});

test("the page names a variable that current SDKs ignore", async () => {
  // OPENAI_API_BASE was the variable of openai-python before 1.0. Our documentation says OPENAI_BASE_URL.
  const code = "import('openai').then(({default: OpenAI}) => console.log(new OpenAI().baseURL))";
  const environment = { OPENAI_API_BASE: deadURL, OPENAI_API_KEY: "anything" };
  assert.equal((await run(code, environment)).trim(), "https://api.openai.com/v1");
});
