// @vitest-environment jsdom
import { cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { mayLeave } from "@/shell/drafts";
import { openScreen, standInForLayout } from "../../../tests/screens";
import { SendEvent } from "./send";

const sent = vi.hoisted(() => {
  const sent: string[] = [];
  const type = (key: string, displayName: string, sample?: object) => ({ id: key, key, displayName, sample });
  const items = [
    type("orders.paid", "Order paid", { order: "o1" }),
    type("users.left", "User left", { user: "u1" }),
    type("plain", "Plain"),
    type("orders.refunded", "Order refunded", { price: 1.5, note: "n" }),
  ];
  globalThis.fetch = async input => {
    const isSent = (input as Request).method === "POST";
    if (isSent) sent.push(await (input as Request).text());
    return Response.json(isSent ? { eventId: "e1", deliveries: 0 } : { items });
  };
  return sent;
});

beforeEach(async () => {
  standInForLayout();
  const others = { "/events": SendEvent, "/events/$eventId": SendEvent };
  openScreen("/", ["key", "own", "as"], SendEvent, "/", { others });
  await screen.findByLabelText("order");
});
afterEach(cleanup);

const type = (field: string, value: string) => fireEvent.change(screen.getByLabelText(field), { target: { value } });
const value = (field: string) => screen.getByLabelText<HTMLInputElement>(field).value;
async function choose(key: string) {
  type("Event type", key);
  await waitFor(() => expect(value("Event type")).toBe(key));
}
/** What is not asked about is answered at once. */
const leavesFreely = () =>
  waitFor(async () => {
    const later = new Promise(resolve => setTimeout(resolve, 0, false));
    expect(await Promise.race([mayLeave(), later])).toBe(true);
  });
const isAsked = () => screen.queryByText(/Should the sample of “.+” take its place/) !== null;
const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));

test("a payload that nobody has edited is the sample of the type, whatever else was entered", async () => {
  type("Tenant", "globex");
  await choose("users.left");
  expect(isAsked()).toBe(false);
  expect(value("user")).toBe("u1");
  expect(value("Tenant")).toBe("globex");
});

test("a payload that was edited stays when the type changes, until the sample is to take its place", async () => {
  type("order", "mine");
  await choose("users.left");
  expect(isAsked()).toBe(true);
  expect(value("order")).toBe("mine");
  press("Replace it by the sample");
  expect(isAsked()).toBe(false);
  expect(document.activeElement).toBe(screen.getByLabelText("Event type"));
  expect(value("user")).toBe("u1");
  await leavesFreely();
});

test("a payload that is kept, and one that is back with its type, is in question no more", async () => {
  type("order", "mine");
  await choose("users.left");
  await choose("orders.paid");
  expect(isAsked()).toBe(false);
  await choose("users.left");
  press("Keep my payload");
  expect(isAsked()).toBe(false);
  expect(document.activeElement).toBe(screen.getByLabelText("Event type"));
  expect(value("order")).toBe("mine");
  type("order", "mine too");
  expect(isAsked()).toBe(false);
});

test("there is no question where there is no sample to take the payload's place", async () => {
  type("order", "mine");
  await choose("plain");
  expect(isAsked()).toBe(false);
  expect(value("order")).toBe("mine");
  fireEvent.click(screen.getByRole("switch", { name: "A key of my own" }));
  await screen.findByLabelText("Key");
  expect(isAsked()).toBe(false);
  expect(value("order")).toBe("mine");
});

test("a payload that was sent may be left, and is not replaced unasked either", async () => {
  type("order", "mine");
  press("Send event");
  await screen.findByText("Accepted.");
  await leavesFreely();
  await choose("users.left");
  expect(isAsked()).toBe(true);
  expect(value("order")).toBe("mine");
  await leavesFreely();
});

test("a number is sent as it was typed, and what is no number is said and not sent", async () => {
  await choose("orders.refunded");
  const send = screen.getByRole<HTMLButtonElement>("button", { name: "Send event" });
  type("price", "");
  expect(value("price")).toBe("");
  screen.getByText("A number is needed", { exact: false });
  expect(send.disabled).toBe(true);
  type("note", "changed");
  expect(value("price")).toBe("");
  type("price", "-");
  expect(value("price")).toBe("-");
  type("price", "-2.50");
  expect(value("price")).toBe("-2.50");
  expect(screen.queryByText("A number is needed", { exact: false })).toBeNull();
  press("Send event");
  await screen.findByText("Accepted.");
  expect(sent.at(-1)).toContain('"price": -2.50,');
  expect(sent.at(-1)).toContain('"note": "changed"');
});
