// @vitest-environment jsdom
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from "@tanstack/react-router";
import { act, cleanup, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Named, PageTitle } from "./title";

afterEach(cleanup);

test("the title says what is shown, what kind of page it is and whose; another page is told of", async () => {
  const root = createRootRoute({
    component: () => (
      <>
        <PageTitle within={["Staging", "Postrider"]} />
        <Outlet />
      </>
    ),
  });
  const list = createRoute({
    getParentRoute: () => root,
    path: "/",
    staticData: { title: m => m.webhooks.title },
    component: () => <h1>All</h1>,
  });
  const one = createRoute({
    getParentRoute: () => root,
    path: "/one",
    staticData: { title: m => m.deliveries.webhook },
    component: () => <Named name="CRM" />,
  });
  const history = createMemoryHistory({ initialEntries: ["/"] });
  const router = createRouter({ routeTree: root.addChildren([list, one]), history });
  render(<RouterProvider router={router as never} />);
  await screen.findByText("All");
  await waitFor(() => expect(document.title).toBe("Webhooks · Staging · Postrider"));
  const told = screen.getByRole("status");
  expect(told.textContent).toBe("");
  act(() => history.push("/one"));
  await waitFor(() => expect(document.title).toBe("CRM · Webhook · Staging · Postrider"));
  await waitFor(() => expect(told.textContent).toBe("Webhook"));
  act(() => history.push("/"));
  await waitFor(() => expect(document.title).toBe("Webhooks · Staging · Postrider"));
  await waitFor(() => expect(told.textContent).toBe("Webhooks"));
});
