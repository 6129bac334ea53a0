// @vitest-environment jsdom
import { cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openScreen, standInForLayout } from "../../../tests/screens";
import { Connect } from "./connect";

vi.hoisted(() => {
  globalThis.fetch = async () => Response.json({ items: [] });
});

beforeEach(standInForLayout);
afterEach(cleanup);

function open(search: string) {
  const another = () => <p>Another page</p>;
  const others = { "/webhooks": another, "/webhooks/$webhookId": another };
  const names = ["step", "language", "webhook"];
  const router = openScreen("/webhooks/connect", names, Connect, `/webhooks/connect${search}`, { others });
  return () => router.state.location.href;
}

test("a reload in the middle begins at the first step that is missing something, and the address says so", async () => {
  const at = open("?step=endpoint");
  await screen.findByLabelText("Name");
  await waitFor(() => expect(at()).toBe("/webhooks/connect"));
});

test("a step is in the address as it is reached, and the one after it cannot be", async () => {
  const at = open("");
  fireEvent.change(await screen.findByLabelText("Name"), { target: { value: "CRM" } });
  fireEvent.click(screen.getByRole("button", { name: "Continue" }));
  await screen.findByText("Which events should be sent?");
  expect(at()).toBe("/webhooks/connect?step=events");
  fireEvent.click(screen.getByRole("button", { name: "Continue" }));
  await screen.findByText("Choose at least one event.");
  expect(at()).toBe("/webhooks/connect?step=events");
});

test.each([
  ["?step=done&webhook=w1", "/webhooks/w1"],
  ["?step=done", "/webhooks"],
])("a reload of the last step goes on to what was made: %s", async (search, page) => {
  const at = open(search);
  await screen.findByText("Another page");
  expect(at()).toBe(page);
});
