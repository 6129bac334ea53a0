// What tests of single screens stand on: an address, the router with the console's way to write a search, and a cache that asks once.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { render } from "@testing-library/react";
import type { FunctionComponent } from "react";
import { consoleFace, type Face, FaceProvider } from "@/shell/face";
import { keep, parseSearch, stringifySearch } from "@/shell/search";

/** What screens call that jsdom has not. */
export function standInForLayout() {
  globalThis.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  window.scrollTo = () => {};
}

type Around = { others?: Record<string, FunctionComponent>; face?: Face; queries?: QueryClient };

/**
 * Opens an address of one screen, whose search keeps the members that are named. The others, by path, are where it leads.
 */
export function openScreen(
  path: string,
  names: string[],
  Screen: FunctionComponent,
  address: string,
  around: Around = {},
) {
  const root = createRootRoute();
  const screen = createRoute({ getParentRoute: () => root, path, validateSearch: keep(...names), component: Screen });
  const others = Object.entries(around.others ?? {}).map(([path, component]) =>
    createRoute({ getParentRoute: () => root, path, validateSearch: keep(...names), component }),
  );
  const router = createRouter({
    routeTree: root.addChildren([screen, ...others]),
    history: createMemoryHistory({ initialEntries: [address] }),
    parseSearch,
    stringifySearch,
  });
  const queries = around.queries ?? new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <FaceProvider value={around.face ?? consoleFace}>
        <RouterProvider router={router as never} />
      </FaceProvider>
    </QueryClientProvider>,
  );
  return router;
}
