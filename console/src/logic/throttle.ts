//! Not more often than every so many milliseconds.

export interface Throttled {
  (): void;
  /** What waits is not done any more. */
  cancel: () => void;
}

/** Does it at once, then not before `ms` are over; what is asked for meanwhile is done once, at their end. */
export function throttled(act: () => void, ms: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waits = false;
  const rest = () => {
    timer = undefined;
    if (waits) run();
  };
  const run = () => {
    waits = false;
    timer = setTimeout(rest, ms);
    act();
  };
  const call = () => {
    if (timer === undefined) run();
    else waits = true;
  };
  return Object.assign(call, {
    cancel: () => {
      clearTimeout(timer);
      timer = undefined;
      waits = false;
    },
  });
}
