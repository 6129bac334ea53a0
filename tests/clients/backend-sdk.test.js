// `@frontegg/client`, the library in vendors' backends, in every major version that has events: nothing changes but the base URL.

import assert from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import { Caller } from './support/caller.js';
import { startReceiver } from './support/receiver.js';
import { startServer, VENDOR_ID, VENDOR_SECRET } from './support/server.js';
import { until } from './support/until.js';

const KEY = 'frontegg.user.created';

let server, receiver, vendor;
const sdk = {};

// Version 1 signs in anew after each refusal that its middleware passes on, and waits for nobody: the server is to outlive that.
const underWay = new Set();
subscribe('http.client.request.start', ({ request }) => {
  underWay.add(request);
  request.once('close', () => underWay.delete(request));
});

before(async () => {
  server = await startServer();
  receiver = await startReceiver();
  vendor = await server.vendor();

  // The libraries read these once, when they are loaded.
  process.env.FRONTEGG_API_GATEWAY_URL = server.url;
  process.env.FRONTEGG_AUTHENTICATOR_NUMBER_OF_TRIES = '1';
  // What they log about the failures that these tests cause would only confuse whoever reads the output.
  process.env.FRONTEGG_DEBUG_LEVEL = 'none';
  // Each keeps a timer to refresh its token hours from now, and not all can be told to stop: it must not keep this process alive.
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (...timer) => setTimeout(...timer).unref();
  sdk[5] = (await import('@frontegg/client')).default;
  sdk[2] = (await import('frontegg-client-2')).default;
  // Version 1 signs in at a path of its own, from before the documented one.
  process.env.FRONTEGG_AUTHENTICATION_SERVICE_URL = `${server.url}/auth/vendor`;
  sdk[1] = (await import('frontegg-client-1')).default;
});
after(async () => {
  try {
    await until('the libraries have nothing under way', () => underWay.size === 0);
    await server?.stop();
  } finally {
    await receiver?.close();
  }
});

async function signedIn(version) {
  const authenticator = new sdk[version].FronteggAuthenticator();
  await authenticator.init(VENDOR_ID, VENDOR_SECRET);
  return authenticator;
}

for (const version of [5, 2]) {
  test(`version ${version} sends an event and follows it to its end`, async () => {
    let answer;
    const answered = new Promise((resolve) => { answer = resolve; });
    const endpoint = receiver.endpoint(() => answered);
    const tenant = vendor.newTenant();
    await tenant.webhook({ url: endpoint.url, eventKeys: [KEY] });
    const authenticator = await signedIn(version);
    assert.ok(authenticator.accessTokenExpiry > Date.now(), 'the token has a life');

    const events = new sdk[version].EventsClient(authenticator);
    const data = { title: 'Hello', description: 'A user came', amount: 12.5, user: { id: 'u-1', name: 'Žofie' } };
    const eventId = await events.send(tenant.tenantId, { eventKey: KEY, data, channelConfiguration: { email: { subject: 'unused' } } });
    assert.equal(typeof eventId, 'string');

    const [request] = await endpoint.arrived();
    const { eventKey, eventContext, ...members } = request.json;
    assert.equal(eventKey, KEY);
    assert.equal(eventContext.tenantId, tenant.tenantId);
    assert.deepEqual(members, data);
    assert.equal(request.headers['webhook-id'], eventId);

    const pending = { eventKey: KEY, eventId, channels: { webhook: { status: 'PENDING', errorMetadata: {} } } };
    assert.deepEqual(await events.getStatus(eventId), pending);
    answer(200);
    await until('the status SUCCEEDED', async () => (await events.getStatus(eventId)).channels.webhook.status === 'SUCCEEDED');
  });

  test(`version ${version} reads FAILED where an endpoint is gone`, async () => {
    const tenant = vendor.newTenant();
    await tenant.webhook({ url: receiver.endpoint(410).url, eventKeys: [KEY] });
    const events = new sdk[version].EventsClient(await signedIn(version));
    const eventId = await events.send(tenant.tenantId, { eventKey: KEY, data: { title: 't', description: 'd' } });
    await until('the status FAILED', async () => (await events.getStatus(eventId)).channels.webhook.status === 'FAILED');
  });

  test(`version ${version} is told about wrong credentials and bad tokens in the form that it reads`, async () => {
    const authenticator = new sdk[version].FronteggAuthenticator();
    await assert.rejects(authenticator.init(VENDOR_ID, 'wrong'), { message: 'Failed to authenticate with Frontegg' });

    const stale = await signedIn(version);
    stale.accessToken = `${stale.accessToken.slice(0, -8)}AAAAAAAA`;
    const events = new sdk[version].EventsClient(stale);
    const refused = await events.send('any-tenant', { eventKey: KEY, data: { title: 't', description: 'd' } }).catch((error) => error);
    assert.equal(refused.response.status, 401);
    assert.ok(Array.isArray(refused.response.data.errors) && refused.response.data.errors.length > 0);
    assert.equal(refused.response.data.statusCode, 401);
    assert.ok(refused.response.headers['frontegg-trace-id']);

    await stale.refreshAuthentication();
    assert.ok(await events.send('any-tenant', { eventKey: KEY, data: { title: 't', description: 'd' } }));
  });

  test(`version ${version} sends an event of no tenant under the vendor's own id`, async () => {
    const endpoint = receiver.endpoint(200);
    const environment = vendor.tenant(VENDOR_ID);
    const webhook = await environment.webhook({ url: endpoint.url, eventKeys: [KEY] });
    assert.equal(webhook.tenantId ?? null, null);
    const events = new sdk[version].EventsClient(await signedIn(version));
    await events.send(VENDOR_ID, { eventKey: KEY, data: { title: 't', description: 'd' } });
    const [request] = await endpoint.arrived();
    assert.equal(request.json.eventContext.tenantId ?? null, null);
    await environment.delete(`/webhook/${webhook._id}`);
  });
}

