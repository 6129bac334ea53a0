//! Tables of a page's length. A row can lead somewhere: its first cell holds the link, and a click anywhere in it follows that link.
import { type ColumnDef, type RowData, tableFeatures, useTable } from "@tanstack/react-table";
import type { ReactNode } from "react";

const features = tableFeatures({});

export interface Column<T> {
  id: string;
  header: string;
  cell: (row: T) => ReactNode;
  /** Where there is little room the column goes: `medium` below 640 px, `wide` below 960 px. */
  shownFrom?: "medium" | "wide";
  align?: "end";
}

const HIDDEN = { medium: "medium-up", wide: "wide-only" };

export function Table<T extends RowData>({
  label,
  columns,
  rows,
  rowKey,
  linked = false,
}: {
  label: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  linked?: boolean;
}) {
  const definitions: ColumnDef<typeof features, T>[] = columns.map(column => ({
    id: column.id,
    header: column.header,
    cell: context => column.cell(context.row.original),
  }));
  const table = useTable({ features, columns: definitions, data: rows, getRowId: rowKey });
  const classOf = (id: string) => {
    const from = columns.find(column => column.id === id)?.shownFrom;
    return from && HIDDEN[from];
  };
  // What scrolls must be reachable by keyboard: by the links of its rows, or else by itself.
  const reach = linked ? {} : { tabIndex: 0, role: "group", "aria-label": label };
  return (
    <div className="table-scroll" {...reach}>
      <table className="table" aria-label={label}>
        <thead>
          {table.getHeaderGroups().map(group => (
            <tr key={group.id}>
              {group.headers.map(header => (
                <th key={header.id} scope="col" className={classOf(header.column.id)}>
                  <table.FlexRender header={header} />
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          {table.getRowModel().rows.map(row => (
            <tr
              key={row.id}
              data-linked={linked || undefined}
              onClick={event => {
                if (linked && !(event.target as Element).closest("a, button, input, label")) {
                  event.currentTarget.querySelector("a")?.click();
                }
              }}
            >
              {row.getAllCells().map(cell => (
                <td key={cell.id} className={classOf(cell.column.id)}>
                  <table.FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
