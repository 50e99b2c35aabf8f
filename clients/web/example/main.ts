// Streams an answer into the page. ?gateway=, ?protocol= and ?model= fill in the form.

import { ConnectError } from "@connectrpc/connect";

import { chunkText, createSluice, ErrorReason, reason, user } from "../src/index.js";

const form = document.querySelector<HTMLFormElement>("#form")!;
const send = document.querySelector<HTMLButtonElement>("#send")!;
const stop = document.querySelector<HTMLButtonElement>("#stop")!;
const answer = document.querySelector<HTMLElement>("#answer")!;
const status = document.querySelector<HTMLElement>("#status")!;

let running: AbortController | undefined;

async function ask(fields: FormData, signal: AbortSignal): Promise<void> {
  const value = (name: string) => String(fields.get(name) ?? "");
  const sluice = createSluice({
    baseUrl: value("gateway"),
    apiKey: value("key"),
    protocol: value("protocol") === "grpc-web" ? "grpc-web" : "connect",
  });
  const request = {
    model: value("model"),
    messages: [user(value("prompt"))],
    streamOptions: { includeUsage: true },
  };
  for await (const chunk of sluice.chat.streamChatCompletion(request, { signal })) {
    answer.append(chunkText(chunk));
    if (chunk.usage) {
      say(`${chunk.model}: ${chunk.usage.promptTokens} tokens in, ${chunk.usage.completionTokens} out`);
    }
  }
}

function setRunning(yes: boolean): void {
  send.disabled = yes;
  stop.disabled = !yes;
}

function say(text: string, failed = false): void {
  status.textContent = text;
  status.classList.toggle("failed", failed);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  running?.abort();
  const call = (running = new AbortController());
  answer.textContent = "";
  delete form.dataset["state"];
  say("…");
  setRunning(true);
  try {
    await ask(new FormData(form), call.signal);
    form.dataset["state"] = "done";
  } catch (error) {
    const why = reason(error);
    const name = why === ErrorReason.UNSPECIFIED ? "" : `${ErrorReason[why]}: `;
    say(call.signal.aborted ? "stopped" : name + ConnectError.from(error).rawMessage, !call.signal.aborted);
    form.dataset["state"] = call.signal.aborted ? "stopped" : "failed";
  } finally {
    setRunning(false);
  }
});

stop.addEventListener("click", () => running?.abort());

const gateway = form.querySelector<HTMLInputElement>("[name=gateway]")!;
gateway.value = "http://127.0.0.1:8080";
for (const [name, value] of new URLSearchParams(location.search)) {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement) {
    field.value = value;
  }
}
