// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Table } from "./table";

afterEach(cleanup);

const shown = (linked: boolean) =>
  render(
    <Table
      label="Secrets"
      rows={[{ id: "1", name: "console" }]}
      rowKey={row => row.id}
      linked={linked}
      columns={[{ id: "name", header: "Name", cell: row => (linked ? <a href="/1">{row.name}</a> : row.name) }]}
    />,
  );

test("a table without links can be scrolled by keyboard, and says what it is", () => {
  shown(false);
  expect(screen.getByRole("group", { name: "Secrets" }).tabIndex).toBe(0);
});

test("a table whose rows are links is no stop of its own on the way through them", () => {
  shown(true);
  expect(screen.queryByRole("group")).toBeNull();
  expect(screen.getByRole("link", { name: "console" })).toBeTruthy();
});
