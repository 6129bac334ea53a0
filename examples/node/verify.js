// Lets through only what Postrider signed with this webhook's secret; everything else gets 401.

import express from 'express';
import jwt from 'jsonwebtoken';
import { Webhook } from 'standardwebhooks';

const secret = process.env.WEBHOOK_SECRET;
if (!secret) throw new Error("set WEBHOOK_SECRET to the webhook's secret");

// After whsec_ a secret is base64; any other one is taken as it is typed.
const webhook = new Webhook(secret, secret.startsWith('whsec_') ? undefined : { format: 'raw' });

/** Express middleware: afterwards `request.event` is the event, and `request.webhookId` its id, the same on every repeat. */
export const verified = [
  // The signature covers the bytes that were sent, so they are verified before they are parsed.
  express.raw({ type: () => true, limit: '1mb' }),
  (request, response, next) => {
    try {
      // A token that is valid for five minutes, as Frontegg sends it: it proves who sends, but not what is sent.
      jwt.verify(request.headers['x-webhook-secret'], secret, { algorithms: ['HS256'] });
      // Standard Webhooks: covers the id, the time and the body.
      request.event = webhook.verify(request.body, request.headers);
    } catch (error) {
      response.status(401).json({ error: error.message });
      return;
    }
    request.webhookId = request.headers['webhook-id'];
    next();
  },
];
