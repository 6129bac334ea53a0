//! The portal around its pages: getting in, the vendor's look, and what to say when there is no way in.
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { Ban, Clock, Link2Off, Users, Webhook } from "lucide-react";
import { type RefObject, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { renewBy } from "@/api/client";
import { isSignedOut } from "@/api/problem";
import { PORTAL_HIDDEN_MS } from "@/api/stream";
import { useMessages } from "@/i18n";
import { whileSeen } from "@/logic/seen";
import { type Face, FaceProvider, PERMISSIONS, type Permission } from "@/shell/face";
import { setMode, useShownMode } from "@/shell/mode";
import { makeQueryClient } from "@/shell/queries";
import { Button } from "@/ui/button";
import { Empty, ErrorNotice, Skeleton } from "@/ui/states";
import { say } from "@/ui/toast";
import { type Access, agree, assume, enter, holderOf, look, type PortalSession, stay, takeFromUrl } from "./access";
import { type Cover, Covered, RenewingNotice, useIsLate } from "./covered";
import type { Credentials } from "./credentials";
import { isFramed, type Told, tell, useHeight, useParent } from "./frame";
import { makeRenewal } from "./renewal";
import { makePortalRouter } from "./router";
import { SessionProvider } from "./session";
import { mergeTheme, modeOf, type ThemeLike, themeVariables } from "./theme";

const fromUrl = takeFromUrl();

/** How long before its end a session is renewed, at most: of a short one a quarter. */
const EARLY_MS = 60_000;
/** It is not asked for more often than that, whatever a clock that is wrong makes of the end. */
const EARLY_AGAIN_MS = 30_000;

export function Portal() {
  const [access, setAccess] = useState<Access>({ state: "opening" });
  /** Whose pages there are. They outlive the end of the session, for when it is renewed. */
  const [shown, setShown] = useState<PortalSession>();
  const [error, setError] = useState<unknown>();
  const [patch, setPatch] = useState<unknown>();
  const who = useRef<string>(undefined);
  const [renewal] = useState(() =>
    makeRenewal(
      async () => {
        try {
          // Somebody else's that is about to be shown is none for these calls.
          return whoIn(await look()) === who.current;
        } catch (failure) {
          if (isSignedOut(failure)) return false;
          throw failure;
        }
      },
      () => {
        become({ state: "ended" });
        return isFramed;
      },
    ),
  );
  const become = useCallback(
    (next: Access) => {
      setAccess(next);
      if (next.state === "open") {
        const is = whoIn(next.session);
        const isSame = who.current === is;
        // Whose calls they are changes with whose pages there are: nothing is saved in another person's name.
        if (next.identity) assume(next.identity);
        who.current = is;
        setShown(next.session);
        renewal.end(isSame);
      } else if (!isFramed && next.state !== "hidden") setShown(undefined);
    },
    [renewal],
  );
  const tried = useRef(fromUrl);
  const isEarly = useExpiring(access);
  const go = useCallback(
    async (credentials: Credentials) => {
      tried.current = credentials;
      setError(undefined);
      const wasEarly = isEarly.current;
      isEarly.current = false;
      try {
        const found = await enter(credentials);
        // The session that was to be renewed still lasts, whatever became of its renewal.
        if (!wasEarly || found.state === "open" || found.state === "hidden") become(found);
      } catch (failure) {
        if (!wasEarly) setError(failure);
      }
    },
    [become, isEarly],
  );
  const started = useRef(false);
  useEffect(() => {
    renewBy({ who: () => who.current, wait: renewal.wait });
    // A code works once: it is not tried twice where effects run twice.
    if (started.current) return;
    started.current = true;
    void go(fromUrl);
  }, [go, renewal]);
  useEffect(() => {
    if (access.state === "ended" || access.state === "badLink") tell({ type: "postrider:expired" });
  }, [access.state]);
  const isHidden = access.state === "hidden";
  const wasOpen = shown !== undefined;
  useEffect(() => {
    if (!isHidden) return;
    // What is said of it after somebody has got in otherwise is not heard.
    let isOver = false;
    const again = async () => {
      try {
        const found: Access = wasOpen ? { state: "open", session: await look() } : await enter(tried.current);
        if (!isOver) become(found);
      } catch (failure) {
        if (!isOver && isSignedOut(failure)) become({ state: "ended" });
      }
    };
    const stop = whileSeen(() => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let isSeen = true;
      const later = () => {
        timer = setTimeout(() => void again().then(() => isSeen && later()), PORTAL_HIDDEN_MS);
      };
      later();
      return () => {
        isSeen = false;
        clearTimeout(timer);
      };
    });
    return () => {
      isOver = true;
      stop();
    };
  }, [isHidden, wasOpen, become]);
  useParent(
    useCallback(
      (told: Told) => {
        if (told.type === "theme") setPatch(told.theme);
        else void go(told.type === "code" ? { code: told.code } : { token: told.token });
      },
      [go],
    ),
  );
  useHeight();
  const onSignedOut = useCallback(() => void renewal.wait(), [renewal]);
  const onHidden = useCallback(() => become({ state: "hidden" }), [become]);
  const onLeft = useCallback(() => {
    setShown(undefined);
    setAccess({ state: "ended" });
  }, []);
  const isOpen = access.state === "open" && error === undefined;
  const isEnded = access.state === "ended" && error === undefined;
  const isRenewing = !useIsLate(isEnded) && isEnded && wasOpen;
  const cover: Cover = isOpen ? "none" : isRenewing ? "renewing" : "hidden";
  return (
    <>
      {shown && (
        <Covered key={whoIn(shown)} cover={cover}>
          <Open
            session={shown}
            patch={patch}
            isCovered={!isOpen}
            onSignedOut={onSignedOut}
            onHidden={onHidden}
            onLeft={onLeft}
          />
        </Covered>
      )}
      {isRenewing && <RenewingNotice />}
      {error !== undefined && (
        <div className="portal">
          <ErrorNotice error={error} byHand={tried.current.code !== undefined} onRetry={() => void go(tried.current)} />
        </div>
      )}
      {!isOpen && !isRenewing && error === undefined && <Outside access={access} become={become} onError={setError} />}
    </>
  );
}

