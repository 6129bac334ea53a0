//! A form from a sample: its plain values, by their path. Lists and empty objects are left to the JSON editor.

export interface FormField {
  path: string[];
  kind: "text" | "number" | "boolean";
  value: string | number | boolean | null;
}

const DEEP = 4;

export function fieldsOf(value: Record<string, unknown>, path: string[] = []): FormField[] {
  return Object.entries(value).flatMap(([name, member]): FormField[] => {
    const at = [...path, name];
    if (typeof member === "string") return [{ path: at, kind: "text", value: member }];
    if (typeof member === "number") return [{ path: at, kind: "number", value: member }];
    if (typeof member === "boolean") return [{ path: at, kind: "boolean", value: member }];
    if (member === null) return [{ path: at, kind: "text", value: null }];
    if (typeof member === "object" && !Array.isArray(member) && at.length < DEEP)
      return fieldsOf(member as Record<string, unknown>, at);
    return [];
  });
}

/** The same value with one member changed; nothing else is touched. */
export function setField(value: Record<string, unknown>, path: string[], next: unknown): Record<string, unknown> {
  const [head, ...rest] = path;
  if (head === undefined) return value;
  if (rest.length === 0) return { ...value, [head]: next };
  const child = value[head];
  return {
    ...value,
    [head]: setField(typeof child === "object" && child !== null ? (child as Record<string, unknown>) : {}, rest, next),
  };
}
