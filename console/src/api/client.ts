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

/** What calls say who they are by, where that is a token and no cookie. */
export const authorization = (): string | null => identity.get("authorization");

/** Waits until calls go with another token than `before`; `signal` ends the waiting. */
export function anotherToken(before: string, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      hearers.delete(hear);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const hear = () => {
      const now = authorization();
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
  // Commas stay as they are: lists of states and ids.
  querySerializer: { array: { style: "form", explode: false } },
});
api.use(identified);

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
