//! The console's frame: where one is, where one can go, and as whom.

import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import {
  Activity,
  BookOpen,
  Check,
  ChevronsUpDown,
  LayoutDashboard,
  LogOut,
  Menu as MenuIcon,
  Monitor,
  Moon,
  PanelsTopLeft,
  Plus,
  Repeat,
  Settings,
  Sun,
  Webhook,
  X,
  Zap,
} from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useMessages } from "@/i18n";
import { IconButton } from "@/ui/button";
import { classes } from "@/ui/classes";
import { Menu, MenuItem, MenuLabel, MenuLine } from "@/ui/menu";
import { Notice } from "@/ui/states";
import { Toasts } from "@/ui/toast";
import { Brand } from "./brand";
import { LeaveGuard, mayLeave } from "./drafts";
import { FaceProvider, faceOf } from "./face";
import { type Mode, setMode, useMode } from "./mode";
import { chooseEnvironment, isProduction, sessionQuery, useEnvironment, useSignOut } from "./session";
import "./layout.css";

/** As layout.css has it: where there is more room the drawer is the page's side. */
const NARROW = "(max-width: 860px)";

export function Layout() {
  const m = useMessages();
  const environment = useEnvironment();
  const [open, setOpen] = useState(false);
  // Elsewhere, or in another environment, the drawer has done its work.
  const here = `${environment.id} ${useLocation().pathname}`;
  const [place, setPlace] = useState(here);
  if (place !== here) {
    setPlace(here);
    setOpen(false);
  }
  const opener = useRef<HTMLButtonElement>(null);
  const side = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!open) return;
    const [button, narrow] = [opener.current, window.matchMedia(NARROW)];
    const close = () => setOpen(false);
    const onKeyDown = (event: KeyboardEvent) => {
      // A menu in the drawer has its own Escape.
      if (event.key === "Escape" && !event.defaultPrevented) close();
    };
    side.current?.querySelector("button")?.focus({ preventScroll: true });
    document.addEventListener("keydown", onKeyDown);
    narrow.addEventListener("change", close);
    return () => {
      document.removeEventListener("keydown", onKeyDown);
      narrow.removeEventListener("change", close);
      button?.focus();
    };
  }, [open]);
  const production = isProduction(environment.name);
  const face = faceOf(environment.scope);
  return (
    <div className={classes("shell", production && "shell-production")}>
      <a className="skip" href="#content" inert={open}>
        {m.shell.skip}
      </a>
      <header className="bar" inert={open}>
        {/* While the drawer is open the bar is inert: what closes it is in the drawer. */}
        <IconButton ref={opener} label={m.shell.openMenu} onClick={() => setOpen(true)} aria-expanded={open}>
          <MenuIcon />
        </IconButton>
        <Brand />
        <span className="grow" />
        {production && <span className="badge badge-warn">{m.shell.production}</span>}
      </header>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the links inside are what is used; this only closes the drawer after */}
      <aside
        ref={side}
        className="side"
        data-open={open || undefined}
        onClick={event => (event.target as Element).closest("a") && setOpen(false)}
      >
        <div className="side-head">
          <IconButton className="side-close" label={m.shell.closeMenu} onClick={() => setOpen(false)}>
            <X />
          </IconButton>
          <Brand />
        </div>
        <EnvironmentMenu />
        <nav className="side-nav" aria-label={m.shell.navigation}>
          <Item to="/" icon={<LayoutDashboard />} exact>
            {m.nav.overview}
          </Item>
          <Item to="/webhooks" icon={<Webhook />}>
            {m.nav.webhooks}
          </Item>
          <Item to="/deliveries" icon={<Activity />}>
            {m.nav.deliveries}
          </Item>
          <Item to="/events" icon={<Zap />}>
            {m.nav.events}
          </Item>
          <Item to="/replays" icon={<Repeat />}>
            {m.nav.replays}
          </Item>
          <Item to="/event-types" icon={<BookOpen />}>
            {m.nav.eventTypes}
          </Item>
          <span className="side-gap" />
          <Item to="/portal-settings" icon={<PanelsTopLeft />}>
            {m.nav.portal}
          </Item>
          <Item to="/settings" icon={<Settings />}>
            {m.nav.settings}
          </Item>
        </nav>
        <AccountMenu />
      </aside>
      {open && (
        // For a pointer: by the keyboard there is the drawer's own button, and Escape.
        <button
          type="button"
          className="side-veil"
          tabIndex={-1}
          aria-label={m.shell.closeMenu}
          onClick={() => setOpen(false)}
        />
      )}
      <main id="content" className="content" tabIndex={-1} inert={open}>
        <FaceProvider value={face}>
          {!face.manages && (
            <div className="looking">
              <Notice tone="accent">{m.environment.looking(environment.credentialName)}</Notice>
            </div>
          )}
          <Outlet />
        </FaceProvider>
      </main>
      <Toasts />
      <LeaveGuard />
    </div>
  );
}

