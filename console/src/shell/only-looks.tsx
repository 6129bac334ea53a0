//! In place of a form whose reader may not send it, wherever an address leads to one.
import { useMessages } from "@/i18n";
import { Card } from "@/ui/card";
import { Empty } from "@/ui/states";
import { useFace } from "./face";

export function OnlyLooks({ title }: { title: string }) {
  const m = useMessages();
  const face = useFace();
  return (
    <div className="stack">
      <h1>{title}</h1>
      <Card>
        {/* The console says above every page whose credential it is that only looks. */}
        <Empty title={m.common.onlyLooks}>{face.kind === "portal" && m.common.onlyLooksUser}</Empty>
      </Card>
    </div>
  );
}
