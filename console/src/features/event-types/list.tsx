//! The catalogue: every event type by category.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useMessages } from "@/i18n";
import { grouped } from "@/logic/subscriptions";
import { useFace } from "@/shell/face";
import { usePageSearch } from "@/shell/search";
import { Badge } from "@/ui/badge";
import { Button, buttonClass, IconButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { Confirm, Dialog } from "@/ui/dialog";
import { TextField } from "@/ui/field";
import { Empty, ErrorNotice, Loaded } from "@/ui/states";
import { Table } from "@/ui/table";
import { ClearFilters, TypedText } from "@/ui/typed";
import { ExchangeMenu } from "./exchange";
import { categoriesQuery, type EventType, eventTypesQuery, useDeleteCategory, useSaveCategory } from "./queries";

export type EventTypesSearch = "q";

export function EventTypes() {
  const m = useMessages();
  const face = useFace();
  const [search, change] = usePageSearch<EventTypesSearch>();
  const query = useQuery(eventTypesQuery);
  const categories = useQuery({ ...categoriesQuery, enabled: face.can("readCategories") });
  const [naming, setNaming] = useState<{ id?: string; name: string }>();
  const editable = face.manages;
  return (
    <div className="stack">
      <div className="page-head">
        <h1>{m.nav.eventTypes}</h1>
        {face.kind === "console" && (
          <div className="row row-wrap">
            <ExchangeMenu />
            {editable && (
              <>
                <Button onClick={() => setNaming({ name: "" })}>{m.types.newCategory}</Button>
                <Link to="/event-types/new" className={buttonClass("primary")}>
                  <Plus aria-hidden="true" />
                  {m.types.new}
                </Link>
              </>
            )}
          </div>
        )}
      </div>
      {face.kind === "portal" && <p className="soft">{m.types.portalLead}</p>}
      <div className="filters">
        <TypedText label={m.picker.search} value={search.q ?? ""} onChange={q => change({ q })} as="search" />
      </div>
      <Loaded query={query} lines={8}>
        {types => {
          const groups = grouped(types, search.q ?? "");
          const empty = search.q
            ? []
            : (categories.data ?? []).filter(category => !types.some(type => type.categoryId === category.id));
          return (
            <>
              {groups.length === 0 && (
                <Card>
                  <Empty title={m.common.nothingFound} actions={<ClearFilters onClear={() => change({ q: "" })} />} />
                </Card>
              )}
              {groups.map(group => (
                <Card
                  key={group.category}
                  title={group.category}
                  flush
                  actions={
                    editable && (
                      <IconButton
                        label={m.types.rename(group.category)}
                        size="small"
                        onClick={() => setNaming({ id: group.types[0]?.categoryId ?? "", name: group.category })}
                      >
                        <Pencil />
                      </IconButton>
                    )
                  }
                >
                  <Types types={group.types} category={group.category} />
                </Card>
              ))}
              {editable &&
                empty.map(category => (
                  <EmptyCategory key={category.id} id={category.id} name={category.name} onRename={setNaming} />
                ))}
            </>
          );
        }}
      </Loaded>
      {naming && <CategoryDialog category={naming} onClose={() => setNaming(undefined)} />}
    </div>
  );
}

function Types({ types, category }: { types: EventType[]; category: string }) {
  const m = useMessages();
  return (
    <Table
      label={category}
      rows={types}
      rowKey={type => type.id}
      linked
      columns={[
        {
          id: "name",
          header: m.types.name,
          cell: type => (
            <span className="webhook-name type-name">
              <Link to="/event-types/$eventTypeId" params={{ eventTypeId: type.id }}>
                {type.displayName}
              </Link>
              <code className="small faint break">{type.key}</code>
            </span>
          ),
        },
        {
          id: "description",
          header: m.types.description,
          shownFrom: "medium",
          cell: type => <span className="soft">{type.description}</span>,
        },
        {
          id: "has",
          header: m.types.has,
          shownFrom: "wide",
          cell: type => (
            <span className="row">
              {type.schema && <Badge>{m.body.schema}</Badge>}
              {type.sample && <Badge>{m.body.sample}</Badge>}
              {!type.isVisibleToTenants && <Badge>{m.types.vendorOnly}</Badge>}
              {type.deprecatedAt && <Badge tone="warn">{m.types.deprecated}</Badge>}
            </span>
          ),
        },
      ]}
    />
  );
}

function EmptyCategory({
  id,
  name,
  onRename,
}: {
  id: string;
  name: string;
  onRename: (category: { id: string; name: string }) => void;
}) {
  const m = useMessages();
  const remove = useDeleteCategory();
  const [asking, setAsking] = useState(false);
  return (
    <Card
      title={name}
      actions={
        <>
          <IconButton label={m.types.rename(name)} size="small" onClick={() => onRename({ id, name })}>
            <Pencil />
          </IconButton>
          <IconButton label={m.types.deleteCategory(name)} size="small" onClick={() => setAsking(true)}>
            <Trash2 />
          </IconButton>
        </>
      }
    >
      <p className="soft">{m.types.emptyCategory}</p>
      <Confirm
        title={m.types.deleteCategory(name)}
        text={m.types.emptyCategory}
        action={m.common.delete}
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() => remove.mutate(id)}
        busy={remove.isPending}
        error={remove.error}
      />
    </Card>
  );
}

function CategoryDialog({ category, onClose }: { category: { id?: string; name: string }; onClose: () => void }) {
  const m = useMessages();
  const save = useSaveCategory();
  const [name, setName] = useState(category.name);
  return (
    <Dialog
      title={category.id ? m.types.rename(category.name) : m.types.newCategory}
      open
      onClose={onClose}
      onSubmit={() => name.trim() && save.mutate({ id: category.id, name: name.trim() }, { onSuccess: onClose })}
      foot={
        <>
          <Button onClick={onClose}>{m.common.cancel}</Button>
          <Button type="submit" look="primary" busy={save.isPending} disabled={name.trim() === ""}>
            {m.common.save}
          </Button>
        </>
      }
    >
      <TextField
        label={m.types.name}
        value={name}
        onChange={event => setName(event.target.value)}
        hint={category.id ? m.types.renameHint : undefined}
        autoFocus
      />
      {save.error && <ErrorNotice error={save.error} />}
    </Dialog>
  );
}
