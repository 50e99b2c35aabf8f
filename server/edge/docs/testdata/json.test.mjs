import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./load.mjs";

const { pretty } = await load("json.js");

const cases = [
  ["digits stay", '{"n":9007199254740993,"f":1.0,"e":1e3}', '{\n  "n": 9007199254740993,\n  "f": 1.0,\n  "e": 1e3\n}'],
  ["plain lists stay on a line", '{"v":[0.1, 2,null]}', '{\n  "v": [0.1, 2, null]\n}'],
  ["lists of objects do not", '[{"a":[]},{}]', '[\n  {\n    "a": []\n  },\n  {}\n]'],
  ["brackets in texts", '{"a":"{[,:\\"]}"}', '{\n  "a": "{[,:\\"]}"\n}'],
  ["escapes stay", '["\\u00e9\\n"]', '["\\u00e9\\n"]'],
  ["a plain value", " true ", "true"],
  ["what is no JSON", "<html>", "<html>"],
];

for (const [name, text, want] of cases) test(name, () => assert.equal(pretty(text), want));
