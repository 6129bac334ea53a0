//! How the portal gets in: by a one-time code, by a session that stands, or by the user's own token. Nothing of it is kept but the
//! session's id, which is no secret, in the URL and, at the top of a window, as the one that was open last.
import { api, basePath, identify, must, type Schemas } from "@/api/client";
import { hasCode, isSignedOut } from "@/api/problem";
import { type Credentials, credentialsIn } from "./credentials";
import { isFramed } from "./frame";
import { remember, remembered, wasAgreed } from "./remembered";

export type PortalSession = Schemas["PortalSession"];

export type Access =
  | { state: "opening" }
  | { state: "open"; session: PortalSession }
  /** A link opened this session while that of somebody else is open in the same browser: the reader says which it is to be. */
  | { state: "asking"; session: PortalSession; before: PortalSession }
  /** It ended, or was revoked: a new code or token brings it back. */
  | { state: "ended" }
  | { state: "badLink" }
  | { state: "hidden" }
  /** Neither code nor session nor token: the page was not opened from a product. */
  | { state: "none" };

/** A token is renewed that long before it ends. */
const EARLY_MS = 60_000;

/** The environment that the page was opened for. */
export function environmentOf(path: string): string {
  return path.slice(basePath.length).split("/")[1] ?? "";
}

const environmentId = environmentOf(location.pathname);
// The server refuses what is another environment's: this page was served as the portal of this one.
identify({ "postrider-environment": environmentId || undefined });

/** What the page's URL brings; the fragment is taken out of it at once. */
export function takeFromUrl(): Credentials {
  const credentials = credentialsIn(location, isFramed);
  if (location.hash) history.replaceState(history.state, "", location.pathname + location.search);
  return credentials;
}

/** The tenant that a portal is of, and the user, where one is named. */
export const holderOf = ({ tenantId, userId }: Pick<PortalSession, "tenantId" | "userId">): string =>
  userId ? `${tenantId} · ${userId}` : tenantId;

let renewal: ReturnType<typeof setTimeout> | undefined;

function become(headers: { session?: string; token?: string }): void {
  clearTimeout(renewal);
  renewal = undefined;
  identify({
    "postrider-session": headers.session,
    authorization: headers.token === undefined ? undefined : `Bearer ${headers.token}`,
  });
}

/** The session in force, as the server sees it now. */
export const look = (): Promise<PortalSession> => must(api.GET("/api/v1/portal-session"));

/** Where cookies of third parties are blocked, a short-lived token takes their place: in memory, renewed while the page is open. */
function renewLater(expiresAt: string): void {
  const wait = Math.max(5000, Date.parse(expiresAt) - Date.now() - EARLY_MS);
  const own = setTimeout(async () => {
    try {
      const renewed = await must(api.POST("/api/v1/portal-session/token"));
      // Another way in may have been found meanwhile.
      if (renewal !== own) return;
      become({ token: renewed.token });
      renewLater(renewed.tokenExpiresAt);
    } catch (error) {
      // Where the session has ended the next call finds out, and says so. What broke on the way is tried again while the token lasts.
      if (renewal === own && !isSignedOut(error)) renewLater(expiresAt);
    }
  }, wait);
  renewal = own;
}

async function byCode(code: string): Promise<PortalSession> {
  // Calls that are made meanwhile go on with the session before.
  const opened = await must(api.POST("/api/v1/portal-session", { body: { code } }));
  const id = opened.session.id ?? undefined;
  become(id ? { session: id } : {});
  try {
    return await look();
  } catch (error) {
    if (!isSignedOut(error)) throw error;
    become({ token: opened.token });
    renewLater(opened.tokenExpiresAt);
    return opened.session;
  }
}

function bySession(id: string): Promise<PortalSession> {
  become({ session: id });
  return look();
}

function byToken(token: string): Promise<PortalSession> {
  become({ token });
  return look();
}

/** No way in, as far as the one who asks can tell: not signed in, or a page of another environment's. */
const isRefused = (error: unknown) => isSignedOut(error) || hasCode(error, "scope_foreign");

/** The session that was open at the top last, where it still is. */
async function openBefore(): Promise<PortalSession | undefined> {
  const id = isFramed ? undefined : remembered(environmentId);
  if (!id) return undefined;
  try {
    return await bySession(id);
  } catch (error) {
    if (isRefused(error) || hasCode(error, "portal_hidden")) return undefined;
    throw error;
  }
}

/** Tries what there is, in order. */
export async function enter({ code, token, session }: Credentials): Promise<Access> {
  const before = code !== undefined || session !== undefined ? await openBefore() : undefined;
  let refused: Access = { state: "none" };
  const attempts: [string | undefined, (given: string) => Promise<PortalSession>, "badLink" | "ended"][] = [
    [code, byCode, "badLink"],
    [session, bySession, "ended"],
    [token, byToken, "ended"],
  ];
  for (const [given, attempt, otherwise] of attempts) {
    if (given === undefined) continue;
    try {
      const found = await attempt(given);
      if (before && isOfSomebodyElse(found, before)) return { state: "asking", session: found, before };
      return agree(found);
    } catch (error) {
      if (hasCode(error, "portal_hidden")) return { state: "hidden" };
      if (!isRefused(error)) throw error;
      if (refused.state === "none") refused = { state: otherwise };
    }
  }
  return refused;
}

function isOfSomebodyElse(session: PortalSession, before: PortalSession): boolean {
  if (session.id === before.id || (session.id && wasAgreed(session.id))) return false;
  return session.tenantId !== before.tenantId || session.userId !== before.userId;
}

/** Shows the session, which is then the one that is open. */
export function agree(session: PortalSession): Access {
  if (!isFramed && session.id) remember(environmentId, session.id);
  return { state: "open", session };
}

/** Ends the session that a link has just opened, and goes on with the one before. */
export async function stay(before: PortalSession): Promise<Access> {
  await leave();
  return before.id ? agree(await bySession(before.id)) : { state: "ended" };
}

export async function leave(): Promise<void> {
  await must(api.DELETE("/api/v1/portal-session"));
  become({});
}
