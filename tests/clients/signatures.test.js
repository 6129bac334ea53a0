// What a receiver gets, checked with the libraries that receivers use.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, test } from 'node:test';

import jwt from 'jsonwebtoken';
import { Webhook } from 'standardwebhooks';

import { startReceiver } from './support/receiver.js';
import { startServer, VENDOR_ID } from './support/server.js';

const KEY = 'frontegg.user.created';
const TENANT = 'tenant-of-signatures';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

let server, receiver, vendor;
before(async () => {
  server = await startServer();
  receiver = await startReceiver();
  vendor = (await server.vendor()).tenant(TENANT);
});
after(async () => {
  try {
    await server?.stop();
  } finally {
    await receiver?.close();
  }
});

/** Reports one event and returns the one request that a webhook with that secret gets. */
async function delivered(secret, payload = '{"user":{"id":"u-1"}}') {
  const endpoint = receiver.endpoint(200);
  const webhook = await vendor.webhook({ url: endpoint.url, secret, eventKeys: [KEY] });
  await vendor.event(`{"eventKey":"${KEY}","tenantId":"${TENANT}","payload":${payload}}`);
  const [request] = await endpoint.arrived();
  await vendor.delete(`/webhook/${webhook._id}`);
  return request;
}

test('a receiver verifies the JWT and the Standard Webhooks signature, whatever the secret looks like', async (t) => {
  const base64 = Buffer.from('32 bytes that nobody can guess !').toString('base64');
  const secrets = {
    'as people type them': ['correct-horse-battery', Buffer.from('correct-horse-battery')],
    'with spaces at its ends, which belong to it': ['  spaces stay  ', Buffer.from('  spaces stay  ')],
    'beyond ASCII': ['Schlüssel-鍵-🔑', Buffer.from('Schlüssel-鍵-🔑')],
    'of Standard Webhooks': [`whsec_${base64}`, Buffer.from(base64, 'base64')],
  };
  for (const [name, [secret, signingKey]] of Object.entries(secrets)) {
    await t.test(name, async () => {
      const { headers, raw } = await delivered(secret);

      const claims = jwt.verify(headers['x-webhook-secret'], secret);
      assert.deepEqual(Object.keys(claims).sort(), ['exp', 'iat']);
      assert.equal(claims.exp - claims.iat, 300);
      const { header } = jwt.decode(headers['x-webhook-secret'], { complete: true });
      assert.deepEqual(header, { alg: 'HS256', typ: 'JWT' });
      assert.throws(() => jwt.verify(headers['x-webhook-secret'], `${secret}x`), jwt.JsonWebTokenError);

      const standard = new Webhook(signingKey, { format: 'raw' });
      assert.ok(standard.verify(raw, headers));
      const tampered = Buffer.from(raw.toString().replace('u-1', 'u-2'));
      assert.throws(() => standard.verify(tampered, headers));
      if (secret.startsWith('whsec_')) assert.ok(new Webhook(secret).verify(raw, headers));
    });
  }
});

test('a receiver that verifies as documented accepts, and one with another secret does not', async () => {
  const verifying = (secret) => (request) => {
    try {
      jwt.verify(request.headers['x-webhook-secret'], secret);
      return 200;
    } catch {
      return 401;
    }
  };
  const right = await vendor.webhook({ url: receiver.endpoint(verifying('shared-secret')).url, secret: 'shared-secret', eventKeys: [KEY] });
  const wrong = await vendor.webhook({ url: receiver.endpoint(verifying('other-secret')).url, secret: 'shared-secret', eventKeys: [KEY] });
  await vendor.event({ eventKey: KEY, tenantId: TENANT, payload: {} });
  assert.equal((await vendor.log(right, 1))[0].statusCode, '200');
  assert.equal((await vendor.log(wrong, 1))[0].statusCode, '401');
  await vendor.delete(`/webhook/${right._id}`);
  await vendor.delete(`/webhook/${wrong._id}`);
});

test('without a secret there is nothing to verify with, and still an id to recognise repeats by', async () => {
  for (const secret of [null, '']) {
    const { headers } = await delivered(secret);
    assert.equal(headers['x-webhook-secret'], undefined);
    assert.equal(headers['webhook-signature'], undefined);
    assert.match(headers['webhook-id'], UUID);
    assert.match(headers['webhook-timestamp'], /^\d{10}$/);
  }
});

/** Reports one event and returns the next request that comes to that endpoint. */
async function next(endpoint, count) {
  await vendor.event({ eventKey: KEY, tenantId: TENANT, payload: { count } });
  return (await endpoint.arrived(count)).at(-1);
}

