//! What the charts of the overview are about: the whole environment, one tenant, or one event type. It is in the URL.

export type SubjectSearch = "tenant" | "event";

/** One of the two at most; none: the whole environment. */
export interface Subject {
  tenantId?: string;
  eventKey?: string;
}

/** What the URL names. Where somebody wrote both into it, the tenant counts: statistics are of one subject. */
export function subjectOf({ tenant, event }: Partial<Record<SubjectSearch, string>>): Subject {
  if (tenant) return { tenantId: tenant };
  return event ? { eventKey: event } : {};
}

/** What the URL says of a subject, and no more of another one. */
export const searchOf = ({ tenantId, eventKey }: Subject): Record<SubjectSearch, string> => ({
  tenant: tenantId ?? "",
  event: eventKey ?? "",
});
