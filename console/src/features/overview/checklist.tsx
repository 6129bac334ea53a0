//! The way from the first visit to the first delivered webhook.
import { Link } from "@tanstack/react-router";
import { Check } from "lucide-react";
import type { Schemas } from "@/api/client";
import type { Webhook } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { buttonClass } from "@/ui/button";
import { Card } from "@/ui/card";
import { classes } from "@/ui/classes";
import "./overview.css";

interface Step {
  name: "connect" | "send" | "delivered";
  to: string;
  done: boolean;
}

/** Undefined while it is not known; gone for good once something was delivered. */
export function useChecklist(
  webhooks: Webhook[] | undefined,
  summary: Schemas["Summary"] | undefined,
): Step[] | undefined {
  if (!webhooks || !summary) return undefined;
  const delivered = webhooks.some(webhook => webhook.invocations > 0) && summary.total.delivered > 0;
  const sent = summary.total.events > 0 || webhooks.some(webhook => webhook.invocations > 0);
  const old = webhooks.length > 0 && webhooks.some(webhook => webhook.invocations > 0) && summary.total.events === 0;
  if (old) return [];
  return [
    { name: "connect", to: "/webhooks/connect", done: webhooks.length > 0 },
    { name: "send", to: "/events/send", done: sent },
    { name: "delivered", to: "/deliveries", done: delivered },
  ];
}

export function Checklist({ steps }: { steps: Step[] }) {
  const m = useMessages();
  const next = steps.find(step => !step.done);
  return (
    <Card title={m.checklist.title} flush>
      <ol className="check-list">
        {steps.map((step, index) => (
          <li key={step.name} className={classes(step.done && "check-done")}>
            <span className="check-mark">{step.done ? <Check aria-label={m.checklist.done} /> : index + 1}</span>
            <span className="grow">
              <span className="field-label">{m.checklist[step.name]}</span>
              <br />
              <span className="soft">{m.checklist[`${step.name}Text`]}</span>
            </span>
            {step === next && (
              <Link to={step.to} className={buttonClass("primary", "small")}>
                {m.checklist[`${step.name}Action`]}
              </Link>
            )}
          </li>
        ))}
      </ol>
    </Card>
  );
}
