//! Credentials, retention, source addresses, the trusted identity provider.
import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { api, must, type Schemas } from "@/api/client";
import { useMutation } from "@/api/mutation";
import { ApiProblem } from "@/api/problem";

export type Credential = Schemas["Credential"];

export const credentialsQuery = (environmentId: string) =>
  queryOptions({
    queryKey: ["credentials", environmentId],
    queryFn: async ({ signal }) =>
      (
        await must(
          api.GET("/api/v1/environments/{environmentId}/credentials", { params: { path: { environmentId } }, signal }),
        )
      ).items,
  });

export function useCreateCredential(environmentId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["NewSecret"]) =>
      must(api.POST("/api/v1/environments/{environmentId}/credentials", { params: { path: { environmentId } }, body })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["credentials"] }),
  });
}

export function useRevokeCredential(environmentId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (credentialId: string) =>
      must(
        api.DELETE("/api/v1/environments/{environmentId}/credentials/{credentialId}", {
          params: { path: { environmentId, credentialId } },
        }),
      ),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["credentials"] }),
  });
}

export function useRenameEnvironment(environmentId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (name: string) =>
      must(api.PATCH("/api/v1/environments/{environmentId}", { params: { path: { environmentId } }, body: { name } })),
    // Awaited: the name on the screen is the session's.
    onSuccess: () => queries.invalidateQueries({ queryKey: ["session"] }),
  });
}

export const sourceAddressesQuery = queryOptions({
  queryKey: ["source-addresses"],
  queryFn: async ({ signal }) => (await must(api.GET("/api/v1/source-addresses", { signal }))).addresses,
});

export const retentionQuery = queryOptions({
  queryKey: ["retention"],
  queryFn: ({ signal }) => must(api.GET("/api/v1/retention", { signal })),
});

export function useSaveRetention() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["RetentionSetting"]) => must(api.PUT("/api/v1/retention", { body })),
    onSuccess: retention => queries.setQueryData(retentionQuery.queryKey, retention),
  });
}

async function readIssuer(signal?: AbortSignal): Promise<Schemas["TrustedIssuer"] | null> {
  try {
    return await must(api.GET("/api/v1/trusted-issuer", signal ? { signal } : {}));
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return null;
    throw error;
  }
}

export const trustedIssuerQuery = queryOptions({
  queryKey: ["trusted-issuer"],
  queryFn: ({ signal }) => readIssuer(signal),
});

export function useSaveIssuer() {
  const queries = useQueryClient();
  return useMutation({
    // It is put as a whole: what was not edited is what the server has by now.
    mutationFn: async (over: (now: Schemas["TrustedIssuer"] | null) => Schemas["NewTrustedIssuer"]) =>
      must(api.PUT("/api/v1/trusted-issuer", { body: over(await readIssuer()) })),
    onSuccess: issuer => queries.setQueryData(trustedIssuerQuery.queryKey, issuer),
  });
}

export function useForgetIssuer() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => must(api.DELETE("/api/v1/trusted-issuer")),
    onSuccess: () => queries.setQueryData(trustedIssuerQuery.queryKey, null),
  });
}
