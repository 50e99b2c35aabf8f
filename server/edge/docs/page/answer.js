import { el, fold } from "./dom.js";
import { pretty } from "./json.js";
import { events } from "./sse.js";

// show sends a request and draws its answer into output as it arrives. It never
// throws: a failure is drawn too.
export async function show(output, send) {
  const begun = performance.now();
  const elapsed = () => `${Math.round(performance.now() - begun)} ms`;
  const line = el("p", { class: "line" }, el("span", { class: "muted" }, "Sending…"));
  output.replaceChildren(line);
  try {
    const response = await send();
    const headTime = elapsed();
    line.replaceChildren(el("span", { class: `status ${response.ok ? "ok" : "bad"}` }, `${response.status}`), ` ${response.statusText} `);
    const time = el("span", { class: "muted" }, `${headTime} to the head`);
    line.append(time);
    const reason = response.headers.get("x-sluice-error-reason");
    if (reason) line.append(" ", el("a", { href: "#errors", class: "tag" }, reason));
    output.append(headers(response.headers));
    if ((response.headers.get("content-type") ?? "").startsWith("text/event-stream")) await stream(output, response.body);
    else output.append(el("pre", { class: "body", tabindex: "0", "aria-label": "Answer" }, pretty(await response.text())));
    time.textContent = `${headTime} to the head, ${elapsed()} in all`;
  } catch (error) {
    const text = error.name === "AbortError" ? `Stopped after ${elapsed()}` : `No answer: ${error.message}`;
    output.append(el("p", { class: "notice", role: "alert" }, text));
    if (line.textContent === "Sending…") line.remove();
  }
}

function headers(list) {
  const names = [...list].map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return fold(`Headers (${[...list].length})`, () => el("dl", { class: "headers" }, names));
}

async function stream(output, body) {
  const spoken = el("div", { class: "spoken", tabindex: "0", "aria-label": "Streamed answer" });
  const notes = el("p", { class: "muted" }, "Waiting for the first event…");
  const raw = el("pre", { class: "body", tabindex: "0", "aria-label": "Events" });
  const count = el("span", {}, "Events (0)");
  output.append(spoken, notes, el("details", {}, el("summary", {}, count), raw));
  const parts = new Map();
  const say = (kind, text) => {
    if (!text) return;
    if (!parts.has(kind)) {
      const part = el("div", { class: "part" }, kind !== "content" && el("span", { class: "tag" }, kind), el("span", {}));
      parts.set(kind, part.lastChild);
      spoken.append(part);
    }
    parts.get(kind).append(text);
    spoken.scrollTop = spoken.scrollHeight;
  };
  let number = 0;
  let ended = false;
  const facts = new Map();
  for await (const event of events(body)) {
    if (event.comment !== undefined) {
      raw.append(`: ${event.comment}\n\n`);
      continue;
    }
    count.textContent = `Events (${++number})`;
    raw.append(`${event.event ? `event: ${event.event}\n` : ""}data: ${event.data}\n\n`);
    if (event.data === "[DONE]") {
      ended = true;
      continue;
    }
    let chunk;
    try {
      chunk = JSON.parse(event.data);
    } catch {
      continue; // shown above as it came
    }
    if (chunk?.error) {
      ended = true;
      output.append(el("p", { class: "notice", role: "alert" }, `The stream broke: ${chunk.error.message ?? "error"}`));
    }
    for (const choice of chunk?.choices ?? []) read(choice, say, facts);
    if (chunk?.usage) facts.set("usage", `${chunk.usage.prompt_tokens} tokens in, ${chunk.usage.completion_tokens} out`);
    notes.textContent = [...facts.values()].join(" · ") || "Streaming…";
  }
  notes.textContent = [...facts.values()].join(" · ");
  if (!ended) output.append(el("p", { class: "notice", role: "alert" }, "The stream ended without [DONE]."));
}

// read says what one chunk adds to one choice.
function read(choice, say, facts) {
  const prefix = choice.index ? `choice ${choice.index} ` : "";
  const delta = choice.delta ?? {};
  say(`${prefix}reasoning`, delta.reasoning_content);
  say(`${prefix}content`, delta.content);
  say(`${prefix}refusal`, delta.refusal);
  for (const call of delta.tool_calls ?? []) {
    const kind = `${prefix}tool call ${call.index ?? 0}`;
    if (call.function?.name ?? call.custom?.name) say(kind, ` ${call.function?.name ?? call.custom?.name} `);
    say(kind, call.function?.arguments ?? call.custom?.input);
  }
  if (choice.finish_reason) facts.set(`${prefix}finish`, `${prefix}finish_reason: ${choice.finish_reason}`);
}
