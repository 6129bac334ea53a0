//! Server-sent events over `fetch`, which can send the headers that sessions need and `EventSource` cannot.
import { anotherIdentity, basePath, whoAsks, withIdentity } from "./client";

export interface Message {
  event: string;
  data: string;
}

/** Cuts a stream's text into messages; what is not complete yet stays in `rest`. */
export function parseMessages(text: string): { messages: Message[]; rest: string } {
  const parts = text.split(/\r?\n\r?\n/);
  const rest = parts.pop() ?? "";
  const messages: Message[] = [];
  for (const part of parts) {
    let event = "message";
    const data: string[] = [];
    for (const line of part.split(/\r?\n/)) {
      if (line.startsWith("event:")) event = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
    if (data.length > 0) messages.push({ event, data: data.join("\n") });
  }
  return { messages, rest };
}

/** Why the server told its last: what it would answer a new call. */
export interface Ended {
  reason: string;
  status: number;
}

/** Whether it is worth opening the stream again: a token may have been renewed meanwhile, a fault may pass. A session does not come back. */
export function mayBeginAgain({ reason, status }: Ended): boolean {
  return status >= 500 || reason === "token_expired";
}

export interface Listener {
  onMessage: (message: Message) => void;
  /** `crowded`: the server keeps no more streams for whoever asks; it is asked again. */
  onState: (state: "open" | "waiting" | "crowded" | "refused") => void;
}

/** How long is waited before a stream is opened again, at first and at most. */
const LEAST_MS = 500;
const MOST_MS = 15_000;
/** How long is waited where the portal is hidden before it is looked whether the vendor shows it again. */
export const PORTAL_HIDDEN_MS = 10_000;
/** A stream that stood that long has broken off; one that ends sooner never stood, and the next is waited for longer. */
const STOOD_MS = 5000;

/**
 * Listens until `signal` says stop, or the server refuses; a stream that breaks off is opened again, with growing patience. Whoever
 * calls with a token, or for a portal's session, and is refused is heard again as soon as there is another one: only a console's session
 * does not come back.
 */
export async function listen(path: string, signal: AbortSignal, listener: Listener): Promise<void> {
  let patience = LEAST_MS;
  let isHidden = false;
  while (!signal.aborted) {
    const asked = whoAsks();
    const began = Date.now();
    const end = await follow(path, signal, listener);
    if (signal.aborted) return;
    // Told once, and not with each look.
    if (end !== "hidden" || !isHidden) listener.onState(end === "hidden" ? "refused" : end);
    isHidden = end === "hidden";
    if (end === "hidden") {
      await new Promise(resolve => setTimeout(resolve, PORTAL_HIDDEN_MS));
    } else if (end === "refused") {
      if (asked === null) return;
      await anotherIdentity(asked, signal);
      patience = LEAST_MS;
    } else {
      if (Date.now() - began >= STOOD_MS) patience = LEAST_MS;
      await new Promise(resolve => setTimeout(resolve, patience));
      patience = Math.min(patience * 2, MOST_MS);
    }
  }
}

type End = "waiting" | "crowded" | "refused" | "hidden";

/** One stream, to its end. */
async function follow(path: string, signal: AbortSignal, { onMessage, onState }: Listener): Promise<End> {
  try {
    const headers = withIdentity(new Headers({ accept: "text/event-stream" }));
    const response = await fetch(basePath + path.replace(/^\//, ""), { headers, signal, credentials: "same-origin" });
    if (!response.ok || !response.body) return await refusal(response);
    onState("open");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "waiting";
      const parsed = parseMessages(rest + value);
      rest = parsed.rest;
      for (const message of parsed.messages) {
        if (message.event === "ended") {
          // Nothing follows, whether what stands between closes the connection or not.
          reader.cancel().catch(() => undefined);
          const why = JSON.parse(message.data) as Ended;
          if (why.reason === HIDDEN) return "hidden";
          return mayBeginAgain(why) ? "waiting" : "refused";
        }
        onMessage(message);
      }
    }
  } catch {
    // The connection broke, or there was none.
    return "waiting";
  }
}

const HIDDEN = "portal_hidden";

async function refusal(response: Response): Promise<End> {
  const { status } = response;
  if (status === 429) return "crowded";
  if (status === 403 && (await response.text()).includes(`"${HIDDEN}"`)) return "hidden";
  return status >= 500 ? "waiting" : "refused";
}
