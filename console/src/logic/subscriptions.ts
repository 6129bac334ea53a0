//! What a webhook subscribes to, in words: exact keys, `prefix.*`, `Category.*`, `*`, and ids of event types and categories.

export interface KnownType {
  id: string;
  key: string;
  displayName: string;
  category: string;
  categoryId: string;
}

/** Whether a subscription covers an event type; the same rules as the server's. */
export function covers(pattern: string, type: KnownType): boolean {
  if (pattern === "*" || pattern === type.key || pattern === type.id || pattern === type.categoryId) return true;
  if (!pattern.endsWith(".*")) return false;
  const stem = pattern.slice(0, -2);
  return stem === type.category || type.key.startsWith(`${stem}.`);
}

/** Whether subscriptions cover an event of that key, of whose type nothing need be known. */
export function isSubscribed(patterns: string[], key: string, types: KnownType[]): boolean {
  const type = types.find(each => each.key === key) ?? { id: key, key, displayName: key, category: "", categoryId: "" };
  return patterns.some(pattern => covers(pattern, type));
}

export interface SubscriptionWords {
  all: string;
  allOf: (name: string) => string;
}

/** One subscription in words. */
export function describeSubscription(pattern: string, types: KnownType[], words: SubscriptionWords): string {
  if (pattern === "*") return words.all;
  const type = types.find(each => each.key === pattern || each.id === pattern);
  if (type) return type.displayName;
  const category = types.find(each => each.categoryId === pattern || pattern === `${each.category}.*`);
  return category ? words.allOf(category.category) : pattern;
}

/** "User created +4": the first subscription and how many more. */
export function summary(
  patterns: string[],
  types: KnownType[],
  words: SubscriptionWords,
): { first: string; more: number } {
  const [first] = patterns;
  return {
    first: first === undefined ? "" : describeSubscription(first, types, words),
    more: Math.max(0, patterns.length - 1),
  };
}

/** The event types that a set of subscriptions reaches, of those that are known. */
export function reached<T extends KnownType>(patterns: string[], types: T[]): T[] {
  return types.filter(type => patterns.some(pattern => covers(pattern, type)));
}

export interface Group<T extends KnownType> {
  category: string;
  types: T[];
}

/** Event types by category, both by name; `search` looks at names, keys and categories. */
export function grouped<T extends KnownType>(types: T[], search: string): Group<T>[] {
  const needle = search.trim().toLowerCase();
  const groups = new Map<string, T[]>();
  for (const type of types) {
    const text = `${type.displayName} ${type.key} ${type.category}`.toLowerCase();
    if (needle && !text.includes(needle)) continue;
    const group = groups.get(type.category);
    if (group) group.push(type);
    else groups.set(type.category, [type]);
  }
  const byName = (a: T, b: T) => a.displayName.localeCompare(b.displayName);
  return [...groups]
    .map(([category, members]) => ({ category, types: members.sort(byName) }))
    .sort((a, b) => a.category.localeCompare(b.category));
}

/** Chooses or unchooses a whole category: by `Category.*`, which also covers what is added to it later. */
export function toggleCategory(patterns: string[], group: Group<KnownType>): string[] {
  const whole = `${group.category}.*`;
  if (patterns.includes("*")) return patterns;
  const without = patterns.filter(
    pattern =>
      pattern !== whole &&
      !group.types.some(type => pattern === type.key || pattern === type.id || pattern === type.categoryId),
  );
  return patterns.includes(whole) ? without : [...without, whole];
}

/** Chooses or unchooses one event type; a category that covered it is taken apart. */
export function toggleType(patterns: string[], type: KnownType, types: KnownType[]): string[] {
  if (!patterns.some(pattern => covers(pattern, type))) return [...patterns, type.key];
  const next: string[] = [];
  for (const pattern of patterns) {
    if (!covers(pattern, type)) next.push(pattern);
    else if (pattern !== type.key && pattern !== type.id) {
      next.push(...types.filter(other => other.key !== type.key && covers(pattern, other)).map(other => other.key));
    }
  }
  return [...new Set(next)];
}
