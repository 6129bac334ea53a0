// Registers a user in an internal database when they are invited to a tenant.
//
// Subscribe it to frontegg.user.invitedToTenant.

import express from 'express';
import Database from 'libsql';

import { serve } from './serve.js';
import { verified } from './verify.js';

const db = new Database(process.env.DATABASE ?? 'users.db');
db.pragma('journal_mode = WAL');
db.pragma('busy_timeout = 5000');
db.exec(`
  CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT NOT NULL, name TEXT) STRICT;
  CREATE TABLE IF NOT EXISTS members (
    user_id TEXT NOT NULL REFERENCES users, tenant_id TEXT NOT NULL, PRIMARY KEY (user_id, tenant_id)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS handled (webhook_id TEXT PRIMARY KEY, at INTEGER NOT NULL DEFAULT (unixepoch())) STRICT;
`);
const mark = db.prepare('INSERT INTO handled (webhook_id) VALUES (?) ON CONFLICT DO NOTHING');
const addUser = db.prepare('INSERT INTO users (id, email, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
const addMember = db.prepare('INSERT INTO members (user_id, tenant_id) VALUES (?, ?) ON CONFLICT DO NOTHING');

// The mark and the effect are one transaction: a crash leaves both or none, and of two repeats at once one waits for the other.
const register = db.transaction((webhookId, user, tenantId) => {
  if (mark.run(webhookId).changes === 0) return; // A repeat: it was handled before.
  addUser.run(user.id, user.email, user.name ?? null);
  addMember.run(user.id, tenantId);
}).immediate;

const app = express();
app.post('/webhooks', verified, (request, response) => {
  const { eventKey, eventContext, user } = request.event;
  if (eventKey === 'frontegg.user.invitedToTenant') {
    if (!user?.id || !user.email || !eventContext.tenantId) {
      response.status(422).json({ error: 'an invitation names a user with an e-mail address, and a tenant' });
      return;
    }
    register(request.webhookId, user, eventContext.tenantId);
  }
  // After the commit. An error before it is answered with 500, and Postrider tries again.
  response.sendStatus(204);
});
serve(app);
