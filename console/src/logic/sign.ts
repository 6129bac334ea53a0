//! Signatures of a request that is sent again by hand: what the server would put on it.

const encode = (text: string) => new TextEncoder().encode(text);

const toBase64 = (bytes: Uint8Array) => btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));

const toBase64Url = (bytes: Uint8Array) =>
  toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The key of `webhook-signature`: what stands behind `whsec_`, else the secret's own bytes. */
function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  if (secret.startsWith("whsec_")) {
    try {
      return Uint8Array.from(atob(secret.slice(6)), char => char.charCodeAt(0));
    } catch {
      // No Base64 after all: it is a text like any other.
    }
  }
  return encode(secret);
}

async function hmac(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encode(text)));
}

/**
 * The headers that prove a body: `x-webhook-secret` and `webhook-signature`. `at` is in seconds. Empty where the browser has no
 * cryptography, as on a page without https.
 */
export async function signatureHeaders(
  secret: string,
  id: string,
  at: number,
  body: string,
): Promise<{ name: string; value: string }[]> {
  if (!globalThis.crypto?.subtle) return [];
  const claims = `${toBase64Url(encode('{"alg":"HS256","typ":"JWT"}'))}.${toBase64Url(encode(JSON.stringify({ iat: at, exp: at + 300 })))}`;
  const jwt = `${claims}.${toBase64Url(await hmac(encode(secret), claims))}`;
  const signature = toBase64(await hmac(keyOf(secret), `${id}.${at}.${body}`));
  return [
    { name: "x-webhook-secret", value: jwt },
    { name: "webhook-signature", value: `v1,${signature}` },
  ];
}
