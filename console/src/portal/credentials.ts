//! What a URL of the portal brings along.

export interface Credentials {
  code?: string;
  token?: string;
  session?: string;
}

/** A user's token counts in a frame alone, where a page that may frame the portal has put it: at the top of a window anybody's link could
 * bring its own, and whoever follows it would work for somebody else. */
export function credentialsIn({ hash, search }: { hash: string; search: string }, framed: boolean): Credentials {
  const fragment = new URLSearchParams(hash.slice(1));
  const session = new URLSearchParams(search).get("session");
  const [code, token] = [fragment.get("code"), framed ? fragment.get("token") : null];
  return { ...(code ? { code } : {}), ...(token ? { token } : {}), ...(session ? { session } : {}) };
}
