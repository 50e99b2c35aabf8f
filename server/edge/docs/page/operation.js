import { el, fold, inline, prose } from "./dom.js";
import { tree, types } from "./schema.js";
import { panel } from "./try.js";

const lookUp = (document, value) =>
  value.$ref ? value.$ref.split("/").slice(1).reduce((at, key) => at[key], document) : value;

// operations lists what the document describes, in its order.
export function operations(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, ...operation })));
}

// section is one operation: what it does, takes and answers, and a panel to try it.
export function section(document, operation, key) {
  const { path, method, operationId } = operation;
  const body = operation.requestBody?.content["application/json"];
  return el("section", { class: "operation", id: operationId, "aria-labelledby": `${operationId}-title` },
    el("div", { class: "reading" },
      el("h3", { id: `${operationId}-title` }, operation.summary),
      el("p", { class: "route" }, el("span", { class: `method ${method}` }, method), el("code", {}, path)),
      prose(operation.description),
      operation.parameters && parameters(operation.parameters),
      body && [el("h4", {}, "Request"), tree(body.schema)],
      el("h4", {}, "Answers"),
      Object.entries(operation.responses).filter(([code]) => code === "200").map(([, response]) => success(document, lookUp(document, response))),
      fold("Errors", () => errors(document, operation.responses), { class: "answer" })),
    panel(operation, body?.examples ?? {}, key));
}

function parameters(list) {
  return [
    el("h4", {}, "Parameters"),
    el("ul", { class: "members" }, list.map((each) =>
      el("li", {},
        el("span", { class: "head" },
          el("span", { class: "name" }, each.name),
          types(each.schema),
          el("span", { class: "limit" }, `in ${each.in}`),
          each.required && el("span", { class: "badge" }, "required")),
        each.description && el("div", { class: "text" }, inline(each.description))))),
  ];
}

function success(document, response) {
  return [
    ...Object.entries(response.content).map(([type, { schema }]) =>
      fold([el("span", { class: "status ok" }, "200"), " ", el("code", {}, type)], () => [prose(schema.description), tree(schema)], { class: "answer" })),
    headers(document, response.headers),
  ];
}

function headers(document, list = {}) {
  return fold("Response headers", () => el("ul", { class: "members" }, Object.entries(list).map(([name, header]) => {
    const { description, schema } = lookUp(document, header);
    return el("li", {},
      el("span", { class: "head" }, el("span", { class: "name" }, name), types(schema)),
      description && el("div", { class: "text" }, inline(description)));
  })), { class: "answer" });
}

function errors(document, responses) {
  const failed = Object.entries(responses).filter(([code]) => code !== "200").map(([code, each]) => [code, lookUp(document, each)]);
  return [
    el("dl", { class: "errors" }, failed.map(([code, each]) => [el("dt", {}, el("span", { class: "status" }, code)), el("dd", {}, inline(each.description))])),
    tree(failed[0][1].content["application/json"].schema),
    headers(document, failed[0][1].headers),
  ];
}
