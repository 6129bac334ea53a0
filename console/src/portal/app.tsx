//! The portal around its pages: getting in, the vendor's look, and what to say when there is no way in.
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { Ban, Clock, Link2Off, Users, Webhook } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useMessages } from "@/i18n";
import { type Face, FaceProvider, PERMISSIONS, type Permission } from "@/shell/face";
import { setMode, useShownMode } from "@/shell/mode";
import { makeQueryClient } from "@/shell/queries";
import { Button } from "@/ui/button";
import { Empty, ErrorNotice, Skeleton } from "@/ui/states";
import { type Access, agree, enter, holderOf, type PortalSession, stay, takeFromUrl } from "./access";
import type { Credentials } from "./credentials";
import { type Told, tell, useHeight, useParent } from "./frame";
import { makePortalRouter } from "./router";
import { SessionProvider } from "./session";
import { mergeTheme, modeOf, type ThemeLike, themeVariables } from "./theme";

const fromUrl = takeFromUrl();

export function Portal() {
  const m = useMessages();
  const [access, setAccess] = useState<Access>({ state: "opening" });
  const [error, setError] = useState<unknown>();
  const [patch, setPatch] = useState<unknown>();
  const go = useCallback(async (credentials: Credentials) => {
    setError(undefined);
    try {
      setAccess(await enter(credentials));
    } catch (failure) {
      setError(failure);
    }
  }, []);
  const started = useRef(false);
  useEffect(() => {
    // A code works once: it is not tried twice where effects run twice.
    if (started.current) return;
    started.current = true;
    void go(fromUrl);
  }, [go]);
  useEffect(() => {
    if (access.state === "ended" || access.state === "badLink") tell({ type: "postrider:expired" });
  }, [access.state]);
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
  const onSignedOut = useCallback(() => setAccess({ state: "ended" }), []);
  if (error) {
    return (
      <div className="portal">
        <ErrorNotice error={error} onRetry={() => void go(fromUrl)} />
      </div>
    );
  }
  switch (access.state) {
    case "open":
      return <Open key={whoIn(access.session)} session={access.session} patch={patch} onSignedOut={onSignedOut} />;
    case "opening":
      return (
        <div className="portal">
          <Skeleton lines={6} />
        </div>
      );
    case "asking":
      return (
        <WhichPortal
          session={access.session}
          before={access.before}
          onOpen={() => setAccess(agree(access.session))}
          onStay={() => void stay(access.before).then(setAccess, setError)}
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

/** Who is in, and what they may do: for anybody else the pages begin anew. */
const whoIn = ({ id, tenantId, userId, permissions }: PortalSession) =>
  JSON.stringify([id, tenantId, userId, permissions]);

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

function Open({ session, patch, onSignedOut }: { session: PortalSession; patch: unknown; onSignedOut: () => void }) {
  const queries = useMemo(() => makeQueryClient(onSignedOut), [onSignedOut]);
  // A token that is renewed is the same session's: what somebody is writing stays.
  const sessionId = session.id ?? undefined;
  const router = useMemo(() => makePortalRouter(sessionId), [sessionId]);
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
        <SessionProvider value={{ session, onSignedOut }}>
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
