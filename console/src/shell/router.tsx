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
import type { ReactNode } from "react";
import { basePath } from "@/api/client";
import { isSignedOut } from "@/api/problem";
import { SignIn } from "@/features/sign-in/page";
import { fetched } from "./code";
import { FailedPage, NotFoundPage } from "./failed";
import { Layout } from "./layout";
import { eventsSearch, keep, parseSearch, type Search, stringifySearch } from "./search";
import { sessionQuery, useEnvironment } from "./session";
import { PageTitle } from "./title";

const PRODUCT = "Postrider";

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
    staticData: { title: m => m.signIn.title },
    component: Outside,
  });
  const inside = createRoute({
    getParentRoute: () => root,
    id: "inside",
    component: Inside,
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
      staticData: { title: m => m.nav.overview },
      validateSearch: search("range", "tenant", "event"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/overview/page")),
        "Overview",
      ),
    }),
    createRoute({
      ...parent,
      path: "/webhooks",
      staticData: { title: m => m.webhooks.title },
      validateSearch: search("q", "status", "scope"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/webhooks/list")),
        "Webhooks",
      ),
    }),
    createRoute({
      ...parent,
      path: "/webhooks/connect",
      staticData: { title: m => m.connect.title },
      validateSearch: search("step", "language", "webhook"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/webhooks/connect")),
        "Connect",
      ),
    }),
    createRoute({
      ...parent,
      path: "/webhooks/$webhookId",
      staticData: { title: m => m.deliveries.webhook },
      validateSearch: search("tab", "range", "type", "view", "with", "language", ...deliverySearch),
      component: lazyRouteComponent(
        fetched(() => import("@/features/webhooks/page")),
        "WebhookPage",
      ),
    }),
    createRoute({
      ...parent,
      path: "/deliveries",
      staticData: { title: m => m.deliveries.title },
      validateSearch: search(...deliverySearch),
      component: lazyRouteComponent(
        fetched(() => import("@/features/deliveries/page")),
        "DeliveriesPage",
      ),
    }),
    createRoute({
      ...parent,
      path: "/deliveries/$deliveryId",
      staticData: { title: m => m.delivery.title },
      validateSearch: search(...deliveryPageSearch),
      component: lazyRouteComponent(
        fetched(() => import("@/features/deliveries/delivery")),
        "DeliveryPage",
      ),
    }),
    createRoute({
      ...parent,
      path: "/events",
      staticData: { title: m => m.events.title },
      validateSearch: search(...eventsSearch),
      component: lazyRouteComponent(
        fetched(() => import("@/features/events/list")),
        "Events",
      ),
    }),
    createRoute({
      ...parent,
      path: "/events/send",
      staticData: { title: m => m.send.title },
      validateSearch: search("key", "own", "as"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/events/send")),
        "SendEvent",
      ),
    }),
    createRoute({
      ...parent,
      path: "/events/$eventId",
      staticData: { title: m => m.deliveries.event },
      component: lazyRouteComponent(
        fetched(() => import("@/features/events/event")),
        "EventPage",
      ),
    }),
    createRoute({
      ...parent,
      path: "/replays",
      staticData: { title: m => m.nav.replays },
      component: lazyRouteComponent(
        fetched(() => import("@/features/replays/list")),
        "Replays",
      ),
    }),
    createRoute({
      ...parent,
      path: "/replays/new",
      staticData: { title: m => m.replay.title },
      validateSearch: search(...replaySearch),
      component: lazyRouteComponent(
        fetched(() => import("@/features/replays/new")),
        "NewReplay",
      ),
    }),
    createRoute({
      ...parent,
      path: "/replays/$jobId",
      staticData: { title: m => m.jobs.title },
      component: lazyRouteComponent(
        fetched(() => import("@/features/replays/job")),
        "JobPage",
      ),
    }),
    createRoute({
      ...parent,
      path: "/event-types",
      staticData: { title: m => m.nav.eventTypes },
      validateSearch: search("q"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/event-types/list")),
        "EventTypes",
      ),
    }),
    createRoute({
      ...parent,
      path: "/event-types/new",
      staticData: { title: m => m.types.new },
      component: lazyRouteComponent(
        fetched(() => import("@/features/event-types/edit")),
        "NewEventType",
      ),
    }),
    createRoute({
      ...parent,
      path: "/event-types/$eventTypeId",
      staticData: { title: m => m.send.type },
      validateSearch: search("range"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/event-types/edit")),
        "EventTypePage",
      ),
    }),
    createRoute({
      ...parent,
      path: "/portal-settings",
      staticData: { title: m => m.nav.portal },
      validateSearch: search("tab", "way"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/portal-settings/page")),
        "PortalSettingsPage",
      ),
    }),
    createRoute({
      ...parent,
      path: "/settings",
      staticData: { title: m => m.nav.settings },
      validateSearch: search("tab"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/settings/page")),
        "Settings",
      ),
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

function Outside(): ReactNode {
  return (
    <>
      <PageTitle within={[PRODUCT]} />
      <SignIn />
    </>
  );
}

function Inside(): ReactNode {
  const { name } = useEnvironment();
  return (
    <>
      <PageTitle within={[name, PRODUCT]} />
      <Layout />
    </>
  );
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
