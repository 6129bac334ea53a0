//! How the portal gets in: by a one-time code, by a session that stands, or by the user's own token. Nothing of it is kept but the
//! session's id, which is no secret, in the URL.
import { api, basePath, identify, must, type Schemas } from "@/api/client";
import { hasCode, isSignedOut } from "@/api/problem";

export type PortalSession = Schemas["PortalSession"];

export type Access =
  | { state: "opening" }
  | { state: "open"; session: PortalSession }
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

export interface Credentials {
  code?: string;
  token?: string;
  session?: string;
}

/** What the URL brings; the fragment is taken out of it at once. */
export function takeFromUrl(): Credentials {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const session = new URLSearchParams(location.search).get("session") ?? undefined;
  const [code, token] = [fragment.get("code"), fragment.get("token")];
  if (location.hash) history.replaceState(history.state, "", location.pathname + location.search);
  return { ...(code ? { code } : {}), ...(token ? { token } : {}), ...(session ? { session } : {}) };
}

let renewal: ReturnType<typeof setTimeout> | undefined;

function become(headers: { session?: string; token?: string }): void {
  clearTimeout(renewal);
  identify({
    "postrider-session": headers.session,
    authorization: headers.token === undefined ? undefined : `Bearer ${headers.token}`,
  });
}

const look = () => must(api.GET("/api/v1/portal-session"));

/** Where cookies of third parties are blocked, a short-lived token takes their place: in memory, renewed while the page is open. */
function renewLater(expiresAt: string): void {
  const wait = Math.max(5000, Date.parse(expiresAt) - Date.now() - EARLY_MS);
  renewal = setTimeout(async () => {
    try {
      const renewed = await must(api.POST("/api/v1/portal-session/token"));
      become({ token: renewed.token });
      renewLater(renewed.tokenExpiresAt);
    } catch {
      // The next call finds that the session has ended, and says so.
    }
  }, wait);
}

async function byCode(code: string): Promise<PortalSession> {
  become({});
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

/** Tries what there is, in order. */
export async function enter({ code, token, session }: Credentials): Promise<Access> {
  let refused: Access = { state: "none" };
  const attempts: [string | undefined, (given: string) => Promise<PortalSession>, Access["state"]][] = [
    [code, byCode, "badLink"],
    [
      session,
      given => {
        become({ session: given });
        return look();
      },
      "ended",
    ],
    [
      token,
      given => {
        become({ token: given });
        return look();
      },
      "ended",
    ],
  ];
  for (const [given, attempt, otherwise] of attempts) {
    if (given === undefined) continue;
    try {
      return { state: "open", session: await attempt(given) };
    } catch (error) {
      if (hasCode(error, "portal_hidden")) return { state: "hidden" };
      if (!isSignedOut(error)) throw error;
      if (refused.state === "none") refused = { state: otherwise } as Access;
    }
  }
  return refused;
}

export async function leave(): Promise<void> {
  await must(api.DELETE("/api/v1/portal-session"));
  become({});
}
