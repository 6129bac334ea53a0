//! A card whose content is saved as one.
import type { FormEvent, ReactNode } from "react";
import { useMessages } from "@/i18n";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ErrorNotice } from "@/ui/states";

export function SaveCard({
  title,
  dirty,
  change,
  onSubmit,
  children,
}: {
  title: ReactNode;
  dirty: boolean;
  change: { isPending: boolean; isSuccess: boolean; error: unknown };
  onSubmit: (event: FormEvent) => void;
  children: ReactNode;
}) {
  const m = useMessages();
  return (
    <form onSubmit={onSubmit} noValidate>
      <Card
        title={title}
        foot={
          dirty && (
            <Button type="submit" look="primary" busy={change.isPending}>
              {m.common.save}
            </Button>
          )
        }
      >
        <div className="stack">
          {children}
          {change.error ? <ErrorNotice error={change.error} /> : null}
        </div>
      </Card>
    </form>
  );
}
