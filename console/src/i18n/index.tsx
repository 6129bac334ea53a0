//! The words of the application in the reader's language. One file a language; English comes with the page, others when they are needed.
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { consoleWords } from "./console";
import { en, type Widen, type Words } from "./en";

export type Messages = Words & Widen<typeof consoleWords>;

const LANGUAGES: Record<string, () => Promise<Words>> = {
  de: () => import("./de").then(module => module.de),
};

const whole = (words: Words): Messages => ({ ...consoleWords, ...words });
const english = whole(en);

const Context = createContext<Messages>(english);

export const useMessages = (): Messages => useContext(Context);

/** The first language that the reader prefers and that there is. */
export function chooseLanguage(preferred: readonly string[]): string {
  for (const tag of preferred) {
    const language = tag.toLowerCase().split("-")[0] ?? "";
    if (language === "en" || language in LANGUAGES) return language;
  }
  return "en";
}

export function Language({ tag, children }: { tag: string; children: ReactNode }) {
  const [messages, setMessages] = useState<Messages | undefined>(tag in LANGUAGES ? undefined : english);
  useEffect(() => {
    let stale = false;
    const load = LANGUAGES[tag];
    if (!load) setMessages(english);
    else
      load().then(
        loaded => !stale && setMessages(whole(loaded)),
        () => !stale && setMessages(english),
      );
    return () => {
      stale = true;
    };
  }, [tag]);
  useEffect(() => {
    if (messages) document.documentElement.lang = messages.locale.split("-")[0] ?? "en";
  }, [messages]);
  return messages ? <Context value={messages}>{children}</Context> : null;
}
