// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { Json } from "./code";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("what is copied is the text as it was sent, and indented only where that is asked for", async () => {
  const writeText = vi.fn(async () => undefined);
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
  const sent = '{"amount":1.0000000000000000001, "b":[1]}';
  render(<Json text={sent} label="Body" />);
  fireEvent.click(screen.getByRole("button", { name: "Copy" }));
  expect(writeText).toHaveBeenLastCalledWith(sent);
  fireEvent.click(screen.getByRole("button", { name: "Copy indented" }));
  expect(writeText).toHaveBeenLastCalledWith('{\n  "amount": 1.0000000000000000001,\n  "b": [\n    1\n  ]\n}');
});

test("what is indented already has one way to be copied", () => {
  render(<Json value={{ a: 1 }} label="Sample" />);
  expect(screen.getAllByRole("button").length).toBe(1);
});
