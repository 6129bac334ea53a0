//! What somebody is editing and has not saved: drafts over the server's values, and the question before they are lost.
import { type ShouldBlockFn, useBlocker } from "@tanstack/react-router";
import { useEffect, useId, useState, useSyncExternalStore } from "react";
import { useMessages } from "@/i18n";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";

export interface Draft<T extends object> {
  /** The server's value, with what was edited over it. */
  value: T;
  /** What was edited alone. */
  edited: Partial<T>;
  isEdited: boolean;
  edit: (patch: Partial<T>) => void;
  discard: () => void;
  /** `sent` is the server's now: what was not edited again since follows the server from here on. */
  saved: (sent: T) => void;
}

/** Members that nobody has edited follow the server, whatever else of it is being edited. */
export function useDraft<T extends object>(server: T): Draft<T> {
  const [edits, setEdits] = useState<Partial<T>>({});
  const edited = without(edits, server);
  return {
    value: { ...server, ...edits },
    edited,
    isEdited: Object.keys(edited).length > 0,
    edit: patch => setEdits(before => without({ ...before, ...patch }, server)),
    discard: () => setEdits({}),
    saved: sent => setEdits(before => without(before, sent)),
  };
}

/** Of what a form would send, the members that somebody edited: of the others, what somebody else saved meanwhile stays. */
export function onlyEdited<T extends object, Sent extends Partial<Record<keyof T, unknown>>>(
  { edited }: Draft<T>,
  sent: Sent,
): Partial<Sent> {
  return Object.fromEntries(Object.entries(sent).filter(([name]) => name in edited)) as Partial<Sent>;
}

/** The edits that are other values than those. */
function without<T extends object>(edits: Partial<T>, values: T): Partial<T> {
  const names = Object.keys(edits) as (keyof T)[];
  const kept = names.filter(name => JSON.stringify(edits[name]) !== JSON.stringify(values[name]));
  return Object.fromEntries(kept.map(name => [name, edits[name]])) as Partial<T>;
}

interface State {
  /** Who has something unsaved. */
  unsaved: ReadonlySet<string>;
  /** The question that is being asked. */
  asking: { answer: Promise<boolean>; settle: (leaves: boolean) => void } | undefined;
}

let state: State = { unsaved: new Set(), asking: undefined };
const listeners = new Set<() => void>();

function become(next: Partial<State>): void {
  state = { ...state, ...next };
  for (const listener of listeners) listener();
}

/** Says, for as long as it is true, that leaving the screen would lose something. */
export function useUnsaved(isUnsaved: boolean): void {
  const id = useId();
  useEffect(() => {
    if (!isUnsaved) return;
    become({ unsaved: new Set(state.unsaved).add(id) });
    return () => become({ unsaved: new Set([...state.unsaved].filter(other => other !== id)) });
  }, [id, isUnsaved]);
}

/** Whether the reader goes on, and loses what is unsaved: asked where something is. */
export function mayLeave(): Promise<boolean> {
  if (state.unsaved.size === 0) return Promise.resolve(true);
  if (state.asking) return state.asking.answer;
  let settle: (leaves: boolean) => void = () => {};
  const answer = new Promise<boolean>(resolve => {
    settle = leaves => {
      // Whoever goes is not asked once more on the way.
      become(leaves ? { asking: undefined, unsaved: new Set() } : { asking: undefined });
      resolve(leaves);
    };
  });
  become({ asking: { answer, settle } });
  return answer;
}

/** What was being edited is gone itself: nothing is left to be saved. */
export function forgetUnsaved(): void {
  become({ unsaved: new Set() });
}

interface Place {
  pathname: string;
  search: object;
}

/** Whether both show the same cards: filters and choices of a view may differ, tabs may not. */
export function isSameScreen(here: Place, there: Place): boolean {
  const tab = ({ search }: Place) => (search as { tab?: string }).tab ?? "";
  return here.pathname === there.pathname && tab(here) === tab(there);
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Steps back and forth through the browser's history. The address has gone when one is told of. */
let steps = 0;

const shouldBlockFn: ShouldBlockFn = async ({ current, next, action }) => {
  const isStep = action !== "PUSH" && action !== "REPLACE";
  const step = isStep ? ++steps : undefined;
  // A session that has ended takes everything with it: there is nothing to stay for.
  if (next.pathname.endsWith("/sign-in") || isSameScreen(current, next)) {
    // Whoever has come back by themselves is asked no more.
    if (isStep) state.asking?.settle(false);
    return false;
  }
  const leaves = await mayLeave();
  // Another step was made meanwhile: it is the one that goes on, or takes the address back all the way.
  if (isStep && step !== steps) return new Promise<never>(() => {});
  return !leaves;
};

/** Asks before a link, a tab, the way back or the end of the page loses what is unsaved. Once in a layout. */
export function LeaveGuard() {
  const m = useMessages();
  const { unsaved, asking } = useSyncExternalStore(subscribe, () => state);
  useBlocker({ shouldBlockFn, disabled: unsaved.size === 0 });
  return (
    <Dialog
      title={m.unsaved.title}
      description={m.unsaved.text}
      open={asking !== undefined}
      onClose={() => asking?.settle(false)}
      foot={
        <>
          <Button onClick={() => asking?.settle(true)}>{m.unsaved.leave}</Button>
          <Button look="primary" onClick={() => asking?.settle(false)}>
            {m.unsaved.stay}
          </Button>
        </>
      }
    />
  );
}
