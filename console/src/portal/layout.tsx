//! The portal's frame: as little as possible, since the product around it has one.
import { Link, Outlet } from "@tanstack/react-router";
import { ArrowLeft, BookOpen, LogOut, Repeat, UserRound, Webhook } from "lucide-react";
import { useMessages } from "@/i18n";
import { LeaveGuard, mayLeave } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { PageTitle } from "@/shell/title";
import { IconButton } from "@/ui/button";
import { Empty, Notice } from "@/ui/states";
import { Toasts } from "@/ui/toast";
import { holderOf, leave } from "./access";
import { isFramed } from "./frame";
import { usePortalSession } from "./session";
import "./portal.css";

export function PortalLayout() {
  const m = useMessages();
  const face = useFace();
  const { session, onLeft } = usePortalSession();
  const signOut = async () => {
    if (await mayLeave()) await leave().finally(onLeft);
  };
  const item = {
    className: "portal-item",
    activeProps: { "aria-current": "page" as const },
    activeOptions: { includeSearch: false },
  };
  return (
    <div className="portal">
      <PageTitle within={[m.webhooks.title]} />
      {session.purpose === "support" && <Notice tone="warn">{m.portal.support(session.tenantId)}</Notice>}
      <header className="portal-head">
        {session.theme?.logoUrl && <img className="portal-logo" src={session.theme.logoUrl} alt="" />}
        {session.returnUrl && (
          <a href={session.returnUrl} target={isFramed ? "_top" : undefined} className="portal-item">
            <ArrowLeft aria-hidden="true" />
            {m.portal.returnTo}
          </a>
        )}
        <nav className="row grow portal-nav" aria-label={m.shell.navigation}>
          <Link to="/webhooks" {...item}>
            <Webhook aria-hidden="true" />
            {m.nav.webhooks}
          </Link>
          {face.can("readDeliveries") && (
            <Link to="/replays" {...item}>
              <Repeat aria-hidden="true" />
              {m.nav.replays}
            </Link>
          )}
          {face.can("readEvents") && (
            <Link to="/event-types" {...item}>
              <BookOpen aria-hidden="true" />
              {m.nav.eventTypes}
            </Link>
          )}
        </nav>
        <span className="portal-who" title={m.portal.of(holderOf(session))}>
          <UserRound aria-hidden="true" />
          <span className="visually-hidden">{m.portal.of("")}</span>
          <span className="truncate">{holderOf(session)}</span>
        </span>
        {session.kind === "link" && !isFramed && (
          <IconButton label={m.portal.signOut} size="small" onClick={() => void signOut()}>
            <LogOut />
          </IconButton>
        )}
      </header>
      <main id="content" className="stack portal-content" tabIndex={-1}>
        {face.can("readWebhooks") ? (
          <Outlet />
        ) : (
          <Empty icon={<Webhook aria-hidden="true" />} title={m.portal.hidden}>
            {m.portal.noPermission}
          </Empty>
        )}
      </main>
      <Toasts />
      <LeaveGuard />
    </div>
  );
}
