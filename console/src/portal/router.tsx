//! The portal's pages: those of the console that a tenant has, at the same paths below the portal's.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { basePath } from "@/api/client";
import { Webhooks } from "@/features/webhooks/list";
import { fetched } from "@/shell/code";
import { FailedPage, NotFoundPage } from "@/shell/failed";
import { keep, parseSearch, stringifySearch } from "@/shell/search";
import { environmentOf } from "./access";
import { PortalLayout } from "./layout";

const deliverySearch = [
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

/** `sessionId`: of the session in force; none of one by the user's own token. */
export function makePortalRouter(sessionId: () => string | undefined) {
  const root = createRootRoute({
    component: PortalLayout,
    notFoundComponent: NotFoundPage,
    errorComponent: FailedPage,
  });
  const parent = { getParentRoute: () => root };
  const pages = [
    createRoute({
      ...parent,
      path: "/",
      beforeLoad: () => {
        throw redirect({ to: "/webhooks" as never, replace: true });
      },
    }),
    createRoute({
      ...parent,
      path: "/webhooks",
      staticData: { title: m => m.webhooks.title },
      validateSearch: keep("q", "status"),
      component: Webhooks,
    }),
    createRoute({
      ...parent,
      path: "/webhooks/connect",
      staticData: { title: m => m.connect.title },
      validateSearch: keep("step", "language", "webhook"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/webhooks/connect")),
        "Connect",
      ),
    }),
    createRoute({
      ...parent,
      path: "/webhooks/$webhookId",
      staticData: { title: m => m.deliveries.webhook },
      validateSearch: keep("tab", "range", "type", "view", "with", "language", ...deliverySearch),
      component: lazyRouteComponent(
        fetched(() => import("@/features/webhooks/page")),
        "WebhookPage",
      ),
    }),
    createRoute({
      ...parent,
      path: "/deliveries/$deliveryId",
      staticData: { title: m => m.delivery.title },
      validateSearch: keep("attempt", "tab", "compare"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/deliveries/delivery")),
        "DeliveryPage",
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
      validateSearch: keep("webhooks", "from", "to", "event", "include", "rate"),
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
      validateSearch: keep("q"),
      component: lazyRouteComponent(
        fetched(() => import("@/features/event-types/list")),
        "EventTypes",
      ),
    }),
    createRoute({
      ...parent,
      path: "/event-types/$eventTypeId",
      staticData: { title: m => m.send.type },
      component: lazyRouteComponent(
        fetched(() => import("@/features/event-types/edit")),
        "EventTypePage",
      ),
    }),
  ];
  return createRouter({
    routeTree: root.addChildren(pages),
    basepath: `${basePath}portal/${environmentOf(location.pathname)}`,
    // The session's id stays in the URL, so that a reload finds it again. It is no secret.
    parseSearch: text => {
      const { session: _, ...search } = parseSearch(text);
      return search;
    },
    stringifySearch: search => stringifySearch({ ...search, session: sessionId() }),
    defaultPreload: "intent",
    defaultErrorComponent: FailedPage,
  });
}
