"""Lets through only what Postrider signed with this webhook's secret; everything else gets 401."""

import os
from dataclasses import dataclass
from typing import Annotated, Any

import jwt
from fastapi import Depends, HTTPException, Request
from standardwebhooks import Webhook, WebhookVerificationError

MOST_BYTES = 1_000_000

secret = os.environ["WEBHOOK_SECRET"]
# After whsec_ a secret is base64; any other one is taken as it is typed.
webhook = Webhook(secret if secret.startswith("whsec_") else secret.encode())


@dataclass(frozen=True)
class Event:
    webhook_id: str  # the same on every repeat
    key: str
    context: dict[str, Any]
    user: dict[str, Any]  # empty where the event is about something else


async def verified(request: Request) -> Event:
    # The signature covers the bytes that were sent, so they are verified before they are parsed.
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413)
    try:
        # A token that is valid for five minutes, as Frontegg sends it: it proves who sends, but not what is sent.
        token = request.headers.get("x-webhook-secret", "")
        jwt.decode(token, secret, algorithms=["HS256"], options={"require": ["exp"]})
        # Standard Webhooks: covers the id, the time and the body.
        event = webhook.verify(bytes(body), dict(request.headers))
    except (jwt.InvalidTokenError, WebhookVerificationError, ValueError) as error:
        raise HTTPException(401, str(error)) from error
    return Event(request.headers["webhook-id"], event["eventKey"], event["eventContext"], event.get("user") or {})


VerifiedEvent = Annotated[Event, Depends(verified)]
