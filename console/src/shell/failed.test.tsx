// @vitest-environment jsdom
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouteComponent,
  RouterProvider,
} from "@tanstack/react-router";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { Suspense } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { fetched, Outdated, part } from "./code";
import { FailedPage } from "./failed";

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  sessionStorage.clear();
});

function Page() {
  return <p>The page</p>;
}

/** A router with one page, which is drawn. */
function open(options: { component: RouteComponent; beforeLoad?: () => void }) {
  // React and the router tell of each failure.
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const root = createRootRoute({ errorComponent: FailedPage });
  const page = createRoute({ getParentRoute: () => root, path: "/", errorComponent: FailedPage, ...options });
  const router = createRouter({
    routeTree: root.addChildren([page]),
    history: createMemoryHistory({ initialEntries: ["/"] }),
  });
  render(<RouterProvider router={router as never} />);
}

/** Nobody answers, be it for code or for anything else. */
function goDown() {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
}

test("what failed on the way to a page is tried again by a click", async () => {
  let asked = 0;
  open({
    beforeLoad: () => {
      asked += 1;
      if (asked < 3) throw new Error(`broken for the ${asked}. time`);
    },
    component: Page,
  });
  await screen.findByText("broken for the 1. time");
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByText("broken for the 2. time");
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByText("The page");
  expect(screen.queryByRole("alert")).toBeNull();
});

test("code that could not be reached is asked for again by a click", async () => {
  goDown();
  let isDown = true;
  const load = async () => {
    if (isDown) throw new TypeError("Failed to fetch dynamically imported module: http://localhost/assets/page.js");
    return { Page };
  };
  open({
    component: lazyRouteComponent(fetched(load), "Page"),
  });
  await screen.findByText("The server cannot be reached.", { exact: false });
  isDown = false;
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByText("The page");
  expect(screen.queryByRole("alert")).toBeNull();
});

test("a part of a page whose code could not be reached is asked for again by a click", async () => {
  goDown();
  let isDown = true;
  let asked = 0;
  const Part = part(async () => {
    asked += 1;
    if (isDown) throw new TypeError("Failed to fetch dynamically imported module: http://localhost/assets/part.js");
    return { default: ({ name }: { name: string }) => <p>The part {name}</p> };
  });
  open({
    component: () => (
      <Suspense fallback={null}>
        <Part name="of it" />
      </Suspense>
    ),
  });
  await screen.findByText("The server cannot be reached.", { exact: false });
  // Not by itself.
  expect(asked).toBe(1);
  isDown = false;
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByText("The part of it");
  expect(screen.queryByRole("alert")).toBeNull();
});

test("code of another version comes with the whole page: once by itself, and by every click", () => {
  // There is no router around it.
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const reload = vi.fn();
  vi.stubGlobal("location", { href: "http://localhost/", origin: "http://localhost", reload });
  render(<FailedPage error={new Outdated("the code of this page is not there")} reset={() => undefined} />);
  screen.getByText("load the whole page anew", { exact: false });
  expect(reload).toHaveBeenCalledTimes(1);
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(reload).toHaveBeenCalledTimes(2);
});
