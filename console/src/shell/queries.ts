//! The cache of what the server said.
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { isRefusal, isSignedOut } from "@/api/problem";

/** `onSignedOut` is told when any call finds that the session has ended. */
export function makeQueryClient(onSignedOut: () => void): QueryClient {
  const look = (error: unknown) => {
    if (isSignedOut(error)) onSignedOut();
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
    },
  });
}