test('the HTTP client of version 5 manages webhooks with its token', async () => {
  const client = new sdk[5].HttpClient(await signedIn(5), { baseURL: server.url });
  const headers = { 'frontegg-tenant-id': vendor.newTenant().tenantId };
  const fields = { displayName: 'n', description: '', url: receiver.endpoint(200).url, secret: 'long enough', eventKeys: [KEY], isActive: true };
  const { data: webhook, status } = await client.post('/webhook/custom', fields, headers);
  assert.equal(status, 201);
  const { data: all } = await client.get('/webhook', headers);
  assert.deepEqual(all, [webhook]);
  const { data: patched } = await client.patch(`/webhook/${webhook._id}`, { isActive: false }, headers);
  assert.equal(patched.isActive, false);
  assert.deepEqual((await client.delete(`/webhook/${webhook._id}`, headers)).data, {});

  const missing = await client.get('/webhook').catch((error) => error.response);
  assert.equal(missing.status, 403);
  assert.deepEqual(missing.data.errors, ['Tenant ID is not specified']);
});

test('version 1 triggers with properties and channels', async () => {
  const endpoint = receiver.endpoint(200);
  const tenant = vendor.newTenant();
  const { tenantId } = tenant;
  await tenant.webhook({ url: endpoint.url, eventKeys: [KEY] });
  const events = new sdk[1].EventsClient();
  await events.init(VENDOR_ID, VENDOR_SECRET);
  const properties = { title: 'Hello', description: 'Again', count: 1 };

  const plain = await events.trigger({ eventKey: KEY, tenantId, properties, channels: { webhook: true } });
  assert.equal(plain.eventKey, KEY);
  assert.deepEqual(plain.properties, properties);
  assert.equal(plain.vendorId, VENDOR_ID);
  assert.equal(plain.tenantId, tenantId);
  const { eventKey, eventContext, ...members } = (await endpoint.arrived(1))[0].json;
  assert.equal(eventContext.tenantId, tenantId);
  assert.equal(eventKey, KEY);
  assert.deepEqual(members, properties);

  const own = await events.trigger({
    eventKey: KEY, tenantId, properties, channels: { webhook: { count: 2, user: { id: 'u-9' } } },
  });
  const second = (await endpoint.arrived(2))[1];
  assert.equal(second.headers['webhook-id'], own.eventId);
  assert.deepEqual(second.json.user, { id: 'u-9' });
  assert.equal(second.json.count, 2, "the channel's own members win");
  assert.equal(second.json.title, 'Hello');

  const status = await vendor.get(`/event/resources/triggers/v2/statuses/${own.eventId}`);
  assert.equal(status.status, 200);
  assert.equal(status.json.eventId, own.eventId);
});

