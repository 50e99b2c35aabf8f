import { create } from "@bufbuild/protobuf";

import type { ChatCompletion, ChatCompletionChunk } from "./gen/chat_pb.js";
import type { ChatMessage } from "./gen/chat_message_pb.js";
import { ChatMessageSchema } from "./gen/chat_message_pb.js";
import type { Tool } from "./gen/chat_tool_pb.js";
import { ToolSchema } from "./gen/chat_tool_pb.js";

/** A system message. */
export const system = (text: string): ChatMessage => message("system", text);

/** A developer message, which newer models take instead of a system message. */
export const developer = (text: string): ChatMessage => message("developer", text);

/** A user message. */
export const user = (text: string): ChatMessage => message("user", text);

/** An earlier answer. */
export const assistant = (text: string): ChatMessage => message("assistant", text);

/** The result of the tool call with this id. */
export function toolResult(toolCallId: string, result: string): ChatMessage {
  return create(ChatMessageSchema, {
    message: { case: "tool", value: { toolCallId, content: { case: "text", value: result } } },
  });
}

/**
 * A tool that the model may call. `parameters` is the JSON Schema of its arguments,
 * an object or JSON text, whose key order is kept; absent means no arguments.
 */
export function functionTool(name: string, description: string, parameters?: object | string): Tool {
  const json = typeof parameters === "object" ? JSON.stringify(parameters) : (parameters ?? "");
  return create(ToolSchema, {
    tool: {
      case: "function",
      value: { function: { name, description, parameters: new TextEncoder().encode(json) } },
    },
  });
}

/** The text of the answer's first choice, "" when it has none. */
export function text(answer: ChatCompletion): string {
  return answer.choices[0]?.message?.content ?? "";
}

/** The text that the chunk adds to the first choice, "" when it adds none. */
export function chunkText(chunk: ChatCompletionChunk): string {
  return chunk.choices
    .filter((choice) => choice.index === 0n)
    .map((choice) => choice.delta?.content ?? "")
    .join("");
}

function message(role: "system" | "developer" | "user" | "assistant", text: string): ChatMessage {
  return create(ChatMessageSchema, { message: { case: role, value: { content: { case: "text", value: text } } } });
}
