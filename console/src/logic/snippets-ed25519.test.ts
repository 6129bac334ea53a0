import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { expect, test } from "vitest";
import { keySnippet } from "./snippets-ed25519";

test("each language's code has the webhook's key in it", () => {
  for (const language of ["node", "python", "go", "rust"] as const)
    expect(keySnippet(language, "whpk_abc="), language).toContain('"whpk_abc="');
});

test("the code for Node.js takes what was signed, and nothing else", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url").toString("base64");
  const code = keySnippet("node", `whpk_${raw}`);
  const check = code.slice(code.indexOf("const publicKey"), code.indexOf("express()"));
  const isRight = new Function("createPublicKey", "verify", `${check}\nreturn isRight;`)(createPublicKey, verify);
  const body = Buffer.from('{"a":1}');
  const at = String(Math.floor(Date.now() / 1000));
  const signature = sign(null, Buffer.concat([Buffer.from(`id.${at}.`), body]), privateKey).toString("base64");
  const headers = {
    "webhook-id": "id",
    "webhook-timestamp": at,
    "webhook-signature": `v1,other v1a,${signature}`,
  };
  expect(isRight(headers, body)).toBe(true);
  expect(isRight(headers, Buffer.from('{"a":2}'))).toBe(false);
  expect(isRight({ ...headers, "webhook-timestamp": "1" }, body)).toBe(false);
  expect(isRight({ ...headers, "webhook-signature": `v1,${signature}` }, body)).toBe(false);
});
