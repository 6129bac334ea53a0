//! An endpoint on loopback: it keeps what arrives and answers what the test says.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  headers: Record<string, string | string[] | undefined>;
  method: string;
  body: string;
}

export class Receiver {
  readonly received: Received[] = [];
  /** What is answered from now on. */
  answer: { status: number; body?: string; headers?: Record<string, string> } = { status: 200, body: '{"ok":true}' };
  url = "";
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", chunk => chunks.push(chunk));
      request.on("end", () => {
        this.received.push({
          headers: request.headers,
          method: request.method ?? "",
          body: Buffer.concat(chunks).toString(),
        });
        response.writeHead(this.answer.status, { "content-type": "application/json", ...this.answer.headers });
        response.end(this.answer.body ?? "");
      });
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    receiver.url = `http://127.0.0.1:${(receiver.#server.address() as AddressInfo).port}/hooks`;
    return receiver;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

/** A page of somebody else's: another origin, and another site than 127.0.0.1. */
export async function startPage(html: () => string): Promise<{ origin: string; stop: () => Promise<void> }> {
  const server = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end(html()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
