/**
 * The browser client of a Sluice gateway: typed stubs over Connect or gRPC-Web, and
 * the few lines that every caller would write. The generated messages, schemas and
 * services are exported from here too.
 *
 * @module
 */

export { createSluice } from "./client.js";
export type { Sluice, SluiceOptions } from "./client.js";
export { detail, reason } from "./error.js";
export {
  assistant,
  chunkText,
  developer,
  functionTool,
  system,
  text,
  toolResult,
  user,
} from "./message.js";

export * from "./gen/chat_pb.js";
export * from "./gen/chat_message_pb.js";
export * from "./gen/chat_tool_pb.js";
export * from "./gen/embeddings_pb.js";
export * from "./gen/error_pb.js";
export * from "./gen/models_pb.js";
export * from "./gen/usage_pb.js";
