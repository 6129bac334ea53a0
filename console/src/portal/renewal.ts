//! What calls wait for whose session has ended: another one of the same person's, for a little while.

/** How long they wait. Whoever gets in later presses again. */
export const PATIENCE_MS = 5000;

export interface Renewal {
  /** Whether the call may be made once more. */
  wait: () => Promise<boolean>;
  /** Somebody is in: `isSame`, the one whose calls wait. */
  end: (isSame: boolean) => void;
}

/** `stands` tells whether there is a session after all: one call may find that it has ended while another renews it. Where there is none
 * `onEnded` is told, and says whether somebody could bring another. */
export function makeRenewal(stands: () => Promise<boolean>, onEnded: () => boolean): Renewal {
  let looking: Promise<boolean> | undefined;
  let settle: ((isSame: boolean) => void) | undefined;
  let isOver = false;
  /** How often somebody has got in, and whether it was the same person the last time. */
  let ends = 0;
  let wasSame = false;
  const patience = async () => {
    const before = ends;
    const stood = await stands().catch(() => undefined);
    // It was asked of the session before: somebody has got in meanwhile.
    if (ends !== before) return wasSame;
    if (stood !== false) return stood ?? false;
    if (!onEnded()) return false;
    return new Promise<boolean>(resolve => {
      const timer = setTimeout(() => {
        isOver = true;
        settle?.(false);
      }, PATIENCE_MS);
      settle = isSame => {
        clearTimeout(timer);
        settle = undefined;
        resolve(isSame);
      };
    });
  };
  return {
    wait: () => {
      if (isOver) return Promise.resolve(false);
      looking ??= patience()
        .catch(() => false)
        .finally(() => {
          looking = undefined;
        });
      return looking;
    },
    end: isSame => {
      isOver = false;
      ends += 1;
      wasSame = isSame;
      settle?.(isSame);
    },
  };
}
