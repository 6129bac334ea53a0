// What people rely on once their webhooks are in use, seen from outside: what a receiver gets, and what the log says about it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import jwt from 'jsonwebtoken';

import { SILENCE, startReceiver } from './support/receiver.js';
import { startServer, VENDOR_ID } from './support/server.js';
import { until } from './support/until.js';

const KEY = 'frontegg.user.created';

let server, receiver, vendor;
before(async () => {
  server = await startServer();
  receiver = await startReceiver();
  vendor = await server.vendor();
});
after(async () => {
  try {
    await server?.stop();
  } finally {
    await receiver?.close();
  }
  assert.deepEqual(receiver?.strays, []);
});

const statusOf = async (eventId) =>
  (await vendor.get(`/event/resources/triggers/v3/${eventId}/statuses`)).json.channels.webhook.status;

test('a failed attempt is made again with the same id and body, and signed afresh', async () => {
  const tenant = vendor.newTenant();
  const { tenantId } = tenant;
  const endpoint = receiver.endpoint(500, 429, 200);
  const secret = 'eight or more';
  const webhook = await tenant.webhook({ url: endpoint.url, secret, eventKeys: [KEY] });
  await retryAfter(webhook, [1, 1]);
  const { eventId } = await vendor.event(`{"eventKey":"${KEY}","tenantId":"${tenantId}","payload":{"n":1.0}}`);

  const [first, second, third] = await endpoint.arrived(3);
  for (const again of [second, third]) {
    assert.ok(again.raw.equals(first.raw));
    assert.equal(again.headers['webhook-id'], eventId);
  }
  // Two retries take more than a second, so that the time of the third attempt shows.
  assert.ok(Number(third.headers['webhook-timestamp']) > Number(first.headers['webhook-timestamp']));
  assert.notEqual(third.headers['webhook-signature'], first.headers['webhook-signature']);
  assert.ok(jwt.verify(third.headers['x-webhook-secret'], secret).iat > jwt.decode(first.headers['x-webhook-secret']).iat);
  const rows = await tenant.log(webhook, 3);
  assert.deepEqual(rows.map((row) => [row.statusCode, row.triggerType]), [['200', 'RETRY'], ['429', 'RETRY'], ['500', 'EVENT']]);
  await until('the status SUCCEEDED', async () => (await statusOf(eventId)) === 'SUCCEEDED');
  const [record] = (await tenant.get('/webhook')).json;
  assert.equal(record.invocations, 1, 'deliveries are counted, not attempts');
});

test('an endpoint that does not answer delays nobody else', async () => {
  const [slow, quick] = [vendor.newTenant(), vendor.newTenant()];
  let release;
  const released = new Promise((resolve) => { release = resolve; });
  try {
    const hanging = receiver.endpoint(() => released.then(() => 200));
    const answering = receiver.endpoint(200);
    await slow.webhook({ url: hanging.url, eventKeys: [KEY] });
    await quick.webhook({ url: answering.url, eventKeys: [KEY] });
    // A neighbour in the same tenant, too.
    const neighbour = receiver.endpoint(200);
    await slow.webhook({ url: neighbour.url, eventKeys: [KEY] });

    const events = (tenantId, count) => Array.from({ length: count }, (_, n) => ({ eventKey: KEY, tenantId, payload: { n } }));
    const waiting = await vendor.post('/api/v1/events/batch', events(slow.tenantId, 200));
    assert.equal(waiting.status, 202, waiting.text);
    await hanging.arrived(1);
    const begun = performance.now();
    assert.equal((await vendor.post('/api/v1/events/batch', events(quick.tenantId, 100))).status, 202);
    await answering.arrived(100);
    await neighbour.arrived(200);
    const took = performance.now() - begun;
    assert.ok(took < 10_000, `${took} ms, and the endpoint that hangs has 15 s`);
  } finally {
    release();
  }
});

