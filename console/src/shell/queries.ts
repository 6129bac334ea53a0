//! The cache of what the server said.
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { hasCode, isRefusal, isSignedOut } from "@/api/problem";

/** `onSignedOut` is told when any call finds that the session has ended, `onHidden` when the vendor has switched the portal off. */
export function makeQueryClient(onSignedOut: () => void, onHidden?: () => void): QueryClient {
  const look = (error: unknown) => {
    if (isSignedOut(error)) onSignedOut();
    if (hasCode(error, "portal_hidden")) onHidden?.();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError: look }),
    mutationCache: new MutationCache({ onError: look }),
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        // What the server refused it refuses again; a connection that broke is tried twice more.
        retry: (failures, error) => failures < 2 && !isRefusal(error),
      },
      // Without a network they fail at once: one that waits for it holds its dialog, and is made when nobody thinks of it any more.
      mutations: { networkMode: "always" },
    },
  });
}
