// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ResendButton } from "./resend-button";

interface Told {
  onSuccess: (made: { id: string }) => void;
  onSettled: () => void;
}

const { mutate, navigate } = vi.hoisted(() => ({ mutate: vi.fn(), navigate: vi.fn() }));
vi.mock("./queries", () => ({ useResend: () => ({ mutate, isPending: false, error: null }) }));
vi.mock("@tanstack/react-router", () => ({ useNavigate: () => navigate }));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const button = () => screen.getByRole<HTMLButtonElement>("button", { name: "Resend" });
const click = (detail: number) => fireEvent.click(button(), { detail });

test("two clicks on the button of a delivery, and on that of the one that it leads to, send it again once", () => {
  const { rerender } = render(<ResendButton key="a" deliveryId="a" />);
  click(1);
  // Before anything is drawn.
  click(1);
  expect(mutate.mock.calls.map(([id]) => id)).toEqual(["a"]);
  const told: Told = mutate.mock.calls[0]?.[1];
  act(() => {
    told.onSuccess({ id: "b" });
    told.onSettled();
  });
  expect(navigate).toHaveBeenCalledTimes(1);
  rerender(<ResendButton key="b" deliveryId="b" />);
  expect(button().disabled).toBe(true);
  click(1);
  act(() => void vi.advanceTimersByTime(1000));
  expect(button().disabled).toBe(false);
  // The second click of a double click.
  click(2);
  expect(mutate).toHaveBeenCalledTimes(1);
  // By the keyboard.
  click(0);
  expect(mutate.mock.calls.map(([id]) => id)).toEqual(["a", "b"]);
});
