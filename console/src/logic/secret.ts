//! Secrets that are made up in the browser, of the form that verifiers after Standard Webhooks expect.

export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

/** How the server counts: characters, not UTF-16 units. */
export const lengthOf = (secret: string): number => [...secret].length;

/** A key that is used once. `crypto.randomUUID` is missing on pages without https. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