function Item({
  to,
  icon,
  exact = false,
  children,
}: {
  to: string;
  icon: React.ReactNode;
  exact?: boolean;
  children: React.ReactNode;
}) {
  return (
    <Link
      to={to}
      className="side-item"
      activeOptions={{ exact, includeSearch: false }}
      activeProps={{ "aria-current": "page" }}
    >
      {icon}
      {children}
    </Link>
  );
}

function EnvironmentMenu() {
  const m = useMessages();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { data: session } = useSuspenseQuery(sessionQuery);
  const environment = useEnvironment();
  const choose = async (id: string) => {
    if (id === environment.id || !(await mayLeave())) return;
    chooseEnvironment(id);
    // What was read belongs to the other environment.
    queries.removeQueries({ predicate: query => query.queryKey[0] !== "session" });
    void navigate({ to: "/" });
  };
  const signInToAnother = async () => {
    if (await mayLeave()) void navigate({ to: "/sign-in", search: { add: "1" } as never });
  };
  return (
    <Menu
      align="start"
      trigger={
        <button type="button" className="environment" aria-label={m.shell.environment(environment.name)}>
          <span className={classes("environment-mark", isProduction(environment.name) && "environment-production")} />
          <span className="grow truncate">{environment.name}</span>
          <ChevronsUpDown aria-hidden="true" />
        </button>
      }
    >
      <MenuLabel>{m.shell.environments}</MenuLabel>
      {session.environments.map(each => (
        <MenuItem
          key={each.id}
          icon={each.id === environment.id ? <Check aria-hidden="true" /> : <span className="menu-space" />}
          onSelect={() => void choose(each.id)}
        >
          <span className="truncate">{each.name}</span>
        </MenuItem>
      ))}
      <MenuLine />
      <MenuItem icon={<Plus aria-hidden="true" />} onSelect={() => void signInToAnother()}>
        {m.shell.addEnvironment}
      </MenuItem>
    </Menu>
  );
}

function AccountMenu() {
  const m = useMessages();
  const navigate = useNavigate();
  const environment = useEnvironment();
  const signOut = useSignOut();
  const mode = useMode();
  const leave = async () => {
    if (!(await mayLeave())) return;
    signOut.mutate(undefined, { onSettled: () => void navigate({ to: "/sign-in", search: {} as never }) });
  };
  const modes: [Mode, string, React.ReactNode][] = [
    ["light", m.shell.light, <Sun key="light" />],
    ["dark", m.shell.dark, <Moon key="dark" />],
    ["auto", m.shell.asSystem, <Monitor key="auto" />],
  ];
  return (
    <div className="side-foot">
      <span className="grow small soft truncate" title={environment.credentialName}>
        {environment.credentialName}
      </span>
      <Menu
        trigger={
          <IconButton label={m.shell.appearance} size="small">
            {modes.find(([value]) => value === mode)?.[2]}
          </IconButton>
        }
      >
        {modes.map(([value, title, icon]) => (
          <MenuItem key={value} icon={icon} onSelect={() => setMode(value)}>
            {title}
          </MenuItem>
        ))}
      </Menu>
      <IconButton label={m.shell.signOut} size="small" onClick={() => void leave()}>
        <LogOut />
      </IconButton>
    </div>
  );
}
