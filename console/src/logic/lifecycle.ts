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
  | { kind: "next"; tone: Tone; waits: Waits; isFirst: boolean }
  | { kind: "delivered" | "failed" | "discarded"; tone: Tone; at: string | null; reason: string | null };

/** What the next attempt waits for: a time that is to come, its webhook's pause that ends then, something that has a name of its own, or
 * nothing any more: it is due, and may be under way. */
export type Waits = { for: "time" | "pause"; until: string } | { for: "something"; name: string } | { for: "nothing" };

/** Attempts that are shown one by one; those in between are told as a number. */
const SHOWN = 6;

/** `pausedUntil` is the end of its webhook's pause, as far as that is known. */
export function lifecycle(
  delivery: LifeDelivery,
  attempts: LifeAttempt[],
  now: number,
  pausedUntil?: string | null,
): LifeStep[] {
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
  return [...steps, ending(delivery, now, pausedUntil)];
}

function ending(delivery: LifeDelivery, now: number, pausedUntil: string | null | undefined): LifeStep {
  const { state } = delivery;
  const at = delivery.endedAt ?? null;
  const reason = delivery.reason ?? null;
  if (state === "delivered") return { kind: "delivered", tone: "good", at, reason };
  if (state === "failed") return { kind: "failed", tone: "bad", at, reason };
  if (state === "discarded") return { kind: "discarded", tone: "calm", at, reason };
  return {
    kind: "next",
    tone: state === "retrying" ? "warn" : "accent",
    waits: waitsFor(delivery, now, pausedUntil),
    isFirst: delivery.attempts === 0,
  };
}

/** The time of a delivery says when it may be tried; its webhook's pause, when anything is. A time that has passed is no time to wait for. */
function waitsFor(delivery: LifeDelivery, now: number, pausedUntil: string | null | undefined): Waits {
  if (delivery.waitingFor) return { for: "something", name: delivery.waitingFor };
  const at = delivery.nextAttemptAt;
  if (!at) return { for: "nothing" };
  if (pausedUntil && Date.parse(pausedUntil) > Math.max(now, Date.parse(at))) {
    return { for: "pause", until: pausedUntil };
  }
  return Date.parse(at) > now ? { for: "time", until: at } : { for: "nothing" };
}
