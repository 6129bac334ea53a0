//! Which session the portal last showed at the top of a browser's window, so that a link of somebody else's does not take its place unseen.
//! Ids of sessions are no secrets. In a frame nothing is remembered: which portal it shows is the page's around it to say.

const open = (environmentId: string) => `postrider-portal-${environmentId}`;
const AGREED = "postrider-portal-agreed";

/** Storage that a browser may refuse altogether. */
function attempt<T>(what: () => T): T | undefined {
  try {
    return what();
  } catch {
    return undefined;
  }
}

/** The session that was open here last. */
export const remembered = (environmentId: string): string | undefined =>
  attempt(() => localStorage.getItem(open(environmentId))) ?? undefined;

/** This session is what the reader means to see, in this tab and by default. */
export function remember(environmentId: string, sessionId: string): void {
  attempt(() => {
    localStorage.setItem(open(environmentId), sessionId);
    sessionStorage.setItem(AGREED, sessionId);
  });
}

/** Whether the reader has been in this session in this tab before. */
export const wasAgreed = (sessionId: string): boolean =>
  attempt(() => sessionStorage.getItem(AGREED) === sessionId) ?? false;