test('a tenant’s webhook gets the tenant’s events, the environment’s gets all', async () => {
  const [a, b] = [vendor.newTenant(), vendor.newTenant()];
  const key = 'test.scope';
  const [toA, toB, toAll] = [receiver.endpoint(), receiver.endpoint(), receiver.endpoint()];
  const ofA = await a.webhook({ url: toA.url, eventKeys: [key] });
  await b.webhook({ url: toB.url, eventKeys: [key] });
  const ofAll = await vendor.environment(VENDOR_ID).webhook({ url: toAll.url, eventKeys: [key] });
  assert.equal(ofA.tenantId, a.tenantId);
  assert.equal(ofAll.tenantId ?? null, null);

  const sent = {
    [a.tenantId]: await vendor.event({ eventKey: key, tenantId: a.tenantId, payload: {} }),
    [b.tenantId]: await vendor.event({ eventKey: key, tenantId: b.tenantId, payload: {} }),
    none: await vendor.event({ eventKey: key, payload: {} }),
  };
  assert.deepEqual(Object.values(sent).map(({ deliveries }) => deliveries), [2, 2, 1]);
  const tenantsSeen = (await toAll.arrived(3)).map((request) => request.json.eventContext.tenantId ?? 'none');
  assert.deepEqual(tenantsSeen.sort(), [a.tenantId, 'none', b.tenantId].sort());
  assert.equal((await toA.arrived(1))[0].headers['webhook-id'], sent[a.tenantId].eventId);
  assert.equal((await toB.arrived(1))[0].headers['webhook-id'], sent[b.tenantId].eventId);
  // All deliveries came to their end, so nothing more is on its way to the other tenant.
  for (const { eventId } of Object.values(sent)) await until('the end', async () => (await statusOf(eventId)) === 'SUCCEEDED');
  assert.deepEqual([toA.requests.length, toB.requests.length, toAll.requests.length], [1, 1, 3]);

  // Ids of another scope are as unknown as ids that never were.
  const [row] = await a.log(ofA, 1);
  for (const stranger of [b, vendor.environment(VENDOR_ID), vendor.tenant(VENDOR_ID)]) {
    assert.equal((await stranger.patch(`/webhook/${ofA._id}`, { isActive: false })).status, 404);
    assert.equal((await stranger.delete(`/webhook/${ofA._id}`)).status, 404);
    assert.equal((await stranger.get(`/webhook/logs/?id=${ofA._id}&offset=0&limit=10`)).status, 404);
    assert.equal((await stranger.post(`/webhook/logs/${row.id}/retries`)).status, 404);
    assert.ok(!(await stranger.get('/webhook')).text.includes(ofA._id));
  }
  assert.equal((await a.patch(`/webhook/${ofAll._id}`, { isActive: false })).status, 404);
  assert.equal((await vendor.environment('00000000-0000-4000-8000-000000000000').get('/webhook')).status, 403);
  await vendor.environment(VENDOR_ID).delete(`/webhook/${ofAll._id}`);
});

test('the status code decides: 2XX is delivered, a redirect is not followed, 410 switches the webhook off', async () => {
  const outcomes = [];
  for (const status of [200, 201, 204, 299, 301, 302, 307, 308, 400, 410]) {
    const tenant = vendor.newTenant();
    const { tenantId } = tenant;
    const elsewhere = receiver.endpoint(200);
    const endpoint = receiver.endpoint({ status, headers: status >= 300 && status < 400 ? { location: elsewhere.url } : {} });
    const webhook = await tenant.webhook({ url: endpoint.url, eventKeys: [KEY] });
    await retryAfter(webhook, []);
    const { eventId } = await vendor.event({ eventKey: KEY, tenantId, payload: {} });
    const [row] = await tenant.log(webhook, 1);
    assert.equal(row.statusCode, String(status));
    const end = await until('the end', async () => {
      const now = await statusOf(eventId);
      return now !== 'PENDING' && now;
    });
    const [{ isActive }] = (await tenant.get('/webhook')).json;
    outcomes.push([status, end, isActive]);
    assert.equal(endpoint.requests.length, 1);
    assert.deepEqual(elsewhere.requests, []);

    if (status === 410) {
      // While it is off, an event is kept and shown, and not sent; a person cannot send one again either.
      const { eventId: missed } = await vendor.event({ eventKey: KEY, tenantId, payload: {} });
      await until('the status FAILED', async () => (await statusOf(missed)) === 'FAILED');
      assert.equal((await tenant.post(`/webhook/logs/${row.id}/retries`)).status, 409);
      await tenant.patch(`/webhook/${webhook._id}`, { isActive: true });
      assert.equal((await tenant.post(`/webhook/logs/${row.id}/retries`)).status, 200);
      await endpoint.arrived(2);
    }
  }
  assert.deepEqual(outcomes, [
    [200, 'SUCCEEDED', true], [201, 'SUCCEEDED', true], [204, 'SUCCEEDED', true], [299, 'SUCCEEDED', true],
    [301, 'FAILED', true], [302, 'FAILED', true], [307, 'FAILED', true], [308, 'FAILED', true], [400, 'FAILED', true],
    [410, 'FAILED', false],
  ]);
});

