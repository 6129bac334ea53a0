//! The portal's pages: those of the console that a tenant has, at the same paths below the portal's.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { basePath } from "@/api/client";
import { Webhooks } from "@/features/webhooks/list";
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

/** Of the session with that id; of one by the user's own token, which has none. */
export function makePortalRouter(sessionId: string | undefined) {
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
    createRoute({ ...parent, path: "/webhooks", validateSearch: keep("q", "status"), component: Webhooks }),
    createRoute({
      ...parent,
      path: "/webhooks/connect",
      validateSearch: keep("step", "language", "webhook"),
      component: lazyRouteComponent(() => import("@/features/webhooks/connect"), "Connect"),
    }),
    createRoute({
      ...parent,
      path: "/webhooks/$webhookId",
      validateSearch: keep("tab", "range", "type", "view", "with", "language", ...deliverySearch),
      component: lazyRouteComponent(() => import("@/features/webhooks/page"), "WebhookPage"),
    }),
    createRoute({
      ...parent,
      path: "/deliveries/$deliveryId",
      validateSearch: keep("attempt", "tab", "compare"),
      component: lazyRouteComponent(() => import("@/features/deliveries/delivery"), "DeliveryPage"),
    }),
    createRoute({
      ...parent,
      path: "/replays",
      component: lazyRouteComponent(() => import("@/features/replays/list"), "Replays"),
    }),
    createRoute({
      ...parent,
      path: "/replays/new",
      validateSearch: keep("webhooks", "from", "to", "event", "include", "rate"),
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
      validateSearch: keep("q"),
      component: lazyRouteComponent(() => import("@/features/event-types/list"), "EventTypes"),
    }),
    createRoute({
      ...parent,
      path: "/event-types/$eventTypeId",
      component: lazyRouteComponent(() => import("@/features/event-types/edit"), "EventTypePage"),
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
    stringifySearch: search => stringifySearch({ ...search, session: sessionId }),
    defaultPreload: "intent",
    defaultErrorComponent: FailedPage,
  });
}
