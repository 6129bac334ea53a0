// Waiting: for a state, never for a time, and never without a deadline.

import { setTimeout as pause } from 'node:timers/promises';

/** How long anything may take before a test gives up, in milliseconds. Generous: it is reached only where something is broken. */
export const PATIENCE_MS = 20_000;

const LOOK_AGAIN_MS = 20;

/**
 * Calls `look` until it returns something truthy, and returns that. When the deadline passes, the error names what was awaited and
 * what was seen last: `look` may throw an assertion to say why it is not content yet.
 *
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} look
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, look, patienceMs = PATIENCE_MS) {
  const deadline = performance.now() + patienceMs;
  let last;
  do {
    try {
      const found = await look();
      if (found) return found;
      last = new Error(`last seen: ${JSON.stringify(found)}`);
    } catch (error) {
      last = error;
    }
    await pause(LOOK_AGAIN_MS);
  } while (performance.now() < deadline);
  throw new Error(`waited ${patienceMs} ms for ${what}`, { cause: last });
}

/**
 * The promise's value, or an error that names what was awaited.
 *
 * @template T
 * @param {string} what
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export async function within(what, promise, patienceMs = PATIENCE_MS) {
  const over = new AbortController();
  const late = pause(patienceMs, undefined, { signal: over.signal }).then(
    () => { throw new Error(`waited ${patienceMs} ms for ${what}`); },
    () => {}, // The promise came first.
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}
