//! Filters of deliveries: from the URL to the API, and on what comes live.

export type DeliverySearch =
  | "q"
  | "state"
  | "event"
  | "webhook"
  | "tenant"
  | "status"
  | "since"
  | "from"
  | "to"
  | "job";
export type DeliveryFilters = Partial<Record<DeliverySearch, string>>;

/** Ranges that end now. */
export const SINCE: Record<string, number> = { "15m": 900, "1h": 3600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 };

export interface DeliveryQuery {
  id?: string;
  text?: string;
  state?: string;
  eventKey?: string;
  webhookId?: string;
  tenantId?: string;
  statusCode?: string;
  from?: string;
  to?: string;
  jobId?: string;
}

/** What one types into the search: an id or its beginning, else text of the payload. Ids begin with the time, and so with a zero: short
 * words and numbers that happen to be hexadecimal are text all the same. */
export function searchedFor(q: string | undefined): { id?: string; text?: string } {
  const text = q?.trim() ?? "";
  const digits = text.replaceAll("-", "");
  if (/^([0-9a-f]{8,32}|0[0-9a-f]{3,6})$/i.test(digits)) return { id: text.toLowerCase() };
  return text.length >= 2 ? { text } : {};
}

/** The query of the API. `now` anchors ranges like "the last hour", so that it does not change with each call. */
export function deliveryQuery(filters: DeliveryFilters, now: number): DeliveryQuery {
  const query: DeliveryQuery = searchedFor(filters.q);
  if (filters.state) query.state = filters.state;
  if (filters.event) query.eventKey = filters.event;
  if (filters.webhook) query.webhookId = filters.webhook;
  if (filters.tenant) query.tenantId = filters.tenant;
  if (filters.status) query.statusCode = filters.status;
  if (filters.job) query.jobId = filters.job;
  return { ...query, ...timesOf(filters, now) };
}

export interface Times {
  since?: string;
  from?: string;
  to?: string;
}

/**
 * From when, and until when: as a range that ends now, or as both are named. What is none of these goes to the server as it is, as what is
 * wrong with any other filter does: it is for the server to refuse, and not to be passed over.
 */
export function timesOf({ since, from, to }: Times, now: number): { from?: string; to?: string } {
  if (since && since !== "range") {
    const span = SINCE[since];
    return { from: span ? new Date(now - span * 1000).toISOString() : since };
  }
  return { ...(from ? { from } : {}), ...(to ? { to } : {}) };
}

export interface Matchable {
  id: string;
  state: string;
  eventKey?: string | null;
  webhookId: string;
  tenantId?: string | null;
  createdAt: string;
  lastAttempt?: { statusCode?: number | null } | null;
}

/**
 * Whether a delivery that arrives live belongs into the list. Text is the server's to judge: then nothing is added live. Of a job the
 * stream tells its deliveries alone.
 */
export function matchesFilters(delivery: Matchable, query: DeliveryQuery): boolean {
  if (query.text) return false;
  if (query.id && !delivery.id.replaceAll("-", "").startsWith(query.id.replaceAll("-", ""))) return false;
  if (query.state && !query.state.split(",").includes(delivery.state)) return false;
  if (query.eventKey && delivery.eventKey !== query.eventKey) return false;
  if (query.webhookId && delivery.webhookId !== query.webhookId) return false;
  if (query.tenantId && delivery.tenantId !== query.tenantId) return false;
  if (query.statusCode && !matchesStatus(delivery.lastAttempt, query.statusCode)) return false;
  if (query.from && delivery.createdAt < query.from) return false;
  return !(query.to && delivery.createdAt >= query.to);
}

function matchesStatus(attempt: Matchable["lastAttempt"], wanted: string): boolean {
  if (!attempt) return false;
  const code = attempt.statusCode ?? null;
  if (wanted === "none") return code === null;
  if (code === null) return false;
  return wanted.endsWith("xx") ? Math.floor(code / 100) === Number(wanted[0]) : code === Number(wanted);
}

