//! Tabs. Which one is open is in the URL: the caller says so and is told of a change.
import { Tabs as Radix } from "radix-ui";
import { type ReactNode, useLayoutEffect, useRef } from "react";

export interface TabOf<T extends string> {
  value: T;
  title: ReactNode;
  content: () => ReactNode;
}

export function Tabs<T extends string>({
  label,
  value,
  onChange,
  tabs,
}: {
  label: string;
  value: T;
  onChange: (value: T) => void;
  tabs: TabOf<T>[];
}) {
  const list = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab is open once the value has changed
  useLayoutEffect(() => {
    const open = list.current?.querySelector('[data-state="active"]');
    if (list.current && open) reveal(open, list.current);
  }, [value]);
  return (
    <Radix.Root className="stack" value={value} onValueChange={next => onChange(next as T)} activationMode="manual">
      <Radix.List ref={list} className="tabs" aria-label={label}>
        {tabs.map(tab => (
          <Radix.Trigger key={tab.value} className="tab" value={tab.value}>
            {tab.title}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map(tab => (
        <Radix.Content key={tab.value} value={tab.value} className="stack" tabIndex={-1}>
          {tab.value === value && tab.content()}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}

/** Scrolls the list as little as it takes to show the tab, and nothing around the list: where the page stands is the reader's. */
function reveal(tab: Element, list: Element): void {
  const [wanted, seen] = [tab.getBoundingClientRect(), list.getBoundingClientRect()];
  if (wanted.left < seen.left) list.scrollLeft -= seen.left - wanted.left;
  else if (wanted.right > seen.right) list.scrollLeft += Math.ceil(wanted.right - seen.right);
}
