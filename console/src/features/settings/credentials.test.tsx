// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sessionQuery } from "@/shell/session";
import { Credentials } from "./credentials";

const server = vi.hoisted(() => {
  const served = { made: 0 };
  globalThis.fetch = async input => {
    const { method } = input as Request;
    if (method !== "POST") return Response.json({ items: [] });
    served.made++;
    return Response.json({ id: "c1", secret: "shown once" });
  };
  return served;
});

beforeEach(() => {
  server.made = 0;
});
afterEach(cleanup);

test("a secret is made once, and closed by nothing but the word that it is kept", async () => {
  const queries = new QueryClient();
  queries.setQueryData(sessionQuery.queryKey, { environments: [{ id: "e1", name: "Development" }] } as never);
  render(
    <QueryClientProvider client={queries}>
      <Credentials />
    </QueryClientProvider>,
  );
  fireEvent.click(await screen.findByRole("button", { name: "Create secret" }));
  fireEvent.change(await screen.findByLabelText("Name"), { target: { value: "billing" } });
  const form = screen.getByRole("dialog");
  for (let entered = 0; entered < 2; entered++) fireEvent.submit(form);
  await screen.findByText("shown once");
  expect(server.made).toBe(1);
  const kept = screen.getByRole<HTMLButtonElement>("button", { name: "I have kept it" });
  fireEvent.click(kept);
  fireEvent.keyDown(screen.getByRole("dialog"), { key: "Escape" });
  screen.getByText("shown once");
  await waitFor(() => expect(kept.disabled).toBe(false));
  fireEvent.click(kept);
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});
