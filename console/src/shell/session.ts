//! The console's session: which environments it opens, and which of them calls mean at the moment.
import { queryOptions, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { api, identify, must, type Schemas } from "@/api/client";
import { useMutation } from "@/api/mutation";

export type Session = Schemas["Session"];

const KEY = "postrider-environment";
const HEADER = "postrider-environment";
const listeners = new Set<() => void>();
let current: string | undefined = recall();
if (current) identify({ [HEADER]: current });

function recall(): string | undefined {
  return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? undefined;
}

/** From now on calls mean this environment. Each tab of the browser has its own; a new one begins where the last was. */
export function chooseEnvironment(id: string | undefined): void {
  current = id;
  identify({ [HEADER]: id });
  for (const storage of [sessionStorage, localStorage]) {
    if (id) storage.setItem(KEY, id);
    else storage.removeItem(KEY);
  }
  for (const listener of listeners) listener();
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async () => {
    const session = await must(api.GET("/api/v1/session"));
    settle(session);
    return session;
  },
  staleTime: 5 * 60_000,
  retry: false,
});

/** The environment in force is one of the session's. */
function settle(session: Session): void {
  if (session.environments.some(environment => environment.id === current)) return;
  chooseEnvironment(session.environments[0]?.id);
}

/** The environment that the page shows. */
export function useEnvironment(): Session["environments"][number] {
  const { data } = useSuspenseQuery(sessionQuery);
  const id = useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
  const found = data.environments.find(environment => environment.id === id) ?? data.environments[0];
  if (!found) throw new Error("a session has at least one environment");
  return found;
}

export function useSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["Login"]) => must(api.POST("/api/v1/session", { body })),
    onSuccess: (session, { clientId }) => {
      queries.clear();
      const added = session.environments.find(environment => environment.id === clientId.trim().toLowerCase());
      chooseEnvironment((added ?? session.environments[0])?.id);
      queries.setQueryData(sessionQuery.queryKey, session);
    },
  });
}

export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => must(api.DELETE("/api/v1/session", {})),
    onSettled: () => {
      chooseEnvironment(undefined);
      queries.clear();
    },
  });
}

/** Production looks different: whoever works there should know it. */
export function isProduction(name: string): boolean {
  return /\b(prod|production|live|produktion)\b/i.test(name);
}
