// Runs a flow on everything that has to do with signing in: after three failures in a row an account is put under review, until its
// owner signs in or changes the password. Each change of that leaves a task for whatever acts upon it.
//
// Subscribe it to the events in OUTCOMES.

import express from 'express';
import Database from 'libsql';

import { serve } from './serve.js';
import { verified } from './verify.js';

const OUTCOMES = {
  'frontegg.user.failedAuthentication': 'failed',
  'frontegg.user.authenticated': 'passed',
  'frontegg.user.authenticatedWithSAML': 'passed',
  'frontegg.user.authenticatedWithSSO': 'passed',
  'frontegg.user.authenticatedWithMFA': 'passed',
  'frontegg.user.changedPassword': 'passed',
};
const FAILURES_BEFORE_REVIEW = 3;

const db = new Database(process.env.DATABASE ?? 'logins.db');
db.pragma('journal_mode = WAL');
db.pragma('busy_timeout = 5000');
db.exec(`
  CREATE TABLE IF NOT EXISTS logins (
    webhook_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, event_key TEXT NOT NULL, outcome TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS logins_of_users ON logins (user_id, outcome, webhook_id);
  CREATE TABLE IF NOT EXISTS accounts (user_id TEXT PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('open', 'review'))) STRICT;
  CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY, user_id TEXT NOT NULL, kind TEXT NOT NULL, done_at INTEGER
  ) STRICT;
`);
const addLogin = db.prepare('INSERT INTO logins (webhook_id, user_id, event_key, outcome) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING');
// A webhook-id begins with the time of its event. Events that arrive late, after a retry, are therefore counted in their place.
const failuresInARow = db.prepare(`
  SELECT count(*) AS failures FROM logins WHERE user_id = ?1 AND outcome = 'failed' AND webhook_id >
    coalesce((SELECT max(webhook_id) FROM logins WHERE user_id = ?1 AND outcome = 'passed'), '')
`);
const stateOf = db.prepare('SELECT state FROM accounts WHERE user_id = ?');
const setState = db.prepare(`
  INSERT INTO accounts (user_id, state) VALUES (?, ?) ON CONFLICT (user_id) DO UPDATE SET state = excluded.state
`);
const addTask = db.prepare('INSERT INTO tasks (user_id, kind) VALUES (?, ?)');

// All steps are one transaction: a crash leaves all or none, and of two repeats at once one waits for the other.
const advance = db.transaction((webhookId, eventKey, userId) => {
  if (addLogin.run(webhookId, userId, eventKey, OUTCOMES[eventKey]).changes === 0) return; // A repeat: it was handled before.
  const { failures } = failuresInARow.get(userId);
  const before = stateOf.get(userId)?.state ?? 'open';
  const after = failures >= FAILURES_BEFORE_REVIEW ? 'review' : 'open';
  setState.run(userId, after);
  if (after !== before) addTask.run(userId, after === 'review' ? 'start-review' : 'end-review');
}).immediate;

const app = express();
app.post('/webhooks', verified, (request, response) => {
  const { eventKey, user } = request.event;
  // Somebody who failed to sign in may be nobody whom the identity provider knows.
  if (Object.hasOwn(OUTCOMES, eventKey) && user?.id) advance(request.webhookId, eventKey, user.id);
  // After the commit. An error before it is answered with 500, and Postrider tries again.
  response.sendStatus(204);
});
serve(app);
