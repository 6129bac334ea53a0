//! The tab "Settings" of a webhook. Each card saves what it shows.
import { useNavigate } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { useMessages } from "@/i18n";
import { forgetUnsaved } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Confirm } from "@/ui/dialog";
import { say } from "@/ui/toast";
import { useDeleteWebhook, type Webhook } from "./queries";
import { FilterCard } from "./settings-filter";
import { OrderCard, RateCard } from "./settings-flow";
import { GeneralCard } from "./settings-general";
import { AuthenticationCard, RequestCard } from "./settings-request";
import { RetryCard } from "./settings-retry";
import { SecretCard, SignatureCard } from "./settings-secret";
import { Verification } from "./verification";

export function WebhookSettings({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  return (
    <div className="stack settings">
      <GeneralCard webhook={webhook} />
      {face.can("writeWebhooks") && <SecretCard webhook={webhook} />}
      <SignatureCard webhook={webhook} />
      <RequestCard webhook={webhook} />
      <AuthenticationCard webhook={webhook} />
      <FilterCard webhook={webhook} />
      <RetryCard webhook={webhook} />
      <RateCard webhook={webhook} />
      <OrderCard webhook={webhook} />
      {webhook.isSigned && (
        <Card title={m.verification.title}>
          <Verification webhook={{ ...webhook, secret: null }} />
        </Card>
      )}
      {face.can("deleteWebhooks") && <DeleteCard webhook={webhook} />}
    </div>
  );
}

function DeleteCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const navigate = useNavigate();
  const remove = useDeleteWebhook();
  const [asking, setAsking] = useState(false);
  return (
    <Card title={m.settings.deleteTitle}>
      <div className="row row-wrap row-between">
        <p className="soft">{m.settings.deleteText}</p>
        <Button look="danger" icon={<Trash2 />} onClick={() => setAsking(true)}>
          {m.settings.delete}
        </Button>
      </div>
      <Confirm
        title={m.settings.deleteTitle}
        text={m.settings.deleteText}
        action={m.settings.delete}
        confirmWith={webhook.displayName.trim() || webhook.id}
        open={asking}
        onClose={() => setAsking(false)}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() =>
          remove.mutate(webhook.id, {
            onSuccess: () => {
              say(m.settings.deleted);
              forgetUnsaved();
              void navigate({ to: "/webhooks", search: {} as never });
            },
          })
        }
      />
    </Card>
  );
}
