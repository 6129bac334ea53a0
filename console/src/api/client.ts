//! The one way to the server: typed by the OpenAPI document, with the headers that sessions need.
import createClient, { type Middleware } from "openapi-fetch";
import { ApiProblem } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** The path under which the server is reached, with a slash at the end: its public URL can have one. */
export const basePath = new URL(document.baseURI).pathname;

const identity = new Headers({ "x-postrider-csrf": "1" });
const hearers = new Set<() => void>();

/** Headers that go with every call from now on: the environment, or the portal's session. Undefined takes one away. */
export function identify(headers: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) identity.delete(name);
    else identity.set(name, value);
  }
  for (const hear of [...hearers]) hear();
}

/** What calls say who they are by: a token, or a portal's session; null: a cookie alone. */
export const whoAsks = (): string | null => identity.get("authorization") ?? identity.get("postrider-session");

/** How long an answer may take: what hangs fails, so that whoever waits for it can go on. */
const DEADLINE_MS = 60_000;

function fetchInTime(request: Request): Promise<Response> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  // Browsers that cannot have both go without the ending of calls that nobody waits for any more.
  const signal = "any" in AbortSignal ? AbortSignal.any([request.signal, deadline]) : deadline;
  return fetch(request, { signal });
}

/** Headers that say who asks. */
const WHO = ["authorization", "postrider-session"] as const;
export type Who = Partial<Record<(typeof WHO)[number], string | undefined>>;

/** The `fetch` of one call that is made as somebody else than all the others. */
export const fetchAs =
  (who: Who) =>
  (request: Request): Promise<Response> => {
    for (const name of WHO) {
      const value = who[name];
      if (value === undefined) request.headers.delete(name);
      else request.headers.set(name, value);
    }
    return fetchInTime(request);
  };

/** Waits until calls go with another token or session than `before`; `signal` ends the waiting. */
export function anotherIdentity(before: string, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      hearers.delete(hear);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const hear = () => {
      const now = whoAsks();
      if (now !== null && now !== before) end();
    };
    hearers.add(hear);
    signal.addEventListener("abort", end);
    // It may have come already.
    if (signal.aborted) end();
    else hear();
  });
}

export function withIdentity(headers: Headers): Headers {
  identity.forEach((value, name) => {
    if (!headers.has(name)) headers.set(name, value);
  });
  return headers;
}

const identified: Middleware = {
  onRequest({ request }) {
    withIdentity(request.headers);
    return request;
  },
};

export const api = createClient<paths>({
  baseUrl: new URL(basePath, location.origin).href.replace(/\/$/, ""),
  credentials: "same-origin",
  fetch: fetchInTime,
  // Commas stay as they are: lists of states and ids.
  querySerializer: { array: { style: "form", explode: false } },
});
api.use(identified);

/** How sessions are renewed: whose the pages are that make calls, and whether another session is there by now, for a call that was refused
 * because its own has ended. */
export interface Renewing {
  who: () => string | undefined;
  wait: () => Promise<boolean>;
}

let renewing: Renewing | undefined;

export function renewBy(how: Renewing): void {
  renewing = how;
}

const copies = new WeakMap<Request, { copy: Request; who: string | undefined }>();

/** A call that was refused for its session has done nothing: with another session of the same person's it is made once more. */
const renewed: Middleware = {
  onRequest({ request, schemaPath }) {
    // Those of the session itself are how another one is found.
    if (renewing && !schemaPath.startsWith("/api/v1/portal-session"))
      copies.set(request, { copy: request.clone(), who: renewing.who() });
    return undefined;
  },
  async onResponse({ request, response }) {
    const kept = copies.get(request);
    copies.delete(request);
    if (response.status !== 401 || !kept || !renewing || !(await renewing.wait())) return undefined;
    const { copy, who } = kept;
    // Nobody makes a call that somebody else was making.
    if (renewing.who() !== who) return undefined;
    for (const name of WHO) copy.headers.delete(name);
    withIdentity(copy.headers);
    return fetchInTime(copy);
  },
};
api.use(renewed);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer; everything but a success is thrown as [`ApiProblem`]. */
export async function must<T>(call: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const { data, error, response } = await call;
  if (!response.ok) throw new ApiProblem(response.status, error);
  return data as NonNullable<T>;
}
