//! Event types as documents: exported for other programs, imported from an OpenAPI document after a look at what that would change.
import { useQueryClient } from "@tanstack/react-query";
import { Download, Ellipsis, Upload } from "lucide-react";
import { useState } from "react";
import { api, must, type Schemas } from "@/api/client";
import { useMutation } from "@/api/mutation";
import { useMessages } from "@/i18n";
import { useFace } from "@/shell/face";
import { Button, IconButton } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field } from "@/ui/field";
import { Menu, MenuItem, MenuLine } from "@/ui/menu";
import { ErrorNotice, Notice } from "@/ui/states";
import { say } from "@/ui/toast";

async function download(format: "openapi" | "asyncapi"): Promise<void> {
  const call = api.GET("/api/v1/event-types/export", { params: { query: { format } }, parseAs: "blob" });
  const document_ = (await must<Blob>(call as never)) as Blob;
  const url = URL.createObjectURL(document_);
  const link = document.createElement("a");
  link.href = url;
  link.download = `event-types.${format}.json`;
  link.click();
  URL.revokeObjectURL(url);
}

export function ExchangeMenu() {
  const m = useMessages();
  const face = useFace();
  const [importing, setImporting] = useState(false);
  const take = (format: "openapi" | "asyncapi") =>
    void download(format).catch((error: Error) => say(error.message, "bad"));
  return (
    <>
      <Menu
        trigger={
          <IconButton label={m.types.exchange} look="default">
            <Ellipsis />
          </IconButton>
        }
      >
        <MenuItem icon={<Download />} onSelect={() => take("openapi")}>
          {m.types.exportOpenApi}
        </MenuItem>
        <MenuItem icon={<Download />} onSelect={() => take("asyncapi")}>
          {m.types.exportAsyncApi}
        </MenuItem>
        {face.manages && (
          <>
            <MenuLine />
            <MenuItem icon={<Upload />} onSelect={() => setImporting(true)}>
              {m.types.import}
            </MenuItem>
          </>
        )}
      </Menu>
      {importing && <Import onClose={() => setImporting(false)} />}
    </>
  );
}

/** The text goes as it is: a large document is not read and written again here. */
const send = (text: string, dryRun: boolean): Promise<Schemas["Import"]> =>
  must(
    api.POST("/api/v1/event-types/import", {
      params: { query: { dryRun } },
      body: {} as never,
      bodySerializer: () => text,
      headers: { "content-type": "application/json" },
    }),
  );

function Import({ onClose }: { onClose: () => void }) {
  const m = useMessages();
  const queries = useQueryClient();
  const [text, setText] = useState<string>();
  const look = useMutation({ mutationFn: (document_: string) => send(document_, true) });
  const write = useMutation({
    mutationFn: (document_: string) => send(document_, false),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["event-types"] });
      void queries.invalidateQueries({ queryKey: ["categories"] });
      say(m.types.imported);
      onClose();
    },
  });
  const choose = async (file: File | undefined) => {
    if (!file) return;
    const read = await file.text();
    setText(read);
    look.mutate(read);
  };
  return (
    <Dialog
      title={m.types.importTitle}
      description={m.types.importText}
      open
      onClose={onClose}
      onSubmit={() => text !== undefined && write.mutate(text)}
      foot={
        <>
          <Button onClick={onClose}>{m.common.cancel}</Button>
          <Button type="submit" look="primary" busy={write.isPending} disabled={!look.data}>
            {m.types.importAction}
          </Button>
        </>
      }
    >
      <Field label={m.types.importFile}>
        {wiring => (
          <input
            {...wiring}
            type="file"
            accept="application/json,.json"
            disabled={look.isPending}
            onChange={event => void choose(event.target.files?.[0])}
          />
        )}
      </Field>
      {look.data && (
        <Notice role="status">
          {m.types.importCounts(look.data.created.length, look.data.updated.length, look.data.unchanged.length)}
        </Notice>
      )}
      {look.error && <ErrorNotice error={look.error} />}
      {write.error && <ErrorNotice error={write.error} />}
    </Dialog>
  );
}
