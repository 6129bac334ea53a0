//! Server-sent events over `fetch`, which can send the headers that sessions need and `EventSource` cannot.
import { basePath, withIdentity } from "./client";
import { ApiProblem } from "./problem";

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

/** Listens until `signal` says stop, or the server ends it; a stream that breaks off is opened again, with growing patience. */
export async function listen(path: string, signal: AbortSignal, { onMessage, onState }: Listener): Promise<void> {
  let patience = 500;
  while (!signal.aborted) {
    let isCrowded = false;
    try {
      const headers = withIdentity(new Headers({ accept: "text/event-stream" }));
      const response = await fetch(basePath + path.replace(/^\//, ""), { headers, signal, credentials: "same-origin" });
      if (!response.ok || !response.body) throw new ApiProblem(response.status, undefined);
      onState("open");
      patience = 500;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const parsed = parseMessages(rest + value);
        rest = parsed.rest;
        for (const message of parsed.messages) {
          if (message.event === "ended") {
            if (mayBeginAgain(JSON.parse(message.data) as Ended)) continue;
            onState("refused");
            return;
          }
          onMessage(message);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      isCrowded = error instanceof ApiProblem && error.status === 429;
      if (error instanceof ApiProblem && error.status < 500 && !isCrowded) {
        onState("refused");
        return;
      }
    }
    if (signal.aborted) return;
    onState(isCrowded ? "crowded" : "waiting");
    await new Promise(resolve => setTimeout(resolve, patience));
    patience = Math.min(patience * 2, 15_000);
  }
}
