//! Code to copy for webhooks that sign with a key alone: a receiver verifies with the public key and keeps no secret.
import type { Language } from "./snippets";

const SNIPPETS: Record<Language, (key: string) => string> = {
  node: key => `// npm install express
import { createPublicKey, verify } from "node:crypto";
import express from "express";

const publicKey = "${key}";
const x = Buffer.from(publicKey.slice("whpk_".length), "base64").toString("base64url");
const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });

function isRight(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signatures = "" } = headers;
  const content = Buffer.concat([Buffer.from(\`\${id}.\${at}.\`), body]);
  const isFresh = Math.abs(Date.now() / 1000 - Number(at)) < 300;
  return isFresh && signatures.split(" ").some(one =>
    one.startsWith("v1a,") && verify(null, content, key, Buffer.from(one.slice(4), "base64")));
}

express()
  .post("/webhooks", express.raw({ type: "*/*" }), (request, response) => {
    response.sendStatus(isRight(request.headers, request.body) ? 204 : 401); // 401: it is forged
  })
  .listen(3000);
`,
  python: key => `# pip install fastapi uvicorn cryptography
import base64, time
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import FastAPI, HTTPException, Request

PUBLIC_KEY = "${key}"
key = Ed25519PublicKey.from_public_bytes(base64.b64decode(PUBLIC_KEY.removeprefix("whpk_")))
app = FastAPI()

def is_right(headers, body: bytes) -> bool:
    at = headers["webhook-timestamp"]
    if abs(time.time() - int(at)) > 300:
        return False
    content = f"{headers['webhook-id']}.{at}.".encode() + body
    for one in headers["webhook-signature"].split():
        if one.startswith("v1a,"):
            try:
                key.verify(base64.b64decode(one[4:]), content)
                return True
            except InvalidSignature:
                pass
    return False

@app.post("/webhooks", status_code=204)
async def receive(request: Request):
    if not is_right(request.headers, await request.body()):
        raise HTTPException(401)  # it is forged
`,
  go: key => `package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const publicKey = "${key}"

func isRight(header http.Header, body []byte, key ed25519.PublicKey) bool {
	at, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	if err != nil || math.Abs(float64(time.Now().Unix()-at)) > 300 {
		return false
	}
	content := append([]byte(header.Get("webhook-id")+"."+header.Get("webhook-timestamp")+"."), body...)
	for _, one := range strings.Fields(header.Get("webhook-signature")) {
		if encoded, found := strings.CutPrefix(one, "v1a,"); found {
			signature, err := base64.StdEncoding.DecodeString(encoded)
			if err == nil && ed25519.Verify(key, content, signature) {
				return true
			}
		}
	}
	return false
}

func main() {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(publicKey, "whpk_"))
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/webhooks", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !isRight(r.Header, body, key) { // it is forged
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	http.ListenAndServe(":3000", nil)
}
`,
  rust: key => `// cargo add axum ed25519-dalek base64 && cargo add tokio --features full
use std::time::{SystemTime, UNIX_EPOCH};
use axum::{Router, body::Bytes, http::{HeaderMap, StatusCode}, routing::post};
use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};

const PUBLIC_KEY: &str = "${key}";

fn is_right(headers: &HeaderMap, body: &[u8]) -> Option<()> {
    let text = |name| headers.get(name)?.to_str().ok();
    let (id, at) = (text("webhook-id")?, text("webhook-timestamp")?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    if now.abs_diff(at.parse().ok()?) > 300 {
        return None;
    }
    let key = BASE64_STANDARD.decode(PUBLIC_KEY.strip_prefix("whpk_")?).ok()?;
    let key = VerifyingKey::from_bytes(&key.try_into().ok()?).ok()?;
    let content = [format!("{id}.{at}.").as_bytes(), body].concat();
    text("webhook-signature")?.split(' ').find_map(|one| {
        let signature = BASE64_STANDARD.decode(one.strip_prefix("v1a,")?).ok()?;
        key.verify_strict(&content, &Signature::from_slice(&signature).ok()?).ok()
    })
}

async fn receive(headers: HeaderMap, body: Bytes) -> StatusCode {
    match is_right(&headers, &body) {
        Some(()) => StatusCode::NO_CONTENT,
        None => StatusCode::UNAUTHORIZED, // it is forged
    }
}

#[tokio::main]
async fn main() {
    let app = Router::new().route("/webhooks", post(receive));
    let listener = tokio::net::TcpListener::bind("0.0.0.0:3000").await.unwrap();
    axum::serve(listener, app).await.unwrap();
}
`,
};

/** Verifies `v1a` signatures; the key is the webhook's own, which is public. */
export const keySnippet = (language: Language, publicKey: string): string => SNIPPETS[language](publicKey);
