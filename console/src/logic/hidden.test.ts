import { expect, test } from "vitest";
import { givenAgain, hiddenValues, leadsElsewhere } from "./hidden";

const webhook = {
  url: "https://crm.example/hooks",
  headers: [
    { name: "x-shown", value: "1", isSensitive: false },
    { name: "x-key", value: null, isSensitive: true },
  ],
  authentication: { type: "oauth2" as const, clientId: "c", clientSecret: null },
  clientCertificate: { certificate: "PEM", privateKey: null },
};

test("scheme, host and port make a server, the path does not", () => {
  for (const same of ["https://crm.example", "https://CRM.example:443/other?x", " https://crm.example/hooks "])
    expect(leadsElsewhere(webhook.url, same), same).toBe(false);
  for (const other of ["http://crm.example/hooks", "https://crm.example:8443/hooks", "https://evil.example/hooks"])
    expect(leadsElsewhere(webhook.url, other), other).toBe(true);
  expect(leadsElsewhere(webhook.url, "https://")).toBe(false);
});

test("what is hidden is asked for, and sent in its place", () => {
  expect(hiddenValues(webhook).map(value => value.at)).toEqual([
    "/headers/1/value",
    "/authentication/clientSecret",
    "/clientCertificate/privateKey",
  ]);
  const given = { "/headers/1/value": "k", "/authentication/clientSecret": "s", "/clientCertificate/privateKey": "p" };
  expect(givenAgain(webhook, given)).toEqual({
    headers: [webhook.headers[0], { name: "x-key", value: "k", isSensitive: true }],
    authentication: { type: "oauth2", clientId: "c", clientSecret: "s" },
    clientCertificate: { certificate: "PEM", privateKey: "p" },
  });
  const bare = { url: webhook.url, headers: [] };
  expect([hiddenValues(bare), givenAgain(bare, {})]).toEqual([[], {}]);
});
