//! Tabs. Which one is open is in the URL: the caller says so and is told of a change.
import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

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
  return (
    <Radix.Root className="stack" value={value} onValueChange={next => onChange(next as T)} activationMode="manual">
      <Radix.List className="tabs" aria-label={label}>
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
