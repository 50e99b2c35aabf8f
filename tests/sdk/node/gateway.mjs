// Clients of the gateways that the Go test beside this folder starts. See tests/run.sh.

import OpenAI from "openai";

function address(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: these tests are run by tests/run.sh`);
  }
  return value;
}

/** A gateway on its built-in default: the sandbox alone. */
export const baseURL = `${address("SLUICE_URL")}/v1`;
/** A gateway with routes for OpenAI's model names and a fake OpenAI behind it. */
export const routedURL = `${address("SLUICE_ROUTED_URL")}/v1`;
/** The fake OpenAI itself, which tells what reached it. */
export const upstreamURL = address("FAKE_OPENAI_URL");
/** An address that refuses connections. */
export const deadURL = `${address("DEAD_URL")}/v1`;

const options = { apiKey: "anything", maxRetries: 0, timeout: 30_000 };

export const sandbox = new OpenAI({ ...options, baseURL });
export const client = new OpenAI({ ...options, baseURL: routedURL });

export const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Get current weather for a location",
    parameters: {
      type: "object",
      properties: { location: { type: "string", description: "City name" } },
      required: ["location"],
    },
  },
};
