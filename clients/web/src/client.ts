import type { Client, Interceptor, Transport } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

import { ChatService } from "./gen/chat_pb.js";
import { EmbeddingsService } from "./gen/embeddings_pb.js";
import { ModelsService } from "./gen/models_pb.js";

export interface SluiceOptions {
  /** The gateway's HTTP address, as "https://llm.example.com". No path. */
  baseUrl: string;
  /**
   * Sent with every call as "Authorization: Bearer <key>". A function is asked before
   * each call, for keys that expire. Absent or empty: nothing is sent.
   *
   * Whoever opens the page can read it: give browsers short-lived keys of one user, never
   * a team's.
   */
  apiKey?: string | (() => string | Promise<string>);
  /** Absent: "connect". "grpc-web" is for proxies that know nothing else. */
  protocol?: "connect" | "grpc-web";
  /** Called around every call, the first one outermost, all of them inside the key's. */
  interceptors?: Interceptor[];
  /** Absent: the global fetch. */
  fetch?: typeof globalThis.fetch;
}

/** The services of a gateway. Holds no connection and needs no closing. */
export interface Sluice {
  readonly chat: Client<typeof ChatService>;
  readonly embeddings: Client<typeof EmbeddingsService>;
  readonly models: Client<typeof ModelsService>;
  /** For services of other packages: `createClient(Service, sluice.transport)`. */
  readonly transport: Transport;
}

/** Returns the services of the gateway at `options.baseUrl`. Nothing is sent yet. */
export function createSluice(options: SluiceOptions): Sluice {
  const create = options.protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
  const transport = create({
    baseUrl: options.baseUrl,
    interceptors: [bearer(options.apiKey), ...(options.interceptors ?? [])],
    useBinaryFormat: true,
    ...(options.fetch && { fetch: options.fetch }),
  });
  return {
    chat: createClient(ChatService, transport),
    embeddings: createClient(EmbeddingsService, transport),
    models: createClient(ModelsService, transport),
    transport,
  };
}

function bearer(apiKey: SluiceOptions["apiKey"]): Interceptor {
  return (next) => async (request) => {
    const key = typeof apiKey === "function" ? await apiKey() : apiKey;
    if (key) {
      request.header.set("Authorization", `Bearer ${key}`);
    }
    return next(request);
  };
}
