//! What outcomes are called.

const STATUS: Record<number, string> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** The usual words of a status code; empty where there are none. */
export const statusText = (code: number): string => STATUS[code] ?? "";

export type Tone = "calm" | "good" | "bad" | "warn" | "accent";

export const toneOfState: Record<string, Tone> = {
  pending: "accent",
  retrying: "warn",
  delivered: "good",
  failed: "bad",
  discarded: "calm",
};

export function toneOfStatus(code: number | null | undefined): Tone {
  if (code == null) return "bad";
  return code >= 200 && code < 300 ? "good" : "bad";
}

export const isFinal = (state: string): boolean => state === "delivered" || state === "failed" || state === "discarded";
