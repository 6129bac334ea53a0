//! How the portal gets in: by a one-time code, by a session that stands, or by the user's own token. Nothing of it is kept but the
//! session's id, which is no secret, in the URL and, at the top of a window, as the one that was open last.
import { api, basePath, fetchAs, identify, must, type Schemas, type Who } from "@/api/client";
import { hasCode, isSignedOut } from "@/api/problem";
import { type Credentials, credentialsIn } from "./credentials";
import { isFramed } from "./frame";
import { remember, remembered, wasAgreed } from "./remembered";

export type PortalSession = Schemas["PortalSession"];

/** What calls say who they are by: the id of a session, whose cookie the browser has, or a token. */
export interface Identity {
  session?: string;
  token?: string;
  /** Of a token that takes a cookie's place, which is renewed before. */
  tokenExpiresAt?: string;
}

/** A session, and how calls are made in it. */
interface Found {
  session: PortalSession;
  identity: Identity;
}

export type Access =
  | { state: "opening" }
  /** `identity` is for [`assume`], together with showing the session; without one it is that of the calls there are. */
  | { state: "open"; session: PortalSession; identity?: Identity }
  /** A link opened this session while that of somebody else is open in the same browser: the reader says which it is to be. */
  | { state: "asking"; found: Found; before: PortalSession }
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

const whoIs = ({ session, token }: Identity): Who => ({
  "postrider-session": session,
  authorization: token === undefined ? undefined : `Bearer ${token}`,
});

/** All calls are made so from now on. */
export function assume(identity: Identity): void {
  clearTimeout(renewal);
  renewal = undefined;
  identify(whoIs(identity));
  if (identity.tokenExpiresAt !== undefined) renewLater(identity.tokenExpiresAt);
}

/** The session in force, as the server sees it now. */
export const look = (): Promise<PortalSession> => must(api.GET("/api/v1/portal-session"));

/** The session of an identity that other calls do not go by yet: the pages that are shown may be somebody else's. */
async function find(identity: Identity): Promise<Found> {
  const session = await must(api.GET("/api/v1/portal-session", { fetch: fetchAs(whoIs(identity)) }));
  return { session, identity };
}

/** Where cookies of third parties are blocked, a short-lived token takes their place: in memory, renewed while the page is open. */
function renewLater(expiresAt: string): void {
  const wait = Math.max(5000, Date.parse(expiresAt) - Date.now() - EARLY_MS);
  const own = setTimeout(async () => {
    try {
      const renewed = await must(api.POST("/api/v1/portal-session/token"));
      // Another way in may have been found meanwhile.
      if (renewal !== own) return;
      assume({ token: renewed.token, tokenExpiresAt: renewed.tokenExpiresAt });
    } catch (error) {
      // Where the session has ended the next call finds out, and says so. What broke on the way is tried again while the token lasts.
      if (renewal === own && !isSignedOut(error)) renewLater(expiresAt);
    }
  }, wait);
  renewal = own;
}

async function byCode(code: string): Promise<Found> {
  const { session, token, tokenExpiresAt } = await must(api.POST("/api/v1/portal-session", { body: { code } }));
  try {
    return await find(session.id ? { session: session.id } : {});
  } catch (error) {
    if (!isSignedOut(error)) throw error;
    return { session, identity: { token, tokenExpiresAt } };
  }
}

const bySession = (session: string): Promise<Found> => find({ session });

const byToken = (token: string): Promise<Found> => find({ token });

/** No way in, as far as the one who asks can tell: not signed in, or a page of another environment's. */
const isRefused = (error: unknown) => isSignedOut(error) || hasCode(error, "scope_foreign");

/** The session that was open at the top last, where it still is. */
async function openBefore(): Promise<PortalSession | undefined> {
  const id = isFramed ? undefined : remembered(environmentId);
  if (!id) return undefined;
  try {
    return (await bySession(id)).session;
  } catch (error) {
    if (isRefused(error) || hasCode(error, "portal_hidden")) return undefined;
    throw error;
  }
}

/** Tries what there is, in order. Calls go on as before until what was found is shown. */
export async function enter({ code, token, session }: Credentials): Promise<Access> {
  const before = code !== undefined || session !== undefined ? await openBefore() : undefined;
  let refused: Access = { state: "none" };
  const attempts: [string | undefined, (given: string) => Promise<Found>, "badLink" | "ended"][] = [
    [code, byCode, "badLink"],
    [session, bySession, "ended"],
    [token, byToken, "ended"],
  ];
  for (const [given, attempt, otherwise] of attempts) {
    if (given === undefined) continue;
    try {
      const found = await attempt(given);
      if (before && isOfSomebodyElse(found.session, before)) return { state: "asking", found, before };
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
export function agree({ session, identity }: Found): Access {
  if (!isFramed && session.id) remember(environmentId, session.id);
  return { state: "open", session, identity };
}

/** Ends the session that a link has just opened, and goes on with the one before. */
export async function stay({ identity }: Found, before: PortalSession): Promise<Access> {
  await must(api.DELETE("/api/v1/portal-session", { fetch: fetchAs(whoIs(identity)) }));
  return before.id ? agree(await bySession(before.id)) : { state: "ended" };
}

export async function leave(): Promise<void> {
  await must(api.DELETE("/api/v1/portal-session"));
  assume({});
}
