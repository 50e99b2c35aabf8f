import { el } from "./dom.js";
import { show } from "./answer.js";

// panel is the form that sends one operation. key returns the key typed so far.
export function panel(operation, examples, key) {
  const { path, method, operationId } = operation;
  const inPath = (operation.parameters ?? []).filter((each) => each.in === "path");
  const inputs = new Map(inPath.map((each) => [each.name, el("input", { id: `${operationId}-${each.name}`, value: each.example ?? "", required: true, spellcheck: "false", autocomplete: "off" })]));
  const names = Object.keys(examples);
  const editor = operation.requestBody && el("textarea", { id: `${operationId}-body`, spellcheck: "false", autocomplete: "off", rows: "14" });
  const fill = (name) => {
    if (editor && name) editor.value = JSON.stringify(examples[name].value, null, 2);
  };
  fill(names[0]);

  const send = el("button", { type: "submit" }, "Send");
  const stop = el("button", { type: "button", class: "quiet", disabled: true }, "Stop");
  const copy = el("button", { type: "button", class: "quiet" }, "Copy as curl");
  const output = el("div", { class: "output", "aria-live": "polite", "aria-busy": "false" });
  let running = null;

  const request = () => {
    const url = new URL(target(path, inputs), document.baseURI);
    const headers = { accept: "application/json, text/event-stream" };
    if (key()) headers.authorization = `Bearer ${key()}`;
    if (editor) headers["content-type"] = "application/json";
    return { url, options: { method: method.toUpperCase(), headers, body: editor?.value } };
  };

  const submit = async (event) => {
    event.preventDefault();
    if (running) return; // one at a time: the output belongs to one call
    running = new AbortController();
    send.disabled = true;
    stop.disabled = false;
    output.setAttribute("aria-busy", "true");
    const { url, options } = request();
    // Cookies of this origin are nobody's business here: the key alone says who calls.
    await show(output, () => fetch(url, { ...options, signal: running.signal, credentials: "omit", cache: "no-store" }));
    running = null;
    output.setAttribute("aria-busy", "false");
    send.disabled = false;
    stop.disabled = true;
  };

  stop.addEventListener("click", () => running?.abort());
  copy.addEventListener("click", async () => {
    const text = curl(request(), Boolean(key()));
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      output.replaceChildren(el("pre", {}, text)); // no clipboard outside of secure contexts
    }
    setTimeout(() => (copy.textContent = "Copy as curl"), 1500);
  });

  const form = el("form", { onsubmit: submit },
    [...inputs].map(([name, input]) => el("label", { for: input.id }, name, input)),
    names.length > 1 && el("label", {}, "Example",
      el("select", { onchange: (event) => fill(event.target.value) }, names.map((name) => el("option", { value: name }, examples[name].summary ?? name)))),
    editor && el("label", { for: editor.id }, "Body", editor),
    el("div", { class: "buttons" }, send, stop, copy, editor && el("span", { class: "muted hint" }, "Ctrl + Enter sends")));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  return el("aside", { class: "try", "aria-label": `Try: ${operation.summary}` }, el("h4", {}, "Try it"), form, output);
}

// target is the path with its parameters, relative, so that a prefix in front of
// Sluice stays.
function target(path, inputs) {
  return path.slice(1).replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(inputs.get(name).value));
}

// curl is the command for a shell; the key is named, never written.
function curl({ url, options }, withKey) {
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const parts = [`curl ${quote(String(url))}`];
  if (options.method !== "GET") parts[0] += ` -X ${options.method}`;
  if (withKey) parts.push('-H "Authorization: Bearer $SLUICE_API_KEY"');
  if (options.body !== undefined) parts.push("-H 'Content-Type: application/json'", `-d ${quote(options.body)}`);
  return parts.join(" \\\n  ");
}