test('while a secret is rotated receivers verify with either, and the JWT is the old one until the overlap ends', async () => {
  const endpoint = receiver.endpoint(200);
  const { _id } = await vendor.webhook({ url: endpoint.url, secret: 'the-first-secret', eventKeys: [KEY] });
  const rotated = await vendor.post(`/api/v1/webhooks/${_id}/secret/rotate`, { secret: 'the-second-secret' });
  assert.equal(rotated.status, 200, rotated.text);
  const [first, second] = ['the-first-secret', 'the-second-secret'].map((secret) => new Webhook(Buffer.from(secret), { format: 'raw' }));

  const during = await next(endpoint, 1);
  assert.equal(during.headers['webhook-signature'].split(' ').length, 2);
  assert.ok(first.verify(during.raw, during.headers));
  assert.ok(second.verify(during.raw, during.headers));
  jwt.verify(during.headers['x-webhook-secret'], 'the-first-secret');

  const ended = await vendor.delete(`/api/v1/webhooks/${_id}/secret/previous`);
  assert.equal(ended.status, 200, ended.text);
  const after = await next(endpoint, 2);
  assert.ok(second.verify(after.raw, after.headers));
  assert.throws(() => first.verify(after.raw, after.headers));
  jwt.verify(after.headers['x-webhook-secret'], 'the-second-secret');
  await vendor.delete(`/webhook/${_id}`);
});

test('an Ed25519 signature is verified with nothing but the published key', async () => {
  const endpoint = receiver.endpoint(200);
  const { _id } = await vendor.webhook({ url: endpoint.url, secret: 'a-good-secret', eventKeys: [KEY] });
  const patched = await vendor.patch(`/api/v1/webhooks/${_id}`, { signature: 'both' });
  assert.equal(patched.status, 200, patched.text);
  const { headers, raw } = await next(endpoint, 1);
  assert.ok(new Webhook(Buffer.from('a-good-secret'), { format: 'raw' }).verify(raw, headers), 'libraries pass over what they do not know');

  const { keys } = await (await fetch(`${server.url}/api/v1/webhooks/${_id}/public-keys`)).json();
  const key = createPublicKey({ key: keys[0], format: 'jwk' });
  const content = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), raw]);
  const signatures = headers['webhook-signature'].split(' ').filter((one) => one.startsWith('v1a,'));
  assert.equal(signatures.length, 1);
  const signature = Buffer.from(signatures[0].slice('v1a,'.length), 'base64');
  assert.ok(verify(null, content, key, signature));
  assert.ok(!verify(null, Buffer.concat([content, Buffer.from(' ')]), key, signature));
  assert.equal(keys[0].publicKey, `whpk_${Buffer.from(keys[0].x, 'base64url').toString('base64')}`);
  await vendor.delete(`/webhook/${_id}`);
});

test('the request is the one that receivers of Frontegg expect', async () => {
  const { method, headers, raw, json } = await delivered('a-good-secret');
  assert.equal(method, 'POST');
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers.accept, 'application/json, text/plain, */*');
  assert.equal(headers['content-length'], String(raw.length));
  assert.match(headers['frontegg-trace-id'], UUID);
  assert.ok(headers['user-agent']);
  assert.equal(json.eventKey, KEY);
  assert.equal(json.eventContext.vendorId, VENDOR_ID);
  assert.equal(json.eventContext.tenantId, TENANT);
});

test('the members of a payload arrive byte for byte', async () => {
  const members = [
    '"float":1.0', '"big":123456789012345678901234567890', '"huge":1e400', '"zero":-0.0', '"precise":0.1000000000000000055511151231257827',
    '"escaped":"\\u0041\\/\\ud83d\\ude00"', '"unicode":"Grüße, 世界 👋🏽"', '"controls":"\\u0000\\t\\u2028"', '"z":{"b":1,"a":[1.50,null,true,{}]}', '"2":1', '"1":2',
  ].join(',');
  const { raw } = await delivered('a-good-secret', `{${members}}`);
  const body = raw.toString('utf8');
  assert.ok(Buffer.from(body).equals(raw), 'the body is valid UTF-8');
  assert.ok(body.endsWith(`,${members}}`), body);
});

test('white space between the tokens of a payload is all that is left out', async () => {
  const { text } = await delivered(null, '{ "a" : [ 1.0 ,\t2e5 ],\n  "b b" : " c " }');
  assert.ok(text.endsWith(',"a":[1.0,2e5],"b b":" c "}'), text);
});
