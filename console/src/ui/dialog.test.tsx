// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { Button, LateButton } from "./button";
import { Confirm, Dialog } from "./dialog";
import { TextField } from "./field";

afterEach(cleanup);

function Page({ focuses }: { focuses: boolean }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>Rename</Button>
      <Dialog title="A name" open={open} onClose={() => setOpen(false)}>
        <TextField label="Name" autoFocus={focuses} />
      </Dialog>
    </>
  );
}

test.each([
  ["takes the focus by itself", true],
  ["leaves the focus to the dialog", false],
])("a dialog that closes gives the focus back to what it was opened from, where a field %s", async (_, focuses) => {
  render(<Page focuses={focuses} />);
  const opener = screen.getByRole("button", { name: "Rename" });
  opener.focus();
  fireEvent.click(opener);
  const dialog = await screen.findByRole("dialog");
  await waitFor(() => expect(dialog.contains(document.activeElement)).toBe(true));
  fireEvent.keyDown(dialog, { key: "Escape" });
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await waitFor(() => expect(document.activeElement).toBe(opener));
});

function Steps() {
  const [step, setStep] = useState(0);
  return (
    <main id="content" tabIndex={-1}>
      <Button onClick={() => setStep(1)}>Begin</Button>
      {step === 1 && (
        <Dialog title="The first" open onClose={() => setStep(0)}>
          <Button onClick={() => setStep(2)}>On</Button>
        </Dialog>
      )}
      {step === 2 && <Dialog key="second" title="The second" open onClose={() => setStep(0)} />}
    </main>
  );
}

function Row() {
  const [state, setState] = useState("there");
  if (state === "gone") return <main id="content" tabIndex={-1} />;
  return (
    <main id="content" tabIndex={-1}>
      <Button onClick={() => setState("asked")}>Delete row</Button>
      <Dialog title="Sure?" open={state === "asked"} onClose={() => setState("there")}>
        <Button onClick={() => setState("gone")}>Yes</Button>
      </Dialog>
    </main>
  );
}

function Both() {
  const [asking, setAsking] = useState(false);
  return (
    <Dialog title="The one" open onClose={() => undefined}>
      <Button onClick={() => setAsking(true)}>Ask</Button>
      <Dialog title="The other" open={asking} onClose={() => setAsking(false)} />
    </Dialog>
  );
}

test("a dialog that takes another one's place has the focus, and gives it to the page in the end", async () => {
  render(<Steps />);
  const opener = screen.getByRole("button", { name: "Begin" });
  opener.focus();
  fireEvent.click(opener);
  const on = await screen.findByRole("button", { name: "On" });
  on.focus();
  fireEvent.click(on);
  const second = await screen.findByRole("dialog", { name: "The second" });
  // The first one gives the focus back a moment later.
  await act(() => new Promise<void>(done => setTimeout(done)));
  expect(second.contains(document.activeElement)).toBe(true);
  fireEvent.keyDown(second, { key: "Escape" });
  await waitFor(() => expect(document.activeElement).toBe(document.getElementById("content")));
});

test("where what a dialog was opened from is gone, the page has the focus", async () => {
  render(<Row />);
  const opener = screen.getByRole("button", { name: "Delete row" });
  opener.focus();
  fireEvent.click(opener);
  const yes = await screen.findByRole("button", { name: "Yes" });
  yes.focus();
  fireEvent.click(yes);
  await waitFor(() => expect(document.activeElement).toBe(document.getElementById("content")));
});

test("a dialog that was opened from another one gives the focus back into that", async () => {
  render(<Both />);
  const opener = await screen.findByRole("button", { name: "Ask" });
  opener.focus();
  fireEvent.click(opener);
  const other = await screen.findByRole("dialog", { name: "The other" });
  fireEvent.keyDown(other, { key: "Escape" });
  await waitFor(() => expect(document.activeElement).toBe(opener));
});

test("a question about cancelling something has a way out that is not called like it", async () => {
  const nothing = () => {};
  const words = { title: "Cancel this job?", text: "", action: "Cancel job", keep: "Keep it running" };
  render(<Confirm {...words} open onClose={nothing} onConfirm={nothing} busy={false} />);
  await screen.findByRole("button", { name: "Keep it running" });
  expect(screen.queryByRole("button", { name: "Cancel" })).toBeNull();
});

test("a dialog that is held is closed by its own button alone", async () => {
  const onClose = vi.fn();
  render(<Dialog title="Shown once" open held onClose={onClose} foot={<Button onClick={onClose}>Kept</Button>} />);
  const dialog = await screen.findByRole("dialog");
  // The library listens a moment later.
  await act(() => new Promise<void>(done => setTimeout(done, 10)));
  fireEvent.keyDown(dialog, { key: "Escape" });
  fireEvent.pointerDown(document.querySelector(".veil") as Element);
  fireEvent.click(document.querySelector(".veil") as Element);
  expect(screen.queryByRole("button", { name: "Close" })).toBeNull();
  expect(onClose).not.toHaveBeenCalled();
  fireEvent.click(screen.getByRole("button", { name: "Kept" }));
  expect(onClose).toHaveBeenCalledOnce();
});

test("the second click of a double click starts nothing, and closes nothing that came in the place of the first", async () => {
  const [act_, plain, submit] = [vi.fn(), vi.fn(), vi.fn((event: Event) => event.preventDefault())];
  render(
    <form onSubmit={event => submit(event.nativeEvent)}>
      <Button busy={false} onClick={act_}>
        Pause
      </Button>
      <Button onClick={plain}>Add</Button>
      <Button type="submit">Save</Button>
      <LateButton onClick={act_}>Kept</LateButton>
    </form>,
  );
  for (const name of ["Pause", "Add", "Save"]) {
    const button = screen.getByRole("button", { name });
    for (const detail of [1, 2]) fireEvent.click(button, { detail });
  }
  expect([act_, plain, submit].map(told => told.mock.calls.length)).toEqual([1, 2, 1]);
  const late = screen.getByRole<HTMLButtonElement>("button", { name: "Kept" });
  expect(late.disabled).toBe(true);
  await waitFor(() => expect(late.disabled).toBe(false));
});
