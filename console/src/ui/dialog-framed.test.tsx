// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Dialog } from "./dialog";

vi.mock("@/portal/frame", () => ({ isFramed: true }));

beforeEach(() => {
  /** All of the frame is seen. */
  class Observer {
    constructor(private readonly tell: (entries: { intersectionRect: { top: number; height: number } }[]) => void) {}
    observe() {
      this.tell([{ intersectionRect: { top: 0, height: 800 } }]);
    }
    unobserve() {}
    disconnect() {}
  }
  vi.stubGlobal("IntersectionObserver", Observer);
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("a dialog in a frame leaves the page around it to be scrolled", async () => {
  render(<Dialog title="A name" open onClose={() => undefined} />);
  await screen.findByRole("dialog");
  const veil = document.querySelector(".veil");
  expect(veil).not.toBeNull();
  const wheel = new WheelEvent("wheel", { deltaY: 100, bubbles: true, cancelable: true });
  veil?.dispatchEvent(wheel);
  expect(wheel.defaultPrevented).toBe(false);
  expect(document.body.hasAttribute("data-scroll-locked")).toBe(false);
});
