//! Opening a tenant's portal as support: it says so, and it is a session like any other.
import { ExternalLink } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useMessages } from "@/i18n";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { TextField } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/states";
import { useMakeLink } from "./queries";

export function OpenAsSupport({ isHidden }: { isHidden: boolean }) {
  const m = useMessages();
  const [tenantId, setTenant] = useState("");
  const make = useMakeLink();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (tenantId.trim() === "") return;
    // Opened before the answer is there: browsers only let a click open a page.
    const page = window.open("", "_blank");
    make.mutate(
      { tenantId: tenantId.trim(), permissions: ["fe.connectivity.*"], purpose: "support" },
      {
        onSuccess: link => {
          if (page) page.location.href = link.url;
        },
        onError: () => page?.close(),
      },
    );
  };
  return (
    <form onSubmit={submit} noValidate>
      <Card title={m.portalSettings.support}>
        <div className="stack">
          <p className="soft">{m.portalSettings.supportText}</p>
          {isHidden && <Notice>{m.portalSettings.hiddenNow}</Notice>}
          <div className="row row-wrap row-end">
            <span className="grow">
              <TextField
                label={m.connect.tenantId}
                value={tenantId}
                onChange={event => setTenant(event.target.value)}
                className="mono"
                spellCheck={false}
              />
            </span>
            <Button
              type="submit"
              icon={<ExternalLink />}
              busy={make.isPending}
              disabled={isHidden || tenantId.trim() === ""}
            >
              {m.portalSettings.open}
            </Button>
          </div>
          {make.error && <ErrorNotice error={make.error} />}
        </div>
      </Card>
    </form>
  );
}
