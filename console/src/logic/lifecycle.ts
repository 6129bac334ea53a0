//! The life of a delivery as steps: accepted → matched → attempts → how it ended, or what it waits for.
import { type Tone, toneOfStatus } from "./outcomes";

export interface LifeDelivery {
  state: string;
  origin: string;
  reason?: string | null;
  waitingFor?: string | null;
  createdAt: string;
  endedAt?: string | null;
  nextAttemptAt?: string | null;
  attempts: number;
}

export interface LifeAttempt {
  id: string;
  number: number;
  startedAt: string;
  statusCode?: number | null;
  failure?: string | null;
}

export type LifeStep =
  | { kind: "accepted" | "matched"; tone: Tone; at: string }
  | { kind: "attempt"; tone: Tone; at: string; number: number; statusCode: number | null; failure: string | null }
  | { kind: "more"; tone: Tone; count: number }
  | { kind: "next"; tone: Tone; at: string | null; waitingFor: string | null; isFirst: boolean }
  | { kind: "delivered" | "failed" | "discarded"; tone: Tone; at: string | null; reason: string | null };

/** Attempts that are shown one by one; those in between are told as a number. */
const SHOWN = 6;

export function lifecycle(delivery: LifeDelivery, attempts: LifeAttempt[]): LifeStep[] {
  const origin = { tone: "good", at: delivery.createdAt } as const;
  const steps: LifeStep[] = [
    { kind: "accepted", ...origin },
    { kind: "matched", ...origin },
  ];
  const ordered = [...attempts].sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  const asStep = (attempt: LifeAttempt): LifeStep => ({
    kind: "attempt",
    tone: toneOfStatus(attempt.statusCode),
    at: attempt.startedAt,
    number: attempt.number,
    statusCode: attempt.statusCode ?? null,
    failure: attempt.failure ?? null,
  });
  if (ordered.length > SHOWN) {
    steps.push(...ordered.slice(0, 2).map(asStep));
    steps.push({ kind: "more", tone: "bad", count: ordered.length - SHOWN });
    steps.push(...ordered.slice(-(SHOWN - 2)).map(asStep));
  } else steps.push(...ordered.map(asStep));
  return [...steps, ending(delivery)];
}

function ending(delivery: LifeDelivery): LifeStep {
  const { state } = delivery;
  const at = delivery.endedAt ?? null;
  const reason = delivery.reason ?? null;
  if (state === "delivered") return { kind: "delivered", tone: "good", at, reason };
  if (state === "failed") return { kind: "failed", tone: "bad", at, reason };
  if (state === "discarded") return { kind: "discarded", tone: "calm", at, reason };
  return {
    kind: "next",
    tone: state === "retrying" ? "warn" : "accent",
    at: delivery.nextAttemptAt ?? null,
    waitingFor: delivery.waitingFor ?? null,
    isFirst: delivery.attempts === 0,
  };
}
