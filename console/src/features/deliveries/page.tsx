//! All deliveries of the environment: filters, search, live tail, bulk resend.
import { useMessages } from "@/i18n";
import { Deliveries } from "./list";

export function DeliveriesPage() {
  const m = useMessages();
  return (
    <div className="stack">
      <div className="page-head">
        <h1>{m.deliveries.title}</h1>
      </div>
      <Deliveries webhookId={undefined} />
    </div>
  );
}