test('a row of the log holds what was sent, and words where nothing answered', async () => {
  const tenant = vendor.newTenant();
  const { tenantId } = tenant;
  const closed = await startReceiver();
  await closed.close();
  const webhook = await tenant.webhook({ url: `${closed.url}/hook`, eventKeys: [KEY] });
  await retryAfter(webhook, []);
  await vendor.event({ eventKey: KEY, tenantId, payload: { user: { name: 'Žofie' } } });
  const [row] = await tenant.log(webhook, 1);
  assert.equal(row.statusCode, '0');
  assert.ok(row.errorMessage.length > 10);
  assert.equal(row.triggerType, 'EVENT');
  assert.equal(row.webhookId, webhook._id);
  assert.equal(row.tenantId, tenantId);
  assert.equal(row.vendorId, VENDOR_ID);
  assert.equal(row.eventKey, KEY);
  assert.ok(!Number.isNaN(Date.parse(row.createdAt)));
  assert.equal(typeof row.body, 'string');
  assert.equal(JSON.parse(row.body).user.name, 'Žofie');
});

test('an idempotency key makes one event of many requests', async () => {
  const tenant = vendor.newTenant();
  const { tenantId } = tenant;
  const endpoint = receiver.endpoint(200);
  const webhook = await tenant.webhook({ url: endpoint.url, eventKeys: [KEY] });
  const keyed = vendor.with({ 'idempotency-key': 'order-42' });
  const event = JSON.stringify({ eventKey: KEY, tenantId, payload: { order: 42 } });
  const answers = await Promise.all([1, 2, 3, 4].map(() => keyed.post('/api/v1/events', event)));
  for (const answer of [...answers, await keyed.post('/api/v1/events', event)]) {
    assert.equal(answer.status, 202, answer.text);
    assert.deepEqual(answer.json, answers[0].json);
  }
  const other = await keyed.post('/api/v1/events', { eventKey: KEY, tenantId, payload: { order: 43 } });
  assert.equal(other.status, 422);
  assert.match(other.headers.get('content-type'), /^application\/problem\+json/);
  assert.equal(typeof other.json.code, 'string');
  await until('the end', async () => (await statusOf(answers[0].json.eventId)) === 'SUCCEEDED');
  await tenant.log(webhook, 1);
  assert.equal(endpoint.requests.length, 1);
});

test('a batch is accepted whole or not at all, and answered in order', async () => {
  const tenant = vendor.newTenant();
  const { tenantId } = tenant;
  const endpoint = receiver.endpoint(200);
  await tenant.webhook({ url: endpoint.url, eventKeys: [KEY] });
  const event = (n, more) => ({ eventKey: n % 2 ? 'test.nobody.listens' : KEY, tenantId, payload: { n }, ...more });

  for (const bad of [[event(0), event(2, { surprise: 1 })], [event(0), { payload: {} }], [], Array.from({ length: 1001 }, () => event(0))]) {
    const refused = await vendor.post('/api/v1/events/batch', bad);
    assert.ok([400, 413, 422].includes(refused.status), `${bad.length}: ${refused.status}`);
    assert.match(refused.headers.get('content-type'), /^application\/problem\+json/);
  }

  const array = await vendor.post('/api/v1/events/batch', [10, 11, 12].map((n) => event(n)));
  assert.equal(array.status, 202, array.text);
  const lines = [20, 21, 22].map((n) => `${JSON.stringify(event(n))}\n`).join('');
  const ndjson = await vendor.with({ 'content-type': 'application/x-ndjson' }).post('/api/v1/events/batch', lines);
  assert.equal(ndjson.status, 202, ndjson.text);
  const accepted = [...array.json.events, ...ndjson.json.events];
  assert.deepEqual(accepted.map(({ deliveries }) => deliveries), [1, 0, 1, 1, 0, 1]);

  const requests = await endpoint.arrived(4);
  const ids = Object.fromEntries(requests.map((request) => [request.json.n, request.headers['webhook-id']]));
  assert.deepEqual(ids, { 10: accepted[0].eventId, 12: accepted[2].eventId, 20: accepted[3].eventId, 22: accepted[5].eventId });
  assert.equal(endpoint.requests.length, 4, 'nothing of the refused batches came');
});

