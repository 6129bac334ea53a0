//! Opening a tenant's portal as support: it says so, and it is a session like any other.
import { ExternalLink } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useMessages } from "@/i18n";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { CopyButton } from "@/ui/copy";
import { TextField } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/states";
import { useMakeLink } from "./queries";

export function OpenAsSupport({ isHidden }: { isHidden: boolean }) {
  const m = useMessages();
  const [tenantId, setTenant] = useState("");
  const [link, setLink] = useState<string>();
  const make = useMakeLink();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (tenantId.trim() === "" || make.isUnderWay()) return;
    setLink(undefined);
    // Opened before the answer is there: browsers only let a click open a page.
    const page = window.open("", "_blank");
    make.mutate(
      { tenantId: tenantId.trim(), permissions: ["fe.connectivity.*"], purpose: "support" },
      {
        onSuccess: ({ url }) => {
          if (page) page.location.href = url;
          // The browser lets no page be opened: the link works once, and is there to be followed by hand.
          else setLink(url);
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
          {link && (
            <Notice tone="warn" role="status">
              <p>{m.portalSettings.blocked}</p>
              <p className="row">
                <a href={link} target="_blank" rel="noreferrer" className="truncate">
                  {link}
                </a>
                <CopyButton text={link} />
              </p>
            </Notice>
          )}
          {make.error && <ErrorNotice error={make.error} />}
        </div>
      </Card>
    </form>
  );
}
