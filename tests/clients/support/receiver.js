// A receiver on loopback, as people write them: it keeps what arrives, byte for byte, and answers what the test says.

import { EventEmitter, once } from 'node:events';
import http from 'node:http';

import { PATIENCE_MS } from './until.js';

/** The answer of an endpoint that takes a request and never says anything. */
export const SILENCE = Symbol('silence');

/** @returns {Promise<Receiver>} */
export async function startReceiver() {
  const receiver = new Receiver();
  await receiver.listen();
  return receiver;
}

class Receiver {
  #endpoints = new Map();
  #server = http.createServer((request, response) => this.#take(request, response));
  #made = 0;

  /** Requests for no endpoint: there should be none. */
  strays = [];

  async listen() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
  }

  /**
   * A URL of its own with the answers that it gives: the last one stays. An answer is a status code; or `{status, headers, body}`;
   * or `SILENCE`; or a function of the request that returns one of these, later perhaps.
   */
  endpoint(...answers) {
    this.#made += 1;
    const path = `/endpoint-${this.#made}`;
    const endpoint = new Endpoint(this.url + path, answers.length ? answers : [200]);
    this.#endpoints.set(path, endpoint);
    return endpoint;
  }

  async #take(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    const received = {
      method: request.method,
      path: request.url,
      headers: request.headers,
      /** The body's bytes. */
      raw,
      /** The body's text. */
      text: raw.toString('utf8'),
      get json() { return JSON.parse(this.text); },
    };
    const endpoint = this.#endpoints.get(request.url);
    if (!endpoint) {
      this.strays.push(received);
      response.writeHead(404).end();
      return;
    }
    const answer = await endpoint.take(received);
    if (answer === SILENCE) return;
    const { status, headers = {}, body = '' } = typeof answer === 'number' ? { status: answer } : answer;
    response.writeHead(status, headers).end(body);
  }

  async close() {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

class Endpoint extends EventEmitter {
  /** Each request that arrived, in order. */
  requests = [];
  #answers;

  constructor(url, answers) {
    super();
    this.url = url;
    this.#answers = answers;
  }

  async take(received) {
    const position = this.requests.push(received) - 1;
    const answer = this.#answers[Math.min(position, this.#answers.length - 1)];
    this.emit('request');
    return typeof answer === 'function' ? answer(received) : answer;
  }

  /** The first `count` requests, once they are there. */
  async arrived(count = 1) {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    while (this.requests.length < count) {
      try {
        await once(this, 'request', { signal: deadline });
      } catch (cause) {
        throw new Error(`${this.requests.length} of ${count} requests arrived within ${PATIENCE_MS} ms`, { cause });
      }
    }
    return this.requests.slice(0, count);
  }
}
