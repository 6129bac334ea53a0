//! Hidden values of a webhook: they go to the server that they were given for, so a change of the URL's server takes them anew.

interface Shown {
  url: string;
  headers: { name: string; value?: string | null; isSensitive?: boolean }[];
  authentication?: { type: "basic" | "bearer" | "oauth2" } | null;
  clientCertificate?: { certificate: string } | null;
}

/** What is hidden: each value has a place, which is that of the API's form. */
export interface HiddenValue {
  /** A JSON pointer. */
  at: string;
  kind: "header" | "password" | "token" | "clientSecret" | "privateKey";
  /** The header's name. */
  name?: string;
}

type Member = "headers" | "authentication" | "clientCertificate";

const SECRETS = { basic: "password", bearer: "token", oauth2: "clientSecret" } as const;

/** Whether two URLs lead to the same server: scheme, host and port. A URL that cannot be read leads nowhere yet. */
export function leadsElsewhere(before: string, url: string): boolean {
  try {
    return new URL(url.trim()).origin !== new URL(before).origin;
  } catch {
    return false;
  }
}

export function hiddenValues(webhook: Shown): HiddenValue[] {
  const values: HiddenValue[] = webhook.headers.flatMap((header, index) =>
    header.isSensitive ? [{ at: `/headers/${index}/value`, kind: "header" as const, name: header.name }] : [],
  );
  if (webhook.authentication) {
    const kind = SECRETS[webhook.authentication.type];
    values.push({ at: `/authentication/${kind}`, kind });
  }
  if (webhook.clientCertificate) values.push({ at: "/clientCertificate/privateKey", kind: "privateKey" });
  return values;
}

/** The members of a change that give hidden values again, by their places. */
export function givenAgain<T extends Shown>(webhook: T, given: Record<string, string>): Partial<Pick<T, Member>> {
  const change: Partial<Record<Member, unknown>> = {};
  const kinds = new Set(hiddenValues(webhook).map(value => value.kind));
  if (kinds.has("header")) {
    change.headers = webhook.headers.map((header, index) =>
      header.isSensitive ? { ...header, value: given[`/headers/${index}/value`] ?? "" } : header,
    );
  }
  if (webhook.authentication) {
    const kind = SECRETS[webhook.authentication.type];
    change.authentication = { ...webhook.authentication, [kind]: given[`/authentication/${kind}`] ?? "" };
  }
  if (webhook.clientCertificate) {
    const privateKey = given["/clientCertificate/privateKey"] ?? "";
    change.clientCertificate = { ...webhook.clientCertificate, privateKey };
  }
  return change as Partial<Pick<T, Member>>;
}