/** Asks the page around it for another session before this one ends. What is returned holds whether that is under way. */
function useExpiring(access: Access): RefObject<boolean> {
  const isAsked = useRef(false);
  const last = useRef(Number.NEGATIVE_INFINITY);
  const until = access.state === "open" ? (access.session.expiresAt ?? undefined) : undefined;
  useEffect(() => {
    if (until === undefined || !isFramed) return;
    const left = Date.parse(until) - Date.now();
    const wait = Math.max(left - Math.min(EARLY_MS, left / 4), last.current + EARLY_AGAIN_MS - Date.now());
    // What lasts longer than timers, a token may, is not seen to its end.
    if (left <= 0 || wait > 0x7fffffff) return;
    const timer = setTimeout(() => {
      last.current = Date.now();
      isAsked.current = true;
      tell({ type: "postrider:expiring" });
    }, wait);
    return () => {
      clearTimeout(timer);
      isAsked.current = false;
    };
  }, [until]);
  return isAsked;
}

/** What is shown while nobody is in. */
function Outside({
  access,
  become,
  onError,
}: {
  access: Access;
  become: (next: Access) => void;
  onError: (error: unknown) => void;
}) {
  const m = useMessages();
  switch (access.state) {
    case "opening":
      return (
        <div className="portal">
          <Skeleton lines={6} />
        </div>
      );
    case "asking":
      return (
        <WhichPortal
          session={access.found.session}
          before={access.before}
          onOpen={() => become(agree(access.found))}
          onStay={() => void stay(access.found, access.before).then(become, onError)}
        />
      );
    case "ended":
      return (
        <Empty icon={<Clock aria-hidden="true" />} title={m.portal.signedOut}>
          {m.portal.signedOutText}
        </Empty>
      );
    case "badLink":
      return (
        <Empty icon={<Link2Off aria-hidden="true" />} title={m.portal.badLink}>
          {m.portal.badLinkText}
        </Empty>
      );
    case "hidden":
      return (
        <Empty icon={<Ban aria-hidden="true" />} title={m.portal.hidden}>
          {m.portal.hiddenText}
        </Empty>
      );
    default:
      return (
        <Empty icon={<Webhook aria-hidden="true" />} title={m.portal.notHere}>
          {m.portal.notHereText}
        </Empty>
      );
  }
}

