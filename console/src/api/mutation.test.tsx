// @vitest-environment jsdom
import { readdirSync, readFileSync } from "node:fs";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { useMutation } from "./mutation";

afterEach(cleanup);

let answers: { settle: () => void; refuse: () => void }[] = [];

function Screen() {
  const make = useMutation({
    mutationFn: (name: string) =>
      new Promise<string>((settle, refuse) => {
        answers.push({ settle: () => settle(name), refuse: () => refuse(new Error(name)) });
      }),
  });
  return (
    <button type="button" onClick={() => make.mutate("one")}>
      {make.status}
    </button>
  );
}

function open(): HTMLElement {
  answers = [];
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Screen />
    </QueryClientProvider>,
  );
  return screen.getByRole("button");
}

test("clicks before the first is drawn, and while it is under way, ask once", async () => {
  const button = open();
  act(() => {
    button.click();
    button.click();
  });
  fireEvent.click(button);
  await waitFor(() => expect(button.textContent).toBe("pending"));
  fireEvent.click(button);
  expect(answers).toHaveLength(1);
});

test.each(["settle", "refuse"] as const)("after the answer it can be asked again: %s", async how => {
  const button = open();
  for (const count of [1, 2]) {
    fireEvent.click(button);
    await waitFor(() => expect(answers).toHaveLength(count));
    await act(async () => answers[count - 1]?.[how]());
    await waitFor(() => expect(button.textContent).toBe(how === "settle" ? "success" : "error"));
  }
});

test("nothing is asked of the server in another way", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).filter(name => /\.tsx?$/.test(name));
  const unguarded = sources.filter(
    name =>
      !name.startsWith("api/mutation") &&
      /import \{[^}]*\buseMutation\b[^}]*\} from "@tanstack/.test(readFileSync(`src/${name}`, "utf8")),
  );
  expect(unguarded).toEqual([]);
});
