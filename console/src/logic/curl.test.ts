import { expect, test } from "vitest";
import { type Again, sendAgain } from "./curl";

const words = { leftOut: (names: string) => `without: ${names}`, certificate: "certificate" };
const request = (more: Partial<Again> = {}): Again => ({
  method: "PUT",
  url: "https://example.com/hook",
  headers: [
    { name: "content-type", value: "application/json" },
    { name: "user-agent", value: null, withheld: "not_kept" },
    { name: "x-webhook-secret", value: null, withheld: "signature" },
    { name: "webhook-id", value: "e1" },
    { name: "webhook-timestamp", value: "1" },
    { name: "webhook-signature", value: "v1,…", withheld: "signature" },
    { name: "x-team", value: "it's us" },
    { name: "authorization", value: null, withheld: "hidden" },
  ],
  hasCertificate: false,
  body: "{}",
  id: "e1",
  secret: "a-long-secret",
  at: 1_700_000_000,
  ...more,
});

test("a request is sent again as it was, with a signature of now, and says what it leaves out", async () => {
  const { text, signing, hidden } = await sendAgain(request(), words);
  expect(signing).toBe("signed");
  expect(hidden).toEqual(["authorization"]);
  const lines = text.split("\n").map(line => line.replace(/ \\$/, "").trim());
  expect(lines[0]).toBe("# without: 'user-agent', 'authorization'");
  expect(lines[1]).toBe("curl --globoff -X PUT 'https://example.com/hook'");
  expect(lines[3]).toMatch(/^-H 'x-webhook-secret: ey[\w-]+\.[\w-]+\.[\w-]+'$/);
  expect(lines[6]).toMatch(/^-H 'webhook-signature: v1,[\w+/]+=*'$/);
  expect(lines.filter((_, index) => ![0, 1, 3, 6].includes(index))).toEqual([
    "-H 'content-type: application/json'",
    "-H 'webhook-id: e1'",
    "-H 'webhook-timestamp: 1700000000'",
    "-H 'x-team: it'\\''s us'",
    "--data-raw '{}'",
  ]);
});

test("without a secret that can be read nothing is signed, and nothing says that it is", async () => {
  const { text, signing } = await sendAgain(request({ secret: undefined }), words);
  expect(signing).toBe("unreadable");
  expect(text.split("\n")[0]).toBe("# without: 'user-agent', 'x-webhook-secret', 'webhook-signature', 'authorization'");
  expect(text).not.toContain("-H 'webhook-signature");
});

test("a request without a signature gets none, though there is a secret", async () => {
  const headers = [{ name: "webhook-id", value: "e1" }];
  const { text, signing } = await sendAgain(request({ headers, hasCertificate: true }), words);
  expect(signing).toBe("unsigned");
  expect(text).toBe(
    "# without: certificate\ncurl --globoff -X PUT 'https://example.com/hook' \\\n  -H 'webhook-id: e1' \\\n  --data-raw '{}'",
  );
});

test("a signature by the private key cannot be made here", async () => {
  const signed = (value: string) => request({ headers: [{ name: "webhook-signature", value, withheld: "signature" }] });
  const alone = await sendAgain(signed("v1a,…"), words);
  expect([alone.signing, alone.text.split("\n")[0]]).toEqual(["unreadable", "# without: 'webhook-signature'"]);
  const both = await sendAgain(signed("v1,… v1a,…"), words);
  expect([both.signing, both.text.split("\n")[0]]).toEqual(["signed", "# without: 'webhook-signature v1a'"]);
});

test("a name of a header stays a word, whatever stands in it", async () => {
  const headers = [{ name: "x-`id`'", value: null, withheld: "hidden" }];
  const { text } = await sendAgain(request({ headers }), words);
  expect(text.split("\n")[0]).toBe("# without: 'x-`id`'\\'''");
});