/** Who is in, and what they may do: for anybody else the pages begin anew. Another session of the same person's goes on with them. */
const whoIn = ({ tenantId, userId, permissions, purpose }: PortalSession) =>
  JSON.stringify([tenantId, userId, permissions, purpose]);

/** A link brought another portal than the one that is open: nothing of it is shown before the reader says so. */
function WhichPortal({
  session,
  before,
  onOpen,
  onStay,
}: {
  session: PortalSession;
  before: PortalSession;
  onOpen: () => void;
  onStay: () => void;
}) {
  const m = useMessages();
  const [was, is] = [holderOf(before), holderOf(session)];
  return (
    <div className="portal">
      <Empty
        icon={<Users aria-hidden="true" />}
        title={m.portal.other}
        actions={
          <>
            <Button look="primary" onClick={onStay}>
              {m.portal.stay(was)}
            </Button>
            <Button onClick={onOpen}>{m.portal.openOther(is)}</Button>
          </>
        }
      >
        {m.portal.otherText(was, is)}
      </Empty>
    </div>
  );
}

function Open({
  session,
  patch,
  isCovered,
  onSignedOut,
  onHidden,
  onLeft,
}: {
  session: PortalSession;
  patch: unknown;
  isCovered: boolean;
  onSignedOut: () => void;
  onHidden: () => void;
  onLeft: () => void;
}) {
  const queries = useMemo(() => makeQueryClient(onSignedOut, onHidden), [onSignedOut, onHidden]);
  const sessionId = session.id ?? undefined;
  const current = useRef(sessionId);
  const router = useMemo(() => makePortalRouter(() => current.current), []);
  useEffect(() => {
    if (current.current === sessionId) return;
    current.current = sessionId;
    // A reload is to find the session that is in force.
    const { href, state } = router.history.location;
    const url = new URL(href, location.origin);
    if (sessionId === undefined) url.searchParams.delete("session");
    else url.searchParams.set("session", sessionId);
    router.history.replace(url.pathname + url.search + url.hash, state, { ignoreBlocker: true });
  }, [router, sessionId]);
  const m = useMessages();
  const wasCovered = useRef(isCovered);
  const [told] = useState(() => new WeakSet<object>());
  useEffect(() => {
    if (wasCovered.current && !isCovered) {
      // What was read meanwhile was refused, and what was to be saved was not.
      void queries.invalidateQueries();
      const refused = queries
        .getMutationCache()
        .getAll()
        .filter(each => isSignedOut(each.state.error) && !told.has(each));
      if (refused.length > 0) say(m.portal.notSaved, "bad");
      for (const each of refused) told.add(each);
    }
    wasCovered.current = isCovered;
  }, [queries, isCovered, told, m]);
  const face = useMemo((): Face => {
    const granted = new Set(session.permissions);
    const can = (permission: Permission) => granted.has(PERMISSIONS[permission]);
    return { kind: "portal", tenantId: session.tenantId, can, manages: false };
  }, [session]);
  useTheme(mergeTheme(session.theme ?? {}, patch));
  useEffect(() => {
    // Another page is read from its top, and only the page around the frame can scroll there.
    return router.subscribe("onResolved", ({ fromLocation, pathChanged }) => {
      if (fromLocation && pathChanged) tell({ type: "postrider:navigate" });
    });
  }, [router]);
  return (
    <QueryClientProvider client={queries}>
      <FaceProvider value={face}>
        <SessionProvider value={{ session, onLeft }}>
          <RouterProvider router={router as never} />
        </SessionProvider>
      </FaceProvider>
    </QueryClientProvider>
  );
}

function useTheme(theme: ThemeLike) {
  const shown = useShownMode();
  const mode = modeOf(theme);
  useEffect(() => setMode(mode, "forget"), [mode]);
  const variables = JSON.stringify(themeVariables(theme, shown));
  useEffect(() => {
    const { style } = document.documentElement;
    const set = Object.entries(JSON.parse(variables) as Record<string, string>);
    for (const [name, value] of set) style.setProperty(name, value);
    return () => {
      for (const [name] of set) style.removeProperty(name);
    };
  }, [variables]);
}
