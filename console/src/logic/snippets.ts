//! Code to copy: how receivers verify, and a request as cURL.

export type Language = "node" | "python" | "go" | "rust";

const SNIPPETS: Record<Language, string> = {
  node: `// npm install express standardwebhooks
import express from "express";
import { Webhook } from "standardwebhooks";

const secret = process.env.WEBHOOK_SECRET;
// A secret of the form whsec_... is taken as it is, any other as Base64 of its text.
const key = secret.startsWith("whsec_") ? secret : Buffer.from(secret).toString("base64");

express()
  .post("/webhooks", express.raw({ type: "*/*" }), (request, response) => {
    const event = new Webhook(key).verify(request.body, request.headers); // throws if it is forged
    console.log(event.eventKey);
    response.sendStatus(204);
  })
  .listen(3000);
`,
  python: `# pip install fastapi uvicorn standardwebhooks
import base64, os
from fastapi import FastAPI, Request
from standardwebhooks import Webhook

secret = os.environ["WEBHOOK_SECRET"]
# A secret of the form whsec_... is taken as it is, any other as Base64 of its text.
key = secret if secret.startswith("whsec_") else base64.b64encode(secret.encode()).decode()
app = FastAPI()

@app.post("/webhooks", status_code=204)
async def receive(request: Request):
    event = Webhook(key).verify(await request.body(), dict(request.headers))  # raises if it is forged
    print(event["eventKey"])
`,
  go: `// go get github.com/standard-webhooks/standard-webhooks/libraries/go
package main

import (
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func main() {
	secret := os.Getenv("WEBHOOK_SECRET")
	// A secret of the form whsec_... is taken as it is, any other as Base64 of its text.
	if !strings.HasPrefix(secret, "whsec_") {
		secret = base64.StdEncoding.EncodeToString([]byte(secret))
	}
	webhook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/webhooks", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if webhook.Verify(body, r.Header) != nil { // it is forged
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	http.ListenAndServe(":3000", nil)
}
`,
  rust: `// cargo add axum tokio --features tokio/full && cargo add standardwebhooks base64
use axum::{Router, body::Bytes, http::{HeaderMap, StatusCode}, routing::post};
use base64::{Engine, prelude::BASE64_STANDARD};
use standardwebhooks::Webhook;

async fn receive(headers: HeaderMap, body: Bytes) -> StatusCode {
    let secret = std::env::var("WEBHOOK_SECRET").expect("WEBHOOK_SECRET is set");
    // A secret of the form whsec_... is taken as it is, any other as Base64 of its text.
    let key = if secret.starts_with("whsec_") { secret } else { BASE64_STANDARD.encode(secret) };
    let webhook = Webhook::new(&key).expect("the secret can be read");
    match webhook.verify(&body, &headers) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::UNAUTHORIZED, // it is forged
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

export const verificationSnippet = (language: Language): string => SNIPPETS[language];

export interface Sent {
  method: string;
  url: string;
  headers: { name: string; value: string }[];
  body: string | null;
}

/** A word for a POSIX shell that is exactly that text. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A request as a command that sends it again. */
export function curl({ method, url, headers, body }: Sent): string {
  // Without `--globoff` curl takes brackets and braces of a URL for patterns, and may send several requests.
  const lines = [`curl --globoff -X ${method} ${quoted(url)}`];
  for (const { name, value } of headers) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== null) lines.push(`--data-raw ${quoted(body)}`);
  return lines.join(" \\\n  ");
}