let user, middlewareOfVersion1;

/** Runs the test with a browser in front of a vendor's backend that has the middleware at `/frontegg`, for users with that context. */
async function throughMiddleware(version, { context, ...options }, test) {
  user = { userId: 'u-1', permissions: ['*'], ...context };
  const made = () => sdk[version].frontegg({
    clientId: VENDOR_ID, apiKey: VENDOR_SECRET, maxRetries: 1, contextResolver: async () => user, ...options,
  });
  // Version 1 signs in anew for each that is made, and lets nobody wait for it.
  const middleware = version === 1 ? (middlewareOfVersion1 ??= made()) : made();
  // As an application mounts it: `app.use('/frontegg', middleware)`.
  const backend = http.createServer((request, response) => {
    request.originalUrl = request.url;
    request.url = request.url.slice('/frontegg'.length);
    request.hostname = '127.0.0.1';
    request.host = '127.0.0.1';
    middleware(request, response);
  }).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  try {
    const url = `http://127.0.0.1:${backend.address().port}/frontegg`;
    // A session of the vendor's own: a token that Postrider knows nothing of, and that not every middleware keeps to itself.
    await test(new Caller(url, { authorization: 'Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1IiwiaXNzIjoiYXBwIn0.c2ln' }));
  } finally {
    backend.close();
    backend.closeAllConnections();
  }
}

const fields = () => ({
  displayName: 'n', description: 'd', url: receiver.endpoint(200).url, secret: null, eventKeys: [KEY], isActive: true,
});

for (const version of [2, 1]) {
  test(`the middleware of version ${version} lets a browser reach a tenant's webhooks, and nothing of the vendor's`, async () => {
    const { tenantId } = vendor.newTenant();
    await throughMiddleware(version, { context: { tenantId } }, async (browser) => {
      const webhook = await browser.webhook(fields());
      assert.equal(webhook.tenantId, tenantId);
      assert.deepEqual((await browser.get('/webhook')).json, [webhook]);
      assert.equal((await browser.delete(`/webhook/${webhook._id}`)).status, 200);

      for (const path of ['/api/v1/webhooks', '/api/v1/events', `/api/v1/environments/${VENDOR_ID}/credentials`]) {
        assert.equal((await browser.get(path)).status, 401, path);
      }
      const credential = await browser.post(`/api/v1/environments/${VENDOR_ID}/credentials`, { name: 'mine' });
      assert.equal(credential.status, 401);
      const definition = await browser.post('/event/resources/configurations/v1', { key: 'a.b', displayName: 'x' });
      assert.equal(definition.status, 403, definition.text);
    });
  });

  test(`the middleware of version ${version} gets nothing for a user without a tenant`, async () => {
    await throughMiddleware(version, { context: {} }, async (browser) => {
      const listed = await browser.environment(VENDOR_ID).get('/webhook');
      assert.equal(listed.status, 403, listed.text);
      assert.deepEqual(listed.json.errors, ['Tenant ID is not specified']);
    });
  });
}

test('a middleware that guards its routes is told which are open, and what its users may do is obeyed', async () => {
  const { tenantId } = vendor.newTenant();
  let guarded = 0;
  const authMiddleware = (_request, _response, next) => { guarded += 1; next(); };
  const context = { tenantId, userPermissions: ['fe.connectivity.read.webhooks'] };
  await throughMiddleware(2, { context, authMiddleware }, async (browser) => {
    assert.deepEqual((await browser.get('/webhook')).json, []);
    assert.equal(guarded, 1);
    assert.equal((await browser.post('/webhook/custom', fields())).status, 403);
  });
});
