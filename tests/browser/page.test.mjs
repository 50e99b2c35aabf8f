// The example of @sluice-ai/web, on a page of another origin than the gateway's.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { address, launch } from "./chromium.mjs";

const gateway = address("SLUICE_URL");
const pageURL = address("PAGE_URL");
const strangerURL = address("STRANGER_URL");

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function open(t, at, fields) {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`${at}/?${new URLSearchParams({ gateway, ...fields })}`);
  // Keeps every text that the answer had, in order.
  await page.evaluate(() => {
    const answer = document.querySelector("#answer");
    window.texts = [];
    new MutationObserver(() => window.texts.push(answer.textContent)).observe(answer, { childList: true });
  });
  return page;
}

// Sends the form and returns how it ended: "done", "failed" or "stopped".
async function send(page) {
  await page.click("#send");
  const ended = await page.waitForSelector("#form[data-state]");
  return ended.getAttribute("data-state");
}

async function askREST(model, prompt) {
  const response = await fetch(`${gateway}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: prompt }] }),
  });
  return response.json();
}

for (const protocol of ["connect", "grpc-web"]) {
  test(`${protocol}: tokens stream in and end as the answer that REST gives`, async (t) => {
    const [model, prompt] = ["sandbox/slow-300ms", "Grüße from a browser 👋"];
    const page = await open(t, pageURL, { protocol, model });
    assert.notEqual(new URL(page.url()).origin, gateway);
    await page.fill("[name=prompt]", prompt);
    await page.fill("[name=key]", "anything"); // so that the preflight has to allow the header
    assert.equal(await send(page), "done");

    const rest = await askREST(model, prompt);
    assert.equal(await page.textContent("#answer"), rest.choices[0].message.content);
    const { usage } = rest;
    const counted = `${usage.prompt_tokens} tokens in, ${usage.completion_tokens} out`;
    assert.ok((await page.textContent("#status")).endsWith(counted));

    const texts = (await page.evaluate(() => window.texts)).filter(Boolean);
    assert.ok(texts.length >= 5, `the text grew in ${texts.length} steps`);
    for (let i = 1; i < texts.length; i++) {
      assert.ok(texts[i].startsWith(texts[i - 1]), `step ${i}: ${texts[i]} does not continue ${texts[i - 1]}`);
    }
  });

  test(`${protocol}: an error shows its reason`, async (t) => {
    for (const [model, reason] of [
      ["sandbox/error-429", "UPSTREAM_RATE_LIMITED: "],
      ["nobody/knows", "MODEL_NOT_FOUND: "],
    ]) {
      const page = await open(t, pageURL, { protocol, model });
      assert.equal(await send(page), "failed");
      const status = await page.textContent("#status");
      assert.ok(status.startsWith(reason) && status.length > reason.length, status);
      assert.equal(await page.textContent("#answer"), "");
    }
  });

  test(`${protocol}: a stream that breaks keeps what came and shows the reason`, async (t) => {
    const page = await open(t, pageURL, { protocol, model: "sandbox/cut-stream" });
    assert.equal(await send(page), "failed");
    assert.match(await page.textContent("#status"), /^UPSTREAM_PROTOCOL: /);
    assert.notEqual(await page.textContent("#answer"), "");
  });

  test(`${protocol}: stop ends a stream`, async (t) => {
    const page = await open(t, pageURL, { protocol, model: "sandbox/hang-mid-stream" });
    await page.click("#send");
    await page.waitForFunction(() => window.texts.at(-1)?.length > 0);
    await page.click("#stop");
    await page.waitForSelector("#form[data-state=stopped]");
  });

  test(`${protocol}: a page of an unknown origin may not call`, async (t) => {
    const page = await open(t, strangerURL, { protocol });
    assert.equal(await send(page), "failed");
    assert.equal(await page.textContent("#answer"), "");
  });
}

// Such a request needs no preflight, so the browser does send it.
test("REST: a page of an unknown origin cannot make a call without reading its answer", async (t) => {
  const page = await open(t, strangerURL, {});
  const answered = page.waitForResponse(`${gateway}/v1/chat/completions`);
  await page.evaluate(async (url) => {
    const body = JSON.stringify({ model: "sandbox/chat", messages: [{ role: "user", content: "hi" }] });
    await fetch(url, { method: "POST", mode: "no-cors", body: new TextEncoder().encode(body) });
  }, `${gateway}/v1/chat/completions`);
  assert.equal((await answered).status(), 403);
});

test("REST can be called and its headers read from a page", async (t) => {
  const page = await open(t, pageURL, {});
  const seen = await page.evaluate(async (url) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer anything", "x-stainless-lang": "js" },
      body: JSON.stringify({ model: "sandbox/error-429", messages: [{ role: "user", content: "hi" }] }),
    });
    return {
      status: response.status,
      code: (await response.json()).error.code,
      requestId: response.headers.get("x-request-id"),
      retryAfter: response.headers.get("retry-after"),
    };
  }, `${gateway}/v1/chat/completions`);
  assert.equal(seen.status, 429);
  assert.equal(seen.code, "rate_limit_exceeded");
  assert.ok(seen.requestId);
  assert.equal(seen.retryAfter, "1");
});
