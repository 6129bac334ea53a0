//! The console's pages and their paths. Paths that belong to APIs (`/webhook`, `/event`, ...) are not to be used.

import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  type SearchSchemaInput,
} from "@tanstack/react-router";
import { basePath } from "@/api/client";
import { isSignedOut } from "@/api/problem";
import { SignIn } from "@/features/sign-in/page";
import { FailedPage, NotFoundPage } from "./failed";
import { Layout } from "./layout";
import { eventsSearch, keep, parseSearch, type Search, stringifySearch } from "./search";
import { sessionQuery } from "./session";

type Kept<K extends string> = (raw: Search<K> & SearchSchemaInput) => Search<K>;
const search = <K extends string>(...names: K[]) => keep(...names) as Kept<K>;

export const deliverySearch = [
  "q",
  "state",
  "event",
  "webhook",
  "tenant",
  "status",
  "since",
  "from",
  "to",
  "job",
  "live",
] as const;
export const deliveryPageSearch = ["attempt", "tab", "compare"] as const;
export const replaySearch = [
  "webhooks",
  "from",
  "to",
  "event",
  "eventId",
  "tenant",
  "include",
  "rate",
  "left",
] as const;

export function makeRouter(queries: QueryClient) {
  const root = createRootRoute({ component: Outlet, notFoundComponent: NotFoundPage, errorComponent: FailedPage });
  const signIn = createRoute({
    getParentRoute: () => root,
    path: "/sign-in",
    validateSearch: search("next", "add", "ended"),
    component: SignIn,
  });
  const inside = createRoute({
    getParentRoute: () => root,
    id: "inside",
    component: Layout,
    beforeLoad: async ({ location }) => {
      try {
        await queries.ensureQueryData(sessionQuery);
      } catch (error) {
        if (!isSignedOut(error)) throw error;
        throw redirect({ to: "/sign-in", search: location.pathname === "/" ? {} : { next: location.href } });
      }
    },
    errorComponent: FailedPage,
  });
  const parent = { getParentRoute: () => inside };
  const pages = [
    createRoute({
      ...parent,
      path: "/",
      validateSearch: search("range", "tenant", "event"),
      component: lazyRouteComponent(() => import("@/features/overview/page"), "Overview"),
    }),
    createRoute({
      ...parent,
      path: "/webhooks",
      validateSearch: search("q", "status", "scope"),
      component: lazyRouteComponent(() => import("@/features/webhooks/list"), "Webhooks"),
    }),
    createRoute({
      ...parent,
      path: "/webhooks/connect",
      validateSearch: search("step", "language", "webhook"),
      component: lazyRouteComponent(() => import("@/features/webhooks/connect"), "Connect"),
    }),
    createRoute({
      ...parent,
      path: "/webhooks/$webhookId",
      validateSearch: search("tab", "range", "type", "view", "with", "language", ...deliverySearch),
      component: lazyRouteComponent(() => import("@/features/webhooks/page"), "WebhookPage"),
    }),
    createRoute({
      ...parent,
      path: "/deliveries",
      validateSearch: search(...deliverySearch),
      component: lazyRouteComponent(() => import("@/features/deliveries/page"), "DeliveriesPage"),
    }),
    createRoute({
      ...parent,
      path: "/deliveries/$deliveryId",
      validateSearch: search(...deliveryPageSearch),
      component: lazyRouteComponent(() => import("@/features/deliveries/delivery"), "DeliveryPage"),
    }),
    createRoute({
      ...parent,
      path: "/events",
      validateSearch: search(...eventsSearch),
      component: lazyRouteComponent(() => import("@/features/events/list"), "Events"),
    }),
    createRoute({
      ...parent,
      path: "/events/send",
      validateSearch: search("key", "own", "as"),
      component: lazyRouteComponent(() => import("@/features/events/send"), "SendEvent"),
    }),
    createRoute({
      ...parent,
      path: "/events/$eventId",
      component: lazyRouteComponent(() => import("@/features/events/event"), "EventPage"),
    }),
    createRoute({
      ...parent,
      path: "/replays",
      component: lazyRouteComponent(() => import("@/features/replays/list"), "Replays"),
    }),
    createRoute({
      ...parent,
      path: "/replays/new",
      validateSearch: search(...replaySearch),
      component: lazyRouteComponent(() => import("@/features/replays/new"), "NewReplay"),
    }),
    createRoute({
      ...parent,
      path: "/replays/$jobId",
      component: lazyRouteComponent(() => import("@/features/replays/job"), "JobPage"),
    }),
    createRoute({
      ...parent,
      path: "/event-types",
      validateSearch: search("q"),
      component: lazyRouteComponent(() => import("@/features/event-types/list"), "EventTypes"),
    }),
    createRoute({
      ...parent,
      path: "/event-types/new",
      component: lazyRouteComponent(() => import("@/features/event-types/edit"), "NewEventType"),
    }),
    createRoute({
      ...parent,
      path: "/event-types/$eventTypeId",
      validateSearch: search("range"),
      component: lazyRouteComponent(() => import("@/features/event-types/edit"), "EventTypePage"),
    }),
    createRoute({
      ...parent,
      path: "/portal-settings",
      validateSearch: search("tab", "way"),
      component: lazyRouteComponent(() => import("@/features/portal-settings/page"), "PortalSettingsPage"),
    }),
    createRoute({
      ...parent,
      path: "/settings",
      validateSearch: search("tab"),
      component: lazyRouteComponent(() => import("@/features/settings/page"), "Settings"),
    }),
  ] as const;
  return createRouter({
    routeTree: root.addChildren([signIn, inside.addChildren([...pages])]),
    basepath: basePath,
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    scrollRestoration: true,
    defaultErrorComponent: FailedPage,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
