import { expect, test } from "vitest";
import { type Comparable, type Difference, differences, type Sent } from "./compare";

const words = {
  time: (at: string) => at,
  withheld: (why: string) => `(${why})`,
  notRecorded: "not recorded",
  certificateShown: "shown",
};

const request: Sent = {
  method: "POST",
  headers: [
    { name: "webhook-timestamp", value: "1" },
    { name: "webhook-signature", value: "v1,…", withheld: "signature" },
    { name: "x-key", value: null, withheld: "hidden" },
    { name: "x-tenant", value: "a" },
  ],
  authentication: null,
  clientCertificate: false,
  deadlineSeconds: 15,
  settingsRevision: 1,
};

const attempt: Comparable = {
  startedAt: "1",
  url: "u",
  request,
  statusCode: 500,
  headers: [{ name: "Server", value: "a" }],
  body: "x",
  timings: { totalMs: 3 },
};

const marked = (rows: Difference[]) => rows.filter(row => row.differs).map(row => row.name);

test("only what differs between two answers is marked", () => {
  const other = {
    ...attempt,
    startedAt: "2",
    statusCode: 200,
    headers: [
      { name: "server", value: "a" },
      { name: "etag", value: "1" },
    ],
  };
  const { request, response, settingsChanged } = differences(attempt, other, words);
  expect(marked(response)).toEqual(["statusCode", "etag"]);
  expect(marked(request)).toEqual([]);
  expect(settingsChanged).toBe(false);
});

test("two requests are compared in whatever the webhook's settings decide", () => {
  const later: Sent = {
    ...request,
    headers: [
      { name: "webhook-timestamp", value: "2" },
      { name: "webhook-signature", value: "v1,… v1a,…", withheld: "signature" },
      { name: "x-key", value: null, withheld: "hidden" },
      { name: "x-new", value: "b" },
    ],
    authentication: "bearer",
    deadlineSeconds: 5,
    settingsRevision: 3,
  };
  const compared = differences(attempt, { ...attempt, url: "v", request: later }, words);
  expect(marked(compared.request)).toEqual([
    "url",
    "authentication",
    "deadlineSeconds",
    "webhook-signature",
    "x-new",
    "x-tenant",
  ]);
  expect(compared.request.find(row => row.name === "x-key")).toMatchObject({ left: "(hidden)", right: "(hidden)" });
  expect(compared.settingsChanged).toBe(true);
  expect(compared.request.map(row => row.name)).not.toContain("clientCertificate");
});

test("a hidden value that was changed shows by the settings' number alone", () => {
  const compared = differences(attempt, { ...attempt, request: { ...request, settingsRevision: 2 } }, words);
  expect(marked(compared.request)).toEqual([]);
  expect(compared.settingsChanged).toBe(true);
});

test("nothing is made up beside a request that was not recorded", () => {
  const compared = differences({ ...attempt, request: null }, attempt, words);
  expect(marked(compared.request)).toEqual([]);
  expect(compared.request.find(row => row.name === "x-tenant")).toMatchObject({ left: "not recorded", right: "a" });
  expect(compared.settingsChanged).toBeUndefined();
  const neither = differences({ ...attempt, request: null }, { ...attempt, request: null, url: "v" }, words);
  expect(neither.request.map(row => row.name)).toEqual(["startedAt", "url"]);
  expect(neither.settingsChanged).toBe(true);
});
