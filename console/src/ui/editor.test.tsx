// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import Editor from "./editor";

afterEach(cleanup);

const describedBy = () => {
  const id = screen.getByRole("textbox").getAttribute("aria-describedby");
  return id && document.getElementById(id)?.textContent;
};

test("an editor says how the keyboard leaves it", () => {
  render(<Editor label="Payload" value="{}" onChange={() => undefined} language="json" />);
  expect(describedBy()).toBe("Tab indents. Escape, then Tab, leaves the editor.");
});

test("where nothing can be written Tab leaves, and nothing is said", () => {
  render(<Editor label="Payload" value="{}" onChange={() => undefined} language="json" disabled />);
  expect(describedBy()).toBeNull();
});
