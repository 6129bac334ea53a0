//! The parts of an attempt's time as bars on one line.

export interface TimedParts {
  dnsMs?: number | null;
  connectMs?: number | null;
  tlsMs?: number | null;
  firstByteMs?: number | null;
  totalMs: number;
}

export interface Part {
  name: "dns" | "connect" | "tls" | "waiting" | "body";
  /** Shares of the whole, 0 to 1. */
  start: number;
  length: number;
  /** Null: it did not happen, the connection was kept from before. */
  ms: number | null;
}

/** `firstByteMs` counts from the start: waiting is what is left of it after the connection stood. */
export function timeline(timings: TimedParts): Part[] {
  const whole = Math.max(timings.totalMs, 0.001);
  const parts: Part[] = [];
  let at = 0;
  const add = (name: Part["name"], ms: number | null) => {
    const length = ms === null ? 0 : Math.min(Math.max(ms, 0) / whole, 1 - at);
    parts.push({ name, start: at, length, ms });
    at += length;
  };
  add("dns", timings.dnsMs ?? null);
  add("connect", timings.connectMs ?? null);
  add("tls", timings.tlsMs ?? null);
  if (timings.firstByteMs != null) {
    const before = (timings.dnsMs ?? 0) + (timings.connectMs ?? 0) + (timings.tlsMs ?? 0);
    add("waiting", Math.max(0, timings.firstByteMs - before));
    add("body", Math.max(0, timings.totalMs - timings.firstByteMs));
  }
  return parts;
}
