import assert from "node:assert/strict";
import { test } from "node:test";

import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import {
  ChatCompletionChunkSchema,
  ChatCompletionSchema,
  ErrorDetailSchema,
  ErrorReason,
  assistant,
  chunkText,
  createSluice,
  detail,
  functionTool,
  reason,
  system,
  text,
  toolResult,
  user,
} from "../dist/index.js";

// Frames of the Connect and gRPC-Web protocols: one byte of flags, four of length.
function frame(flags, payload) {
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setUint8(0, flags);
  new DataView(bytes.buffer).setUint32(1, payload.length);
  bytes.set(payload, 5);
  return bytes;
}

const utf8 = (text) => new TextEncoder().encode(text);

// A gateway that is a function from request to response.
function gatewayOf(answer, options = {}) {
  const requests = [];
  const fetch = async (url, init) => {
    const request = new Request(url, { ...init, duplex: "half" });
    requests.push(request);
    return answer(request);
  };
  return { requests, sluice: createSluice({ baseUrl: "http://gateway.example", fetch, ...options }) };
}

function completion(content) {
  return create(ChatCompletionSchema, { choices: [{ message: { role: "assistant", content } }] });
}

const unary = () =>
  new Response(toBinary(ChatCompletionSchema, completion("hello")), {
    headers: { "content-type": "application/proto" },
  });

test("every call carries the key, and a function is asked for it each time", async () => {
  let asked = 0;
  for (const [apiKey, wanted] of [
    [undefined, [null, null]],
    ["", [null, null]],
    ["sk-1", ["Bearer sk-1", "Bearer sk-1"]],
    [async () => `sk-${++asked}`, ["Bearer sk-1", "Bearer sk-2"]],
  ]) {
    const { sluice, requests } = gatewayOf(unary, apiKey === undefined ? {} : { apiKey });
    await sluice.chat.createChatCompletion({ messages: [user("hi")] });
    const answer = await sluice.chat.createChatCompletion({ messages: [user("hi")] });
    assert.equal(text(answer), "hello");
    assert.deepEqual(requests.map((r) => r.headers.get("authorization")), wanted);
    assert.equal(requests[0].url, "http://gateway.example/sluice.v1.ChatService/CreateChatCompletion");
  }
});

test("a stream yields its chunks as they come, in either protocol", async () => {
  const chunk = (content) =>
    toBinary(ChatCompletionChunkSchema, create(ChatCompletionChunkSchema, { choices: [{ delta: { content } }] }));
  for (const [protocol, contentType, end] of [
    ["connect", "application/connect+proto", frame(2, utf8("{}"))],
    ["grpc-web", "application/grpc-web+proto", frame(128, utf8("grpc-status: 0\r\n"))],
  ]) {
    let toClient;
    const body = new ReadableStream({ start: (controller) => (toClient = controller) });
    const { sluice, requests } = gatewayOf(() => new Response(body, { headers: { "content-type": contentType } }), {
      protocol,
    });
    const stream = sluice.chat.streamChatCompletion({ messages: [user("hi")] })[Symbol.asyncIterator]();
    for (const word of ["one ", "two"]) {
      const next = stream.next();
      toClient.enqueue(frame(0, chunk(word)));
      assert.equal(chunkText((await next).value), word); // before the next one was sent
    }
    toClient.enqueue(end);
    toClient.close();
    assert.equal((await stream.next()).done, true);
    assert.match(requests[0].headers.get("content-type"), new RegExp(`^${contentType.replace("+", "\\+")}`));
  }
});

test("reason and detail read the gateway's detail", async () => {
  const value = Buffer.from(
    toBinary(
      ErrorDetailSchema,
      create(ErrorDetailSchema, { reason: ErrorReason.MODEL_NOT_FOUND, httpStatus: 404, requestId: "req-1" }),
    ),
  ).toString("base64").replace(/=+$/, "");
  const body = { code: "not_found", message: "no such model", details: [{ type: "sluice.v1.ErrorDetail", value }] };
  const { sluice } = gatewayOf(() => Response.json(body, { status: 404 }));
  const error = await sluice.models.getModel({ model: "x" }).catch((e) => e);
  assert.equal(reason(error), ErrorReason.MODEL_NOT_FOUND);
  assert.equal(detail(error).httpStatus, 404);
  assert.equal(detail(error).requestId, "req-1");
});

test("an error that the gateway did not answer with has no reason", () => {
  for (const error of [undefined, new Error("x"), new ConnectError("x", Code.Unavailable)]) {
    assert.equal(reason(error), ErrorReason.UNSPECIFIED);
    assert.equal(detail(error), undefined);
  }
});

test("messages and tools are what the contract says", () => {
  assert.equal(system("a").message.case, "system");
  assert.equal(assistant("b").message.value.content.value, "b");
  const result = toolResult("call-1", "sunny").message;
  assert.deepEqual([result.case, result.value.toolCallId], ["tool", "call-1"]);
  for (const schema of [{ z: 1, a: 2 }, '{"z":1,"a":2}']) {
    const tool = functionTool("f", "does f", schema).tool.value.function;
    assert.equal(new TextDecoder().decode(tool.parameters), '{"z":1,"a":2}');
  }
  assert.equal(functionTool("f", "does f").tool.value.function.parameters.length, 0);
});

test("the text of an answer without choices is empty", () => {
  assert.equal(text(create(ChatCompletionSchema)), "");
  assert.equal(chunkText(create(ChatCompletionChunkSchema)), "");
});
