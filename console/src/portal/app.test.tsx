// @vitest-environment jsdom
import { useQuery } from "@tanstack/react-query";
import { createMemoryHistory, createRootRoute, createRouter } from "@tanstack/react-router";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api, must } from "@/api/client";
import { useMutation } from "@/api/mutation";
import { Dialog } from "@/ui/dialog";
import { Toasts } from "@/ui/toast";
import { Portal } from "./app";
import type { Told } from "./frame";

const frame = vi.hoisted(() => ({ told: [] as string[], hear: undefined as unknown }));
// The client and the look take hold of these when they are loaded.
const server = vi.hoisted(() => {
  const server = { answer: (_: Request): Promise<Response> => Promise.reject(new TypeError("Failed to fetch")) };
  globalThis.fetch = request => server.answer(request as Request);
  window.scrollTo = () => {};
  window.matchMedia = () => ({ matches: false, addEventListener: () => {} }) as unknown as MediaQueryList;
  return server;
});
vi.mock("./frame", () => ({
  isFramed: true,
  tell: (message: { type: string }) => frame.told.push(message.type),
  useParent: (hear: unknown) => {
    frame.hear = hear;
  },
  useHeight: () => undefined,
}));
vi.mock("./router", () => ({
  makePortalRouter: () =>
    createRouter({
      routeTree: createRootRoute({ component: Page }),
      history: createMemoryHistory({ initialEntries: ["/?session=s1"] }),
    }),
}));

/** What a page does: it reads, somebody writes in it, and saves. */
function Page() {
  const [text, setText] = useState("");
  const [asking, setAsking] = useState(false);
  const read = useQuery({ queryKey: ["webhooks"], queryFn: () => must(api.GET("/api/v1/webhooks")) });
  const save = useMutation({
    mutationFn: () => must(api.POST("/api/v1/webhooks", { body: { displayName: text } as never })),
  });
  return (
    <>
      <label>
        Text <input value={text} onChange={event => setText(event.target.value)} />
      </label>
      <button type="button" onClick={() => save.mutate()}>
        Save
      </button>
      <button type="button" onClick={() => void read.refetch()}>
        Read
      </button>
      <button type="button" onClick={() => setAsking(true)}>
        Add
      </button>
      <Dialog title="A new one" open={asking} onClose={() => setAsking(false)}>
        <textarea aria-label="Note" />
      </Dialog>
      {save.error && <p>Not saved: {save.error.message}</p>}
      {save.data && <p>Saved</p>}
      <Toasts />
    </>
  );
}

/** Who is in by what the server says: the id of a session, and its holder. */
let session: { id: string; userId: string } | undefined;
let isHidden: boolean;
let lasts: number;
let saved: { text: string; session: string | null }[];

const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });

const shown = () => ({
  ...session,
  tenantId: "acme",
  permissions: ["p"],
  purpose: "tenant",
  kind: "link",
  expiresAt: new Date(Date.now() + lasts).toISOString(),
});

beforeEach(() => {
  [session, isHidden, lasts, saved] = [{ id: "s1", userId: "ada" }, false, 3_600_000, []];
  frame.told = [];
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      constructor(private readonly tell: (entries: unknown[]) => void) {}
      observe() {
        this.tell([{ intersectionRect: { top: 0, height: 600 } }]);
      }
      unobserve() {}
      disconnect() {}
    },
  );
  server.answer = async request => {
    const [path, id] = [new URL(request.url).pathname, request.headers.get("postrider-session")];
    if (isHidden) return json(403, { code: "portal_hidden", detail: "hidden" });
    if (path === "/api/v1/portal-session" && request.method === "POST") return json(200, { session: shown() });
    if (!session || id !== session.id) return json(401, { code: "session_ended", detail: "the session has ended" });
    if (path === "/api/v1/portal-session") return json(200, shown());
    if (request.method === "POST") {
      saved.push({ text: ((await request.json()) as { displayName: string }).displayName, session: id });
    }
    return json(200, { items: [] });
  };
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Time goes by, and what was asked for meanwhile is answered. */
const pass = (ms: number) =>
  act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
    for (let turn = 0; turn < 10; turn++) await vi.advanceTimersByTimeAsync(1);
  });
/** The page around the frame hands in a link's code, by which `next` is in. */
async function link(next: { id: string; userId: string }) {
  session = next;
  (frame.hear as (told: Told) => void)({ type: "code", code: "c" });
  await pass(50);
}
const field = () => screen.getByLabelText<HTMLInputElement>("Text");
const press = (name: string) => fireEvent.click(screen.getByText(name));

async function open(text: string) {
  render(<Portal />);
  await link({ id: "s1", userId: "ada" });
  await pass(50);
  fireEvent.change(field(), { target: { value: text } });
}

test("what is being written outlives the end of a session, and is saved once another is there", async () => {
  await open("mine");
  session = undefined;
  press("Save");
  await pass(50);
  expect(frame.told).toContain("postrider:expired");
  expect(field().closest("[inert]")).not.toBeNull();
  expect(screen.queryByText("Not saved", { exact: false })).toBeNull();
  await link({ id: "s2", userId: "ada" });
  screen.getByText("Saved");
  expect(saved).toEqual([{ text: "mine", session: "s2" }]);
  expect(field().value).toBe("mine");
  expect(field().closest("[inert]")).toBeNull();
});