interface Page<T> {
  items: T[];
  /** How many of them were told live since the page was read; they are on top. */
  live?: number;
}

/** Rows that are told live and held before the newest page is read again in their place, so that a list that is left open stays small. */
export const LIVE_MOST = 1000;
/** Rows of a page that fill a screen: whoever looks at its top sees none of those below it. */
const SCREENFUL = 50;

/** Whether so many rows more can be held on top. */
export const hasRoom = <T>(pages: Page<T>[], count: number): boolean => (pages[0]?.live ?? 0) + count <= LIVE_MOST;

/**
 * Brings a list up to date: rows that are in it are replaced where they are, new ones go on top, newest first (ids are ordered by
 * time). A row that no longer matches stays until the list is read again: it would be odd if rows vanished under the reader's eyes.
 */
export function upsert<T extends { id: string }, P extends Page<T>>(
  pages: P[],
  changed: T[],
  accepts: (row: T) => boolean,
): { pages: P[]; added: number } {
  const latest = new Map(changed.map(row => [row.id, row]));
  let touched = false;
  const next = pages.map(page => {
    if (!page.items.some(row => latest.has(row.id))) return page;
    touched = true;
    const items = page.items.map(row => {
      const newer = latest.get(row.id);
      if (newer) latest.delete(row.id);
      return newer ?? row;
    });
    return { ...page, items };
  });
  const newest = newestOf(pages);
  const fresh = [...latest.values()]
    .filter(row => row.id > newest && accepts(row))
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  const [first, ...rest] = next;
  if (fresh.length > 0 && first) {
    const top = { ...first, items: [...fresh, ...first.items], live: (first.live ?? 0) + fresh.length };
    return { pages: [top, ...rest], added: fresh.length };
  }
  return { pages: touched ? next : pages, added: 0 };
}

/**
 * Joins the newest page, read anew, to what is shown. Of the time that it is about its word counts; what is older stays, and so does how far
 * was searched. Where it does not reach back to what was read before, rows between them may be missing: a page that fills the screen stands
 * alone then, and what is below is read again by whoever scrolls there. A shorter one says nothing about how much was left out: its rows
 * go on top, and `isWhole` says that there may be others.
 */
export function joinNewest<T extends { id: string }, P extends Page<T> & { nextCursor?: string | null }>(
  pages: P[],
  newest: P,
): { pages: P[]; isWhole: boolean } {
  const [first, ...others] = pages;
  if (!first || !newest.nextCursor) return { pages: [newest], isWhole: true };
  const last = newest.items.at(-1);
  // Below the newest row of the last reading nothing is missing; among those that were told live something may be.
  const read = first.items[first.live ?? 0] ?? others.find(page => page.items.length > 0)?.items[0];
  // Nothing was found yet, and nothing now: the search goes on as it stands.
  if (!last && !read) return { pages, isWhole: true };
  if (!last || !read || read.id < last.id) {
    if (newest.items.length >= SCREENFUL) return { pages: [newest], isWhole: true };
    return { pages: upsert<T, P>(pages, newest.items, () => true).pages, isWhole: false };
  }
  const older = (page: P) => page.items.filter(row => row.id < last.id);
  const below = older(first);
  if (others.length === 0 && below.length === 0) return { pages: [newest], isWhole: true };
  const rest = others.map(page => ({ ...page, items: older(page) }));
  return { pages: [{ ...first, items: [...newest.items, ...below], live: 0 }, ...rest], isWhole: true };
}

/** The id of the newest row; nothing where there is none. Of a search that goes on the first pages can be empty. */
function newestOf<T extends { id: string }>(pages: Page<T>[]): string {
  return pages.find(page => page.items.length > 0)?.items[0]?.id ?? "";
}

/** How many of a batch would be new on top. */
export function countNew<T extends { id: string }>(
  pages: Page<T>[],
  changed: T[],
  accepts: (row: T) => boolean,
): string[] {
  const newest = newestOf(pages);
  return [...new Set(changed.filter(row => row.id > newest && accepts(row)).map(row => row.id))];
}