test('what cannot be an event is refused with a reason', async () => {
  const tenant = vendor.newTenant();
  const { tenantId } = tenant;
  const native = [
    ['{', 400], ['[]', 400], [{ eventKey: KEY, tenantId, payload: { eventKey: 'x' } }, 400],
    [{ eventKey: KEY, tenantId, payload: {}, unknown: 1 }, 400], [{ tenantId, payload: {} }, 400],
    [{ eventKey: KEY, tenantId, payload: { text: 'x'.repeat(300 * 1024) } }, 413],
  ];
  for (const [body, status] of native) {
    const refused = await vendor.post('/api/v1/events', body);
    assert.equal(refused.status, status, JSON.stringify(body).slice(0, 80));
    assert.match(refused.headers.get('content-type'), /^application\/problem\+json/);
    assert.equal(typeof refused.json.code, 'string');
  }
  const data = { title: 't', description: 'd' };
  const triggers = [
    [tenant, { eventKey: KEY, data: { title: 't' } }, 400], [tenant, { eventKey: KEY, data: { ...data, eventContext: {} } }, 400],
    [tenant, { data }, 400], [vendor, { eventKey: KEY, data }, 403],
  ];
  for (const [caller, body, status] of triggers) {
    const refused = await caller.post('/event/resources/triggers/v3', body);
    assert.equal(refused.status, status, JSON.stringify(body));
    assert.equal(refused.json.statusCode, status);
    assert.ok(refused.json.errors.length > 0);
    assert.ok(refused.headers.get('frontegg-trace-id'));
  }
});

test('an event type that a vendor made is sent like the built-in ones, by its id, its category’s id and name too', async () => {
  const tenant = vendor.newTenant();
  const { tenantId } = tenant;
  const definitions = '/event/resources/configurations/v1';
  const made = await vendor.post(definitions, { key: 'shop.order.paid', displayName: 'Order paid', category: 'Orders' });
  assert.equal(made.status, 201, made.text);
  const subscriptions = [['shop.order.paid'], ['Orders.*'], [made.json.id], [made.json.categoryId]];
  const endpoints = [];
  for (const eventKeys of subscriptions) {
    const endpoint = receiver.endpoint();
    const webhook = await tenant.webhook({ url: endpoint.url, eventKeys });
    assert.deepEqual(webhook.eventKeys, eventKeys, 'comes back as it was sent');
    endpoints.push(endpoint);
  }
  assert.equal((await vendor.event({ eventKey: 'shop.order.paid', tenantId, payload: {} })).deliveries, subscriptions.length);
  for (const endpoint of endpoints) await endpoint.arrived(1);

  const refused = await vendor.post(definitions, { displayName: 'no key' });
  assert.equal(refused.status, 400);
  assert.deepEqual(refused.json.errors, ['key must be a string']);
  const deleted = await vendor.delete(`${definitions}/${made.json.id}`);
  assert.equal(deleted.status, 200);
  assert.equal(deleted.json.key, 'shop.order.paid');
});

test('what waits and what is in flight outlives a power cut', async () => {
  const tenant = vendor.newTenant();
  const [failing, silent] = [receiver.endpoint(503, 200), receiver.endpoint(SILENCE, 200)];
  const waiting = await tenant.webhook({ url: failing.url, eventKeys: [KEY] });
  await retryAfter(waiting, [2]);
  await tenant.webhook({ url: silent.url, eventKeys: [KEY] });
  const { eventId } = await vendor.event({ eventKey: KEY, tenantId: tenant.tenantId, payload: { precious: true } });
  await silent.arrived(1);
  const [row] = await tenant.log(waiting, 1);
  assert.equal(row.statusCode, '503');

  await server.kill();
  await server.start();
  // The vendor's token is the one from before.
  await until('the status SUCCEEDED', async () => (await statusOf(eventId)) === 'SUCCEEDED');
  for (const { requests } of [failing, silent]) {
    assert.equal(requests.length, 2);
    assert.equal(requests[1].headers['webhook-id'], eventId);
    assert.ok(requests[1].raw.equals(requests[0].raw));
  }
  assert.deepEqual((await tenant.log(waiting, 2)).map((attempt) => attempt.triggerType), ['RETRY', 'EVENT']);
});

/** Gives a webhook retry delays of its own, in seconds. Frontegg's API has no word for it, so the native one is used. */
async function retryAfter(webhook, delays) {
  const answer = await vendor.patch(`/api/v1/webhooks/${webhook._id}`, { retryPolicy: { delaysInSeconds: delays } });
  assert.equal(answer.status, 200, answer.text);
}
