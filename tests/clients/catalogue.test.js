// Every built-in event type: its sample is sent through the server, and arrives in the form that receivers rely on.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { startReceiver } from './support/receiver.js';
import { startServer, VENDOR_ID } from './support/server.js';

const TENANT = '2b6a2c5e-8f0d-4a53-9a0e-6d1f4c7b9e21';
const USER = '7d9f1e34-5b2a-4c68-a1d7-0e8c3f6b5a92';
/** How many event types Frontegg has, and every environment from the start. */
const BUILT_IN = 50;

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
});

test('every sample of the catalogue is delivered to a webhook that subscribed to all categories', async () => {
  const endpoint = receiver.endpoint(200);
  const environment = vendor.environment(VENDOR_ID);
  const categories = (await environment.get('/event/resources/configurations/v1/categories')).json;
  await environment.webhook({ url: endpoint.url, eventKeys: categories.map(({ name }) => `${name}.*`) });

  const types = await eventTypes();
  assert.equal(types.length, BUILT_IN);
  for (const { key, sample } of types) {
    const { deliveries } = await vendor.event({ eventKey: key, tenantId: TENANT, userId: USER, payload: sample });
    assert.equal(deliveries, 1, key);
  }

  const bodies = (await endpoint.arrived(BUILT_IN)).map((request) => request.json);
  const byKey = new Map(bodies.map((body) => [body.eventKey, body]));
  assert.equal(byKey.size, BUILT_IN);
  for (const { key, sample } of types) {
    const { eventContext, ...body } = byKey.get(key);
    assert.deepEqual(eventContext, { vendorId: VENDOR_ID, tenantId: TENANT, userId: USER });
    for (const [name, value] of Object.entries(sample)) assert.deepEqual(body[name], value, `${key}: ${name}`);
    if (body.user) assert.equal(typeof body.user.metadata, 'string');
    if (key.startsWith('frontegg.tenant.') && body.tenant) {
      assert.equal(body.tenantId, body.tenant.tenantId);
      assert.equal(body.name, body.tenant.name);
    }
  }
  // Another program goes on from here: it reads these with the types of a Frontegg client in its own language.
  if (process.env.POSTRIDER_BODIES) await writeFile(process.env.POSTRIDER_BODIES, JSON.stringify(bodies));
});

test('what SCIM does is done by the provisioner where nobody is named', async () => {
  const endpoint = receiver.endpoint(200);
  const key = (await eventTypes()).map((type) => type.key).find((name) => name.startsWith('frontegg.scim.'));
  await vendor.tenant('tenant-of-scim').webhook({ url: endpoint.url, eventKeys: [key] });
  await vendor.event({ eventKey: key, tenantId: 'tenant-of-scim', payload: {} });
  const [request] = await endpoint.arrived();
  assert.equal(request.json.eventContext.userId, 'idp_provisioned');
});

/** All event types with their samples, from the native API. */
async function eventTypes() {
  const types = [];
  let after = '';
  do {
    const answer = await vendor.get(`/api/v1/event-types${after}`);
    assert.equal(answer.status, 200, answer.text);
    types.push(...answer.json.items);
    after = answer.json.nextCursor ? `?cursor=${encodeURIComponent(answer.json.nextCursor)}` : '';
  } while (after);
  return types;
}
