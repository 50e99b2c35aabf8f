import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./load.mjs";

const { events } = await load("sse.js");

// read sends the text in pieces of the given number of bytes.
async function read(text, size) {
  const bytes = new TextEncoder().encode(text);
  const body = new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
  const out = [];
  for await (const event of events(body)) out.push(event);
  return out;
}

// The rules are those of the HTML standard, "Server-sent events".
const cases = [
  ["LF", "data: a\n\ndata: b\n\n", [{ event: "", data: "a" }, { event: "", data: "b" }]],
  ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", [{ event: "", data: "a" }, { event: "", data: "b" }]],
  ["CR", "data: a\r\rdata: b\r\r", [{ event: "", data: "a" }, { event: "", data: "b" }]],
  ["no space, two spaces", "data:a\n\ndata:  b\n\n", [{ event: "", data: "a" }, { event: "", data: " b" }]],
  ["several data lines", "data: a\ndata: b\n\n", [{ event: "", data: "a\nb" }]],
  ["comments and names", ": hi\n\nevent: done\ndata: {}\n\n", [{ comment: "hi" }, { event: "done", data: "{}" }]],
  ["a name without data is no event", "event: x\n\ndata: a\n\n", [{ event: "", data: "a" }]],
  ["a byte order mark", "\uFEFFdata: a\n\n", [{ event: "", data: "a" }]],
  ["letters of several bytes", "data: größe 🌊\n\n", [{ event: "", data: "größe 🌊" }]],
  ["an unfinished event is dropped", "data: a\n\ndata: b\n", [{ event: "", data: "a" }]],
  ["a field without colon", "data\n\n", [{ event: "", data: "" }]],
];

for (const [name, text, want] of cases) {
  for (const size of [1, 2, 3, 7, 1000]) {
    test(`${name}, in pieces of ${size}`, async () => assert.deepEqual(await read(text, size), want));
  }
}

test("leaving the loop cancels the body", async () => {
  let canceled = false;
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("data: a\n\n")),
    cancel: () => { canceled = true; },
  });
  for await (const event of events(body)) {
    assert.equal(event.data, "a");
    break;
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(canceled);
});
