// Sends a welcome e-mail when a user signs in for the first time: once, whatever is repeated.
//
// Subscribe it to the events in SIGN_INS.

import express from 'express';
import Database from 'libsql';
import nodemailer from 'nodemailer';

import { serve } from './serve.js';
import { verified } from './verify.js';

const SIGN_INS = [
  'frontegg.user.authenticated',
  'frontegg.user.authenticatedWithSAML',
  'frontegg.user.authenticatedWithSSO',
  'frontegg.user.authenticatedWithMFA',
];
// Who was there before this program is not welcomed at their next sign-in.
const since = process.env.WELCOME_SINCE ?? '';

const mail = nodemailer.createTransport({
  url: process.env.SMTP_URL ?? 'smtp://127.0.0.1:1025',
  // In all well below the time that Postrider waits for an answer, which is 15 seconds.
  connectionTimeout: 3_000, greetingTimeout: 3_000, socketTimeout: 3_000,
});
const from = process.env.MAIL_FROM ?? 'welcome@example.com';

const db = new Database(process.env.DATABASE ?? 'welcome.db');
db.pragma('journal_mode = WAL');
db.pragma('busy_timeout = 5000');
db.exec(`
  CREATE TABLE IF NOT EXISTS welcomes (
    user_id TEXT PRIMARY KEY,
    claimed_at INTEGER NOT NULL, -- by a request that sends the e-mail
    sent_at INTEGER
  ) STRICT;
`);
// One request at a time has the claim on a user's welcome. One that crashed loses it after a minute.
const claim = db.prepare(`
  INSERT INTO welcomes (user_id, claimed_at) VALUES (?, unixepoch())
  ON CONFLICT (user_id) DO UPDATE SET claimed_at = unixepoch() WHERE sent_at IS NULL AND claimed_at <= unixepoch() - 60
`);
const isSent = db.prepare('SELECT 1 FROM welcomes WHERE user_id = ? AND sent_at IS NOT NULL');
const release = db.prepare('DELETE FROM welcomes WHERE user_id = ? AND sent_at IS NULL');
const settle = db.prepare('UPDATE welcomes SET sent_at = unixepoch() WHERE user_id = ?');

const app = express();
app.post('/webhooks', verified, async (request, response) => {
  const { eventKey, user } = request.event;
  // Times in events are written alike, in UTC: they sort as text.
  if (!SIGN_INS.includes(eventKey) || user?.createdAt < since) {
    response.sendStatus(204);
    return;
  }
  if (!user?.id || !user.email) {
    response.status(422).json({ error: 'a sign-in names a user with an e-mail address' });
    return;
  }
  if (claim.run(user.id).changes === 0) {
    // Sent, or being sent by another request: then this one comes again to see that it was.
    response.sendStatus(isSent.get(user.id) ? 204 : 503);
    return;
  }
  try {
    await mail.sendMail({
      from,
      to: { name: user.name ?? '', address: user.email },
      subject: 'Welcome',
      text: `Hello ${user.name ?? user.email},\n\nyou have signed in for the first time. Welcome!\n`,
      // The same on every try, so that a mail server or program can tell a repeat.
      messageId: `<welcome-${user.id}@${from.split('@').at(-1)}>`,
    });
  } catch (error) {
    release.run(user.id);
    console.error(`no welcome for ${user.id} yet: ${error.message}`);
    response.status(503).json({ error: 'the mail server took no e-mail' }); // Postrider tries again.
    return;
  }
  settle.run(user.id);
  response.sendStatus(204);
});
serve(app);
