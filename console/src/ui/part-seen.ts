//! Which part of the page is seen. The frame of an embedded portal is as high as what it shows, and it is the page around it that scrolls:
//! what is fixed to the frame may stand far outside the window. Only the browser knows what is seen of a frame in a page of another origin,
//! and says so to an observer of intersections. Outside of frames nothing is observed, and the variables stay unset.
import { useEffect, useState } from "react";
import { isFramed } from "@/portal/frame";

/** A dialog needs that many pixels to be of use; where less is seen it reaches beyond, and the reader scrolls the page around the frame:
 * in frames dialogs lock nothing. */
const LEAST_HEIGHT = 240;
/** How often is looked again while something is open. Observers tell of shares, and of a frame higher than the window the same share is
 * seen wherever the page is scrolled to. */
const AGAIN_MS = 100;

interface Part {
  top: number;
  height: number;
}

/** Where in a frame of that height to stand, by what is seen of it; null where nothing is. */
export function partFor(seen: Part, whole: number): Part | null {
  if (seen.height <= 0) return null;
  const height = Math.max(Math.round(seen.height), Math.min(LEAST_HEIGHT, whole));
  return { top: Math.max(0, Math.min(Math.round(seen.top), whole - height)), height };
}

/** Keeps `--seen-top` and `--seen-height` true while something is shown that is placed by them. Whether it can be shown: once they are
 * known, so that it never takes the focus, and the page with it, to where nobody looks. */
export function usePartSeen(isShown: boolean): boolean {
  const [isKnown, setKnown] = useState(!isFramed);
  useEffect(() => {
    if (!isFramed || !isShown) return;
    // As large as the frame itself, however high the content is.
    const frame = document.createElement("div");
    frame.className = "part-seen";
    document.body.append(frame);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const observer = new IntersectionObserver(entries => {
      const seen = entries.at(-1)?.intersectionRect;
      const part = seen && partFor(seen, window.innerHeight);
      if (part) {
        const { style } = document.documentElement;
        style.setProperty("--seen-top", `${part.top}px`);
        style.setProperty("--seen-height", `${part.height}px`);
      }
      setKnown(true);
      observer.unobserve(frame);
      clearTimeout(timer);
      // To be observed anew is to be told at once.
      timer = setTimeout(() => observer.observe(frame), AGAIN_MS);
    });
    observer.observe(frame);
    return () => {
      clearTimeout(timer);
      observer.disconnect();
      frame.remove();
      setKnown(false);
    };
  }, [isShown]);
  return isShown && isKnown;
}