test("where no other session comes it is said that nothing was saved, and what was written waits out of sight", async () => {
  await open("mine");
  session = undefined;
  press("Save");
  await pass(11_000);
  screen.getByText("This session has ended");
  expect(field().closest("[hidden]")).not.toBeNull();
  await pass(600_000);
  await link({ id: "s2", userId: "ada" });
  expect(saved).toEqual([]);
  screen.getByText("Not saved: the session has ended");
  screen.getByText("The session had ended, and nothing was saved. Please try again.");
  expect(field().value).toBe("mine");
  press("Save");
  await pass(50);
  expect(saved).toEqual([{ text: "mine", session: "s2" }]);
});

test("a session of somebody else's neither saves nor shows what was being written", async () => {
  await open("mine");
  session = undefined;
  press("Save");
  await pass(50);
  await link({ id: "s2", userId: "grace" });
  await pass(50);
  expect(saved).toEqual([]);
  expect(field().value).toBe("");
});

test("a call that is refused after somebody else has come is not made in their name", async () => {
  await open("mine");
  const { answer } = server;
  let release = () => {};
  const held = new Promise<void>(resolve => {
    release = resolve;
  });
  server.answer = async request => {
    if (!request.url.endsWith("/webhooks") || request.method !== "POST") return answer(request);
    if (request.headers.get("postrider-session") === "s1") await held;
    return answer(request);
  };
  press("Save");
  await pass(50);
  await link({ id: "s2", userId: "grace" });
  release();
  await pass(50);
  expect(saved).toEqual([]);
});

test("another session is asked for before this one ends, and takes its place without a trace", async () => {
  lasts = 600_000;
  await open("mine");
  await pass(530_000);
  expect(frame.told).not.toContain("postrider:expiring");
  await pass(15_000);
  expect(frame.told.filter(type => type === "postrider:expiring")).toHaveLength(1);
  expect(field().closest("[inert]")).toBeNull();
  await link({ id: "s2", userId: "ada" });
  press("Save");
  await pass(50);
  expect(saved).toEqual([{ text: "mine", session: "s2" }]);
  expect(frame.told).not.toContain("postrider:expired");
});

test("a portal that the vendor hides says so, and comes back with what was being written", async () => {
  await open("mine");
  isHidden = true;
  press("Read");
  await pass(50);
  screen.getByText("Webhooks are not available");
  expect(field().closest("[hidden]")).not.toBeNull();
  isHidden = false;
  await pass(11_000);
  expect(screen.queryByText("Webhooks are not available")).toBeNull();
  expect(field().value).toBe("mine");
  expect(field().closest("[inert]")).toBeNull();
});

test("what is being written in a dialog outlives the end of a session, whatever is pressed meanwhile", async () => {
  await open("mine");
  press("Add");
  await pass(50);
  const note = screen.getByLabelText<HTMLTextAreaElement>("Note");
  fireEvent.change(note, { target: { value: "long" } });
  session = undefined;
  press("Read");
  await pass(50);
  await pass(11_000);
  const said = screen.getByText("This session has ended");
  fireEvent.keyDown(document.body, { key: "Escape" });
  fireEvent.pointerDown(said);
  fireEvent.click(said);
  await pass(50);
  await link({ id: "s2", userId: "ada" });
  expect(screen.getByLabelText<HTMLTextAreaElement>("Note").value).toBe("long");
  fireEvent.keyDown(document.body, { key: "Escape" });
  await pass(50);
  expect(screen.queryByLabelText("Note")).toBeNull();
});

test("where the look at somebody else's new session fails, calls go on in the name of whose pages there are", async () => {
  lasts = 600_000;
  await open("mine");
  await pass(545_000);
  expect(frame.told).toContain("postrider:expiring");
  const { answer } = server;
  const looks: (string | null)[] = [];
  server.answer = async request => {
    const id = request.headers.get("postrider-session");
    if (request.method === "POST" && request.url.endsWith("/portal-session"))
      return json(200, { session: { ...shown(), id: "s2", userId: "grace" } });
    if (request.url.endsWith("/portal-session")) {
      looks.push(id);
      throw new TypeError("Failed to fetch");
    }
    return answer(request);
  };
  (frame.hear as (told: Told) => void)({ type: "code", code: "c" });
  await pass(50);
  expect(looks).toEqual(["s2"]);
  press("Save");
  await pass(50);
  expect(saved).toEqual([{ text: "mine", session: "s1" }]);
});

test("a renewal that is refused before the session has ended takes nothing away", async () => {
  lasts = 600_000;
  await open("mine");
  await pass(545_000);
  expect(frame.told).toContain("postrider:expiring");
  const { answer } = server;
  server.answer = request =>
    request.method === "POST" && request.url.endsWith("/portal-session")
      ? Promise.resolve(json(401, { code: "session_ended", detail: "the code was used" }))
      : answer(request);
  (frame.hear as (told: Told) => void)({ type: "code", code: "c" });
  await pass(50);
  expect(field().closest("[inert]")).toBeNull();
  expect(frame.told).not.toContain("postrider:expired");
  press("Save");
  await pass(50);
  expect(saved).toEqual([{ text: "mine", session: "s1" }]);
});

test("what is said of a hidden portal's session after another has come is not heard", async () => {
  await open("mine");
  isHidden = true;
  press("Read");
  await pass(50);
  isHidden = false;
  const { answer } = server;
  let release = () => {};
  const held = new Promise<void>(resolve => {
    release = resolve;
  });
  const looks: string[] = [];
  server.answer = async request => {
    const id = request.headers.get("postrider-session");
    if (id === "s1" && request.url.endsWith("/portal-session") && request.method === "GET") {
      looks.push(id);
      await held;
    }
    return answer(request);
  };
  await pass(35_000);
  expect(looks).toHaveLength(1);
  await link({ id: "s2", userId: "ada" });
  release();
  await pass(50);
  expect(frame.told).not.toContain("postrider:expired");
  expect(field().closest("[inert]")).toBeNull();
});
