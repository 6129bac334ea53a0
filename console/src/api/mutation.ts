//! Changes that are asked of the server, each once: a second click is none while the first is under way, also before a button says so.
import {
  type DefaultError,
  type UseMutationOptions,
  type UseMutationResult,
  useMutation as useUnguarded,
} from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";

export type Mutation<Answer, Sent> = UseMutationResult<Answer, DefaultError, Sent> & {
  /** Of this moment, where `isPending` is of the last drawing. */
  isUnderWay: () => boolean;
};

export function useMutation<Answer, Sent = void>(
  options: UseMutationOptions<Answer, DefaultError, Sent>,
): Mutation<Answer, Sent> {
  const mutation = useUnguarded(options);
  const { mutate, isPending } = mutation;
  const underWay = useRef(false);
  // With each drawing: what is under way is pending in all of them from the start to the end.
  useEffect(() => {
    if (!isPending) underWay.current = false;
  });
  const once = useCallback<typeof mutate>(
    (...asked) => {
      if (underWay.current) return;
      underWay.current = true;
      mutate(...asked);
    },
    [mutate],
  );
  const isUnderWay = useCallback(() => underWay.current, []);
  return { ...mutation, mutate: once, isUnderWay } as Mutation<Answer, Sent>;
}
