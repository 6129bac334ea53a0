// `@frontegg/rest-api`, the client in the browser's admin portal and in vendors' own pages: what a person does there with webhooks, as the
// vendor's backend, and as a tenant's user with a token of the identity provider that the vendor uses.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';

import restApi from '@frontegg/rest-api';
import jwt from 'jsonwebtoken';
import { Webhook } from 'standardwebhooks';

import { startReceiver } from './support/receiver.js';
import { startServer, VENDOR_ID } from './support/server.js';
import { until } from './support/until.js';

const { ContextHolder, createApiClient } = restApi;

const KEY = 'frontegg.user.created';
const ISSUER = 'https://id.example.com';
const AUDIENCE = 'the-vendors-product';
const HS256_SECRET = 'a secret that the identity provider shares with the vendor';
const READ = ['fe.connectivity.read.webhooks'];

// The client looks for a tenant in the page's address.
globalThis.window = { location: { search: '', href: '' } };

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
const provider = http.createServer((request, response) => {
  const keys = [{ ...rsa.publicKey.export({ format: 'jwk' }), kid: 'key-1', use: 'sig', alg: 'RS256' }];
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
});

let server, receiver, vendor, jwksUrl;
before(async () => {
  server = await startServer();
  receiver = await startReceiver();
  vendor = await server.vendor();
  provider.listen(0, '127.0.0.1');
  await once(provider, 'listening');
  jwksUrl = `http://127.0.0.1:${provider.address().port}/jwks.json`;
});
after(async () => {
  try {
    await server?.stop();
  } finally {
    await receiver?.close();
    provider.close();
    provider.closeAllConnections();
  }
});

/** The client as a page makes it. It puts `/frontegg` behind the base URL by itself. */
function ui(name, { token, headers = {}, baseUrl = server.url }) {
  ContextHolder.for(name).setContext({
    baseUrl,
    tokenResolver: async () => token,
    additionalHeadersResolver: async () => Object.entries(headers).map(([key, value]) => ({ key, value })),
  });
  return createApiClient(name);
}

function userToken(claims = {}, { key = HS256_SECRET, ...options } = {}) {
  return jwt.sign({ tenantId: 'tenant-of-users', permissions: ['fe.connectivity.*'], sub: 'u-1', ...claims }, key, {
    algorithm: 'HS256', issuer: ISSUER, audience: AUDIENCE, expiresIn: 300, ...options,
  });
}

const rs256 = { key: rsa.privateKey, algorithm: 'RS256', keyid: 'key-1' };

async function trust(keys) {
  const answer = await vendor.put('/api/v1/trusted-issuer', { issuer: ISSUER, audience: AUDIENCE, ...keys });
  assert.equal(answer.status, 200, answer.text);
}

