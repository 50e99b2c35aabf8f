// A headless Chromium, one for all tests of a file.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

export function launch() {
  if (!existsSync(executablePath)) {
    throw new Error(`there is no browser at ${executablePath}: run tests/setup.sh, or set CHROMIUM`);
  }
  return chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** An address from the environment; the Go test beside this file sets them all. */
export function address(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: these tests are run by tests/run.sh`);
  }
  return value;
}
