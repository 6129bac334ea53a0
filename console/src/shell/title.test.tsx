// @vitest-environment jsdom
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
  useParams,
} from "@tanstack/react-router";
import { act, cleanup, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Named, PageTitle } from "./title";

afterEach(cleanup);

function One() {
  const { name } = useParams({ strict: false }) as unknown as { name: string };
  return <Named name={name} />;
}

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
    path: "/webhooks/$name",
    staticData: { title: m => m.deliveries.webhook },
    component: One,
  });
  const history = createMemoryHistory({ initialEntries: ["/"] });
  const router = createRouter({ routeTree: root.addChildren([list, one]), history });
  document.title = "Before";
  const { unmount } = render(<RouterProvider router={router as never} />);
  await screen.findByText("All");
  await waitFor(() => expect(document.title).toBe("Webhooks · Staging · Postrider"));
  const told = screen.getByRole("status");
  expect(told.textContent).toBe("");
  act(() => history.push("/webhooks/CRM"));
  await waitFor(() => expect(document.title).toBe("CRM · Webhook · Staging · Postrider"));
  await waitFor(() => expect(told.textContent).toBe("CRM · Webhook"));
  // Another one of its kind.
  act(() => history.push("/webhooks/Billing"));
  await waitFor(() => expect(told.textContent).toBe("Billing · Webhook"));
  await waitFor(() => expect(document.title).toBe("Billing · Webhook · Staging · Postrider"));
  // Another filter of it is the same page.
  const words = told.firstChild;
  act(() => history.push("/webhooks/Billing?tab=health"));
  await waitFor(() => expect(router.state.location.search).toEqual({ tab: "health" }));
  expect(told.firstChild).toBe(words);
  act(() => history.push("/"));
  await waitFor(() => expect(document.title).toBe("Webhooks · Staging · Postrider"));
  await waitFor(() => expect(told.textContent).toBe("Webhooks"));
  unmount();
  expect(document.title).toBe("Before");
});
