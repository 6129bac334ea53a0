// HTTP calls without opinions, and the few calls that every test file makes.

import assert from 'node:assert/strict';

import { until, within } from './until.js';

let tenants = 0;

/** Somebody who calls the server: a base URL, and headers that go with each call. */
export class Caller {
  #url;
  #headers;

  constructor(url, headers) {
    this.#url = url;
    this.#headers = headers;
  }

  /** The same caller with more headers. */
  with(headers) {
    return new Caller(this.#url, { ...this.#headers, ...headers });
  }

  /** The same caller, acting on one tenant's webhooks and events. */
  tenant(id) {
    return this.with({ 'frontegg-tenant-id': id });
  }

  /** The same caller, acting on a tenant that nobody used before. */
  newTenant() {
    tenants += 1;
    return this.tenant(`tenant-${tenants}`);
  }

  /** The tenant that it acts on. */
  get tenantId() {
    return this.#headers['frontegg-tenant-id'];
  }

  /** The same caller, acting on the environment's own webhooks. */
  environment(id) {
    return this.with({ 'frontegg-environment-id': id });
  }

  /** The token that it shows. */
  get token() {
    return this.#headers.authorization.replace('Bearer ', '');
  }

  get(path) { return this.call('GET', path); }
  post(path, body) { return this.call('POST', path, body); }
  put(path, body) { return this.call('PUT', path, body); }
  patch(path, body) { return this.call('PATCH', path, body); }
  delete(path) { return this.call('DELETE', path); }

  /**
   * A string is sent as it is: then the test decides about each byte. Anything else is sent as JSON. Redirects are not followed.
   *
   * @returns {Promise<{status: number, headers: Headers, text: string, json: any}>} `json` is undefined where the text is none.
   */
  async call(method, path, body) {
    const response = await within(`${method} ${path}`, fetch(this.#url + path, {
      method,
      redirect: 'manual',
      headers: { 'content-type': 'application/json', ...this.#headers },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    }));
    const text = await within(`the answer's body of ${method} ${path}`, response.text());
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, json };
  }

  /** Makes a webhook through Frontegg's API, in the scope that the caller's headers select. */
  async webhook(fields) {
    const answer = await this.post('/webhook/custom', {
      displayName: 'test', description: 'made by a test', secret: null, isActive: true, ...fields,
    });
    assert.equal(answer.status, 201, answer.text);
    return answer.json;
  }

  /** Reports an event through the native API. `event` may be JSON text. */
  async event(event) {
    const answer = await this.post('/api/v1/events', event);
    assert.equal(answer.status, 202, answer.text);
    return answer.json;
  }

  /** The newest rows of a webhook's log, once there are `count` of them; more than that is an error. */
  async log(webhook, count) {
    return until(`${count} rows in the log of ${webhook._id}`, async () => {
      const answer = await this.get(`/webhook/logs/?id=${webhook._id}&offset=0&limit=100`);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.count, count);
      return answer.json.rows;
    });
  }
}