/** What a person does, from the empty page to the deleted webhook. */
async function useThePortal({ connectivity }, tenant) {
  // The page loads.
  const categories = await connectivity.getCategories();
  const users = categories.find(({ name }) => name === 'User management');
  const created = users.events.find(({ key }) => key === KEY);
  for (const record of [users, created]) {
    assert.equal(record.vendorId, VENDOR_ID);
    for (const time of [record.createdAt, record.updatedAt]) assert.ok(!Number.isNaN(Date.parse(time)));
  }
  assert.equal(created.category, 'User management');
  assert.equal(created.categoryId, users.id);
  assert.equal(typeof created.displayName, 'string');
  const channels = await connectivity.getChannelMaps('webhook');
  assert.equal(channels.find(({ key }) => key === KEY).category.name, 'User management');
  assert.deepEqual(await connectivity.getChannelMaps('slack'), []);
  assert.deepEqual(await connectivity.getEmailConfiguration(), []);
  assert.deepEqual(await connectivity.getSMSConfiguration(), []);
  assert.deepEqual((await connectivity.getSlackConfiguration()).slackSubscriptions, []);
  assert.deepEqual(await connectivity.getWebhooksConfigurations(), []);

  // The form, tested before it is saved.
  const secret = 'typed into the form';
  const endpoint = receiver.endpoint({ status: 201, body: '{"ok":true}' }, 200);
  const tested = await connectivity.postWebhookTest({ url: endpoint.url, secret, payload: { hello: 'wörld', n: [1, 2] } });
  assert.equal(tested.statusCode, 201);
  assert.deepEqual(tested.body, { ok: true });
  const [test] = await endpoint.arrived(1);
  assert.equal(test.text, '{"hello":"wörld","n":[1,2]}');
  assert.ok(jwt.verify(test.headers['x-webhook-secret'], secret));
  assert.ok(new Webhook(secret, { format: 'raw' }).verify(test.raw, test.headers));

  const form = { displayName: 'Mine', description: '', url: endpoint.url, secret, eventKeys: [KEY], isActive: true };
  const saved = await connectivity.postWebhooksConfiguration(form);
  for (const [name, value] of Object.entries(form)) assert.deepEqual(saved[name], value, name);
  assert.equal(saved.tenantId, tenant);
  assert.equal(saved.invocations, 0);
  assert.deepEqual(await connectivity.getWebhooksConfigurations(), [saved]);

  // Editing sends the whole record back.
  const edited = await connectivity.postWebhooksConfiguration({ ...saved, displayName: 'Ours', eventKeys: ['User management.*'] });
  assert.equal(edited._id, saved._id);
  assert.equal(edited.displayName, 'Ours');
  assert.equal(edited.secret, secret);
  assert.deepEqual(edited.eventKeys, ['User management.*']);

  // Something happens; the log shows it, and a click sends it again.
  const { eventId } = await vendor.event({ eventKey: KEY, tenantId: tenant, payload: { user: { id: 'u-1' } } });
  await endpoint.arrived(2);
  const [first] = await logOf(connectivity, saved, 1);
  assert.equal(first.webhookId, saved._id);
  assert.equal(first.tenantId, tenant);
  assert.equal(first.vendorId, VENDOR_ID);
  assert.equal(first.eventKey, KEY);
  assert.equal(first.statusCode, '200');
  assert.equal(first.triggerType, 'EVENT');
  assert.equal(JSON.parse(first.body).user.id, 'u-1');
  const { invocations } = (await connectivity.getWebhooksConfigurations())[0];
  assert.equal(invocations, 1);

  assert.deepEqual(await connectivity.postWebhookRetry(first.id), { statusCode: 202 });
  const [, sent, resent] = await endpoint.arrived(3);
  assert.ok(resent.raw.equals(sent.raw));
  assert.equal(resent.headers['webhook-id'], eventId);
  const rows = await logOf(connectivity, saved, 2);
  assert.deepEqual(rows.map((row) => row.triggerType), ['RETRY', 'EVENT'], 'newest first');
  assert.equal(rows[1].id, first.id);
  const page = await connectivity.getWebhookLog(saved._id, 1, 1);
  assert.equal(page.count, 2);
  assert.deepEqual(page.rows, [rows[1]]);

  // Away with it.
  assert.deepEqual(await connectivity.deleteWebhooksConfiguration(saved._id), {});
  assert.deepEqual(await connectivity.getWebhooksConfigurations(), []);
  const gone = await connectivity.deleteWebhooksConfiguration(saved._id).catch((error) => error);
  assert.equal(gone.statusCode, 404);
  assert.ok(gone.errors.length > 0);
  assert.ok(gone.traceId);
}

/** The log once it has that many rows, read as the page reads it. */
async function logOf(connectivity, webhook, count) {
  const page = await until(`${count} rows in the log`, async () => {
    const seen = await connectivity.getWebhookLog(webhook._id);
    return seen.count === count && seen;
  });
  return page.rows;
}

