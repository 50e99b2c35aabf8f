// The documentation that the binary serves at /docs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { address, launch } from "./chromium.mjs";

const gateway = address("SLUICE_URL");

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

// Opens the page and returns it with what went wrong so far, kept up to date.
async function open(t) {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => message.type() === "error" && wrong.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`script: ${error}`));
  page.on("requestfailed", (request) => wrong.push(`request failed: ${request.url()}`));
  page.on("response", (response) => response.status() >= 400 && wrong.push(`${response.status()}: ${response.url()}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== gateway) wrong.push(`request to another origin: ${request.url()}`);
  });
  await page.goto(`${gateway}/docs`, { waitUntil: "networkidle" });
  return { page, wrong };
}

test("the page shows every operation of the document, and nothing goes wrong", async (t) => {
  const { page, wrong } = await open(t);
  const openapi = await (await fetch(`${gateway}/openapi.json`)).json();
  const ids = Object.values(openapi.paths).flatMap((path) => Object.values(path).map((operation) => operation.operationId));
  assert.ok(ids.length >= 4, `the document has ${ids.length} operations`);
  for (const id of ids) {
    assert.equal(await page.locator(`section#${id}`).count(), 1, `${id} is not on the page`);
  }
  // Folded parts are built when they are opened.
  await page.evaluate(() => document.querySelectorAll("details").forEach((each) => (each.open = true)));
  await page.waitForFunction(() => document.querySelectorAll("details[open] > *:not(summary)").length > 0);
  assert.deepEqual(wrong, []);
});

async function operationOf(path, method) {
  const openapi = await (await fetch(`${gateway}/openapi.json`)).json();
  return openapi.paths[path][method].operationId;
}

async function tryIt(page, id, body) {
  const panel = page.locator(`section#${id} form`);
  if (body) {
    await panel.locator("textarea").fill(JSON.stringify(body));
  }
  await panel.getByRole("button", { name: "Send" }).click();
  const output = page.locator(`section#${id} .output`);
  await output.locator(".status").waitFor();
  await page.waitForFunction((of) => document.querySelector(`section#${of} .output`).getAttribute("aria-busy") === "false", id);
  return output;
}

test("every example of the page answers with 200 when it is tried", async (t) => {
  const { page, wrong } = await open(t);
  const openapi = await (await fetch(`${gateway}/openapi.json`)).json();
  let tried = 0;
  for (const path of Object.values(openapi.paths)) {
    for (const { operationId, requestBody } of Object.values(path)) {
      const examples = Object.values(requestBody?.content["application/json"].examples ?? {});
      for (const body of examples.length ? examples.map((example) => example.value) : [undefined]) {
        const output = await tryIt(page, operationId, body);
        assert.equal(await output.locator(".status").first().textContent(), "200", `${operationId} ${JSON.stringify(body)}`);
        assert.equal(await output.getByRole("alert").count(), 0, `${operationId} ${JSON.stringify(body)}`);
        tried++;
      }
    }
  }
  assert.ok(tried >= 4, `${tried} examples`);
  assert.deepEqual(wrong, []);
});

test("a streamed answer is shown as it comes", async (t) => {
  const { page, wrong } = await open(t);
  const id = await operationOf("/v1/chat/completions", "post");
  const messages = [{ role: "user", content: "Hello from the documentation" }];
  const output = await tryIt(page, id, { model: "sandbox/echo", stream: true, messages });
  assert.equal(await output.locator(".spoken").textContent(), "Hello from the documentation");
  assert.deepEqual(wrong, []);
});

test("a refusal is shown with its reason", async (t) => {
  const { page } = await open(t);
  const id = await operationOf("/v1/chat/completions", "post");
  const output = await tryIt(page, id, { model: "nobody/knows", messages: [{ role: "user", content: "hi" }] });
  assert.equal(await output.locator(".status").first().textContent(), "404");
  assert.match(await output.textContent(), /model_not_found/);
});
