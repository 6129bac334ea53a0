// Frontegg's Terraform provider: the requests that it makes over the life of a webhook resource, as its source has them. It signs in with
// the environment's credentials, names the environment in a header, reads all webhooks to find its own, leaves empty strings out, puts the
// secret of its state into every change, and reads answers into typed structs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Caller } from './support/caller.js';
import { startReceiver } from './support/receiver.js';
import { startServer, VENDOR_ID, VENDOR_SECRET } from './support/server.js';

let server, receiver, provider;
before(async () => {
  server = await startServer();
  receiver = await startReceiver();
});
after(async () => {
  try {
    await server?.stop();
  } finally {
    await receiver?.close();
  }
});

for (const [prefix, slash] of [['', ''], ['', '/'], ['/frontegg', ''], ['/frontegg', '/']]) {
  test(`plan, apply, change, refresh and destroy at ${prefix}/webhook${slash}`, async () => {
    const base = server.url + prefix;
    const signedIn = await new Caller(base, {}).post(`/auth/vendor${slash}`, { clientId: VENDOR_ID, secret: VENDOR_SECRET });
    assert.equal(signedIn.status, 200, signedIn.text);
    assert.ok(signedIn.json.expiresIn > 60);
    provider = new Caller(base, { authorization: `Bearer ${signedIn.json.token}` }).environment(VENDOR_ID)
      .with({ 'frontegg-application-id': '00000000-0000-4000-8000-000000000000' });

    const endpoint = receiver.endpoint(200);
    const state = {
      isActive: true, description: 'from Terraform', url: endpoint.url, secret: 'in the state file',
      eventKeys: ['frontegg.user.created', 'frontegg.user.deleted'],
    };

    // Apply. The name is optional there, and was not given.
    const created = await provider.post(`/webhook/custom${slash}`, state);
    assert.equal(created.status, 201, created.text);
    assertTyped(created.json, state);

    // Refresh: no difference to the state.
    const mine = () => find(slash, created.json._id);
    assert.deepEqual(await mine(), created.json);

    // A change in the configuration sends everything that the resource has, the secret too.
    const renamed = { ...state, displayName: 'named', eventKeys: ['frontegg.user.created'] };
    const changed = await provider.patch(`/webhook/${created.json._id}${slash}`, renamed);
    assert.equal(changed.status, 200, changed.text);
    assertTyped(changed.json, renamed);
    assert.equal(changed.json.createdAt, created.json.createdAt);
    assert.deepEqual(await mine(), changed.json);

    // Other tools read the record and send it back whole, with what they do not know.
    const echoed = await provider.patch(`/webhook/${created.json._id}${slash}`, {
      ...changed.json, isActive: false, _id: 'ignored', vendorId: 'ignored', tenantId: 'ignored', createdAt: 'ignored',
      updatedAt: 'ignored', __v: 3, unheardOf: { nested: [] },
    });
    assert.equal(echoed.status, 200, echoed.text);
    const { updatedAt: _, ...left } = echoed.json;
    const { updatedAt: __, ...right } = changed.json;
    assert.deepEqual(left, { ...right, isActive: false });

    // Destroy, and destroy again: the provider takes 404 for done.
    assert.equal((await provider.delete(`/webhook/${created.json._id}${slash}`)).status, 200);
    assert.equal(await mine(), undefined);
    assert.equal((await provider.delete(`/webhook/${created.json._id}${slash}`)).status, 404);
  });
}

test('what Terraform made works: the secret that it set signs the deliveries', async () => {
  provider = (await server.vendor()).environment(VENDOR_ID);
  const endpoint = receiver.endpoint(200);
  const { json: webhook } = await provider.post('/webhook/custom', {
    description: 'd', url: endpoint.url, secret: 'x', eventKeys: ['frontegg.user.created'],
  });
  assert.equal(webhook.isActive, true, 'where nothing is said');
  assert.equal(webhook.secret, 'x', 'the vendor may use short secrets');
  await provider.event({ eventKey: 'frontegg.user.created', tenantId: 'any-tenant', payload: {} });
  const [request] = await endpoint.arrived();
  assert.ok(request.headers['x-webhook-secret']);
});

/** The provider's struct: strings that may be empty, never null or missing where it compares them with its state. */
function assertTyped(record, state) {
  for (const name of ['_id', 'description', 'url', 'secret', 'type', 'vendorId', 'createdAt']) {
    assert.equal(typeof record[name], 'string', name);
  }
  assert.equal(record.type, 'CUSTOM');
  assert.equal(record.vendorId, VENDOR_ID);
  assert.equal(record.environmentId, VENDOR_ID);
  for (const [name, value] of Object.entries(state)) assert.deepEqual(record[name], value, name);
}

async function find(slash, id) {
  const answer = await provider.get(`/webhook${slash}`);
  assert.equal(answer.status, 200, answer.text);
  assert.ok(Array.isArray(answer.json), 'a bare array');
  return answer.json.find((record) => record._id === id);
}