// First, as everything below needs the portal to be switched on.
test('tenants’ users have nothing until the vendor switches the portal on', async () => {
  await trust({ publicKey: publicPem });
  const page = ui('metadata', { token: vendor.token, headers: { 'frontegg-tenant-id': 'any-tenant' } });
  const user = ui('hidden', { token: userToken({}, rs256) });
  const visibility = async ({ metadata }) =>
    (await metadata.getMetadata({ entityName: 'adminBox' })).configuration.navigation.webhooks.visibility;
  assert.equal(await visibility(page), 'hidden');
  assert.equal(await visibility(user), 'hidden');
  const refused = await user.connectivity.getWebhooksConfigurations().then(() => undefined, (error) => error);
  assert.equal(refused?.statusCode, 403);
  for (const choice of ['always', 'byPermissions']) {
    const answer = await vendor.put('/api/v1/portal-settings', { webhooks: choice });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(await visibility(page), choice);
    assert.deepEqual(await user.connectivity.getWebhooksConfigurations(), []);
  }
});

test('a vendor’s page works for a tenant, under the prefix that the client adds', async () => {
  await useThePortal(ui('vendor', { token: vendor.token, headers: { 'frontegg-tenant-id': 'tenant-of-the-page' } }), 'tenant-of-the-page');
});

