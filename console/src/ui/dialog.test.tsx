// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test } from "vitest";
import { Button } from "./button";
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

test("a question about cancelling something has a way out that is not called like it", async () => {
  const nothing = () => {};
  const words = { title: "Cancel this job?", text: "", action: "Cancel job", keep: "Keep it running" };
  render(<Confirm {...words} open onClose={nothing} onConfirm={nothing} busy={false} />);
  await screen.findByRole("button", { name: "Keep it running" });
  expect(screen.queryByRole("button", { name: "Cancel" })).toBeNull();
});
