// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { OpenAsSupport } from "./support";

const LINK = "https://hooks.example.com/portal/e1?session=s1#code=c1";

vi.hoisted(() => {
  globalThis.fetch = async () => Response.json({ url: "https://hooks.example.com/portal/e1?session=s1#code=c1" });
});
afterEach(cleanup);

function ask() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <OpenAsSupport isHidden={false} />
    </QueryClientProvider>,
  );
  fireEvent.change(screen.getByLabelText("Tenant id"), { target: { value: "acme" } });
  fireEvent.click(screen.getByRole("button", { name: "Open portal" }));
}

test("where the browser opens no page, the link is shown to be followed or copied", async () => {
  vi.spyOn(window, "open").mockReturnValue(null);
  ask();
  const link = await screen.findByRole("link", { name: LINK });
  expect(link.getAttribute("href")).toBe(LINK);
  expect(screen.getByRole("button", { name: "Copy" })).toBeDefined();
});

test("where it does, the page goes there and nothing is left behind", async () => {
  const page = { location: { href: "" }, close: () => {} };
  vi.spyOn(window, "open").mockReturnValue(page as never);
  ask();
  await vi.waitFor(() => expect(page.location.href).toBe(LINK));
  expect(screen.queryByRole("link")).toBeNull();
});