test('a vendor’s page works behind a gateway that takes the prefix away', async () => {
  const gateway = http.createServer((request, response) => {
    const { authorization: _, ...headers } = request.headers;
    headers['x-access-token'] = vendor.token;
    headers['frontegg-tenant-id'] = 'tenant-of-the-gateway';
    const path = request.url.replace(/^\/frontegg/, '');
    const onward = http.request(server.url + path, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  try {
    const baseUrl = `http://127.0.0.1:${gateway.address().port}`;
    await useThePortal(ui('gateway', { token: 'a-session-of-the-vendors-own', baseUrl }), 'tenant-of-the-gateway');
  } finally {
    gateway.close();
    gateway.closeAllConnections();
  }
});

test('a tenant’s user works with a token that was signed with a shared secret', async () => {
  await trust({ secret: HS256_SECRET });
  await useThePortal(ui('user-hs256', { token: userToken() }), 'tenant-of-users');
});

test('a tenant’s user works with a token whose key is at the provider’s JWKS URL', async () => {
  await trust({ jwksUrl });
  await useThePortal(ui('user-jwks', { token: userToken({}, rs256) }), 'tenant-of-users');
});

test('a tenant’s user works with a token whose public key the vendor gave', async () => {
  await trust({ publicKey: publicPem });
  await useThePortal(ui('user-pem', { token: userToken({}, rs256) }), 'tenant-of-users');
});

test('a user’s token opens what it says, and nothing else', async () => {
  await trust({ publicKey: publicPem });
  const refusal = async (token, headers) => {
    const error = await ui('refused', { token, headers }).connectivity.getWebhooksConfigurations().then(() => undefined, (e) => e);
    return error?.statusCode;
  };
  assert.equal(await refusal(userToken({}, rs256)), undefined);
  assert.equal(await refusal(userToken({}, { ...rs256, expiresIn: -120 })), 401, 'expired');
  assert.equal(await refusal(userToken({}, { ...rs256, issuer: 'https://elsewhere.example.com' })), 401, 'unknown issuer');
  assert.equal(await refusal(userToken({}, { ...rs256, audience: 'another-product' })), 401, 'another audience');
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  assert.equal(await refusal(userToken({}, { ...rs256, key: stranger })), 401, 'another key');
  const forged = { key: publicPem, algorithm: 'HS256', allowInvalidAsymmetricKeyTypes: true };
  assert.equal(await refusal(userToken({}, forged)), 401, 'signed with the public key as if it were a shared secret');
  assert.equal(await refusal(userToken({}, { algorithm: 'none', key: null })), 401, 'not signed');
  assert.equal(await refusal(userToken({}, rs256), { 'frontegg-tenant-id': 'tenant-of-others' }), 403);
  assert.equal(await refusal(userToken({ permissions: [] }, rs256)), 403);
});

test('who may read webhooks sees neither their secrets nor a way to change them', async () => {
  await trust({ publicKey: publicPem });
  const tenant = 'tenant-of-readers';
  const made = await vendor.tenant(tenant).webhook({ url: receiver.endpoint().url, secret: 'never for readers', eventKeys: [KEY] });
  const { connectivity } = ui('reader', { token: userToken({ tenantId: tenant, permissions: READ }, rs256) });
  const seen = await connectivity.getWebhooksConfigurations();
  assert.equal(seen[0]._id, made._id);
  assert.ok(!JSON.stringify(seen).includes('never for readers'));
  const refused = [
    connectivity.postWebhooksConfiguration({ ...made }), connectivity.deleteWebhooksConfiguration(made._id),
    connectivity.getWebhookLog(made._id), connectivity.postWebhookTest({ url: made.url, secret: null }), connectivity.getCategories(),
  ];
  for (const outcome of await Promise.allSettled(refused)) assert.equal(outcome.reason?.statusCode, 403);
});

test('a user’s secret has eight characters at least, and a form error is 400 with words', async () => {
  await trust({ publicKey: publicPem });
  const { connectivity } = ui('form', { token: userToken({ tenantId: 'tenant-of-forms' }, rs256) });
  const form = { displayName: 'n', description: '', url: receiver.endpoint().url, secret: null, eventKeys: [KEY], isActive: true };
  const bad = [{ secret: 'seven77' }, { secret: 'x'.repeat(101) }, { url: 'not a url' }, { url: 'ftp://127.0.0.1/' }, { eventKeys: 'no array' }, { isActive: 'yes' }];
  for (const part of bad) {
    const error = await connectivity.postWebhooksConfiguration({ ...form, ...part }).then(() => undefined, (e) => e);
    assert.equal(error?.statusCode, 400, JSON.stringify(part));
    assert.ok(error.errors.length > 0 && error.errors.every((words) => typeof words === 'string'));
  }
  const saved = await connectivity.postWebhooksConfiguration({ ...form, secret: '8 🔑 äöüß' });
  assert.equal(saved.secret, '8 🔑 äöüß', 'characters are counted, not bytes');
  assert.equal((await connectivity.postWebhooksConfiguration({ ...saved, secret: '' })).secret, null);
  await connectivity.deleteWebhooksConfiguration(saved._id);
});

test('a test says what the endpoint answered, or why it did not', async () => {
  const { connectivity } = ui('tests', { token: vendor.token, headers: { 'frontegg-tenant-id': 'tenant-of-tests' } });

  const empty = receiver.endpoint(204);
  const other2xx = await connectivity.postWebhookTest({ url: empty.url, secret: null });
  assert.equal(other2xx.statusCode, 200);
  assert.equal(other2xx.endpointStatusCode, 204);
  const [sample] = await empty.arrived();
  assert.equal(sample.headers['x-webhook-secret'], undefined);
  assert.ok(sample.headers['webhook-id']);
  assert.equal(sample.json.eventContext.vendorId, VENDOR_ID);
  assert.equal(typeof sample.json.user.email, 'string');

  assert.equal((await connectivity.postWebhookTest({ url: receiver.endpoint(500).url, secret: null })).statusCode, 500);
  const moved = receiver.endpoint({ status: 302, headers: { location: empty.url } });
  assert.equal((await connectivity.postWebhookTest({ url: moved.url, secret: null })).statusCode, 302);
  assert.equal(empty.requests.length, 1, 'the redirect was not followed');

  const closed = await startReceiver();
  await closed.close();
  const silent = await connectivity.postWebhookTest({ url: `${closed.url}/`, secret: null });
  assert.equal(silent.statusCode, 0);
  assert.ok(silent.body.message.length > 10);

  for (const url of ['http://10.0.0.1/', 'http://169.254.169.254/latest/meta-data', 'http://[::1]/', 'http://0.0.0.0/']) {
    const refused = await connectivity.postWebhookTest({ url, secret: null }).then(() => undefined, (e) => e);
    assert.equal(refused?.statusCode, 400, url);
    assert.match(refused.message, /POSTRIDER_EGRESS_ALLOW/);
  }
});
