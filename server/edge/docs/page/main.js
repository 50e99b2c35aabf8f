import { el, prose } from "./dom.js";
import { operations, section } from "./operation.js";
import { glossary, reasons, use } from "./schema.js";

const content = document.getElementById("content");
const keyInput = document.getElementById("key");

async function load() {
  const response = await fetch("openapi.json");
  if (!response.ok) throw new Error(`openapi.json: HTTP ${response.status}`);
  draw(await response.json());
  follow();
  addEventListener("hashchange", follow);
}

function draw(openapi) {
  use(openapi);
  document.title = `${openapi.info.title} API`;
  document.getElementById("title").textContent = openapi.info.title;
  const all = operations(openapi);
  const groups = openapi.tags.map((tag) => ({ tag, list: all.filter((each) => each.tags.includes(tag.name)) }));
  const reason = openapi.components.schemas.ErrorReason;

  content.replaceChildren(
    el("div", { class: "intro" },
      el("h1", {}, `${openapi.info.title} API`),
      prose(openapi.info.description),
      el("p", { class: "muted" }, `Version ${openapi.info.version} · ${openapi.info.license.name} · `, el("a", { href: "openapi.json" }, `OpenAPI ${openapi.openapi} document`))),
    ...groups.flatMap(({ tag, list }) => [
      el("div", { class: "group" }, el("h2", { id: `tag-${tag.name}` }, tag.name), prose(tag.description)),
      ...list.map((each) => section(openapi, each, () => keyInput.value.trim())),
    ]),
    el("section", { id: "errors", class: "wide" }, el("h2", {}, "Error reasons"), prose(reason.description), reasons(reason)),
    el("section", { id: "schemas", class: "wide" }, el("h2", {}, "Schemas"), glossary()),
  );

  const link = (target, ...text) => el("li", {}, el("a", { href: `#${target}` }, text));
  document.getElementById("nav").replaceChildren(
    ...groups.flatMap(({ tag, list }) => [
      el("h2", {}, tag.name),
      el("ul", {}, list.map((each) => link(each.operationId, el("span", { class: `method ${each.method}` }, each.method), each.summary))),
    ]),
    el("h2", {}, "Reference"),
    el("ul", {}, link("errors", "Error reasons"), link("schemas", "Schemas")),
  );
}

// follow opens what the address points at: it may not have been there, or closed.
function follow() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  target.unfold?.();
  target.scrollIntoView();
}

load().catch((error) => {
  content.replaceChildren(el("p", { class: "notice", role: "alert" }, `The document cannot be shown: ${error.message}. `, el("a", { href: "openapi.json" }, "openapi.json")));
});
