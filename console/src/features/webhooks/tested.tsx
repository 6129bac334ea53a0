//! Settings that are being edited and that a test sends along: what is seen is what is tested, saved or not.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import type { Schemas } from "@/api/client";

type Settings = Schemas["RequestSettings"];

/** Cards whose settings a test can send. */
export type TestedCard = "payload" | "request" | "authentication";

export interface Tested {
  /** Over the webhook's own; undefined where nothing differs. */
  settings: Settings | undefined;
  cards: TestedCard[];
}

/** Settings that a test takes as they are saved, whatever is being edited. */
export type SavedSetting = "url" | "deadline";

const NOTHING: Tested = { settings: undefined, cards: [] };
const NONE: readonly SavedSetting[] = [];

const Report = createContext<(card: TestedCard, settings: Settings | undefined) => void>(() => {});
const Current = createContext<Tested>(NOTHING);
const ReportSaved = createContext<(edited: readonly SavedSetting[]) => void>(() => {});
const EditedSaved = createContext(NONE);

export const useTestedSettings = (): Tested => useContext(Current);

/** Which of the settings that a test takes as they are saved are being edited. */
export const useTestedAsSaved = (): readonly SavedSetting[] => useContext(EditedSaved);

export function TestedSettings({ children }: { children: ReactNode }) {
  const [drafts, setDrafts] = useState<Partial<Record<TestedCard, Settings>>>({});
  const [saved, setSaved] = useState(NONE);
  const report = useCallback((card: TestedCard, settings: Settings | undefined) => {
    setDrafts(before => {
      if (settings) return { ...before, [card]: settings };
      if (!(card in before)) return before;
      const { [card]: _, ...others } = before;
      return others;
    });
  }, []);
  const tested = useMemo((): Tested => {
    const cards = Object.keys(drafts) as TestedCard[];
    return cards.length === 0 ? NOTHING : { settings: Object.assign({}, ...Object.values(drafts)), cards };
  }, [drafts]);
  return (
    <Report value={report}>
      <Current value={tested}>
        <ReportSaved value={setSaved}>
          <EditedSaved value={saved}>{children}</EditedSaved>
        </ReportSaved>
      </Current>
    </Report>
  );
}

/** Says what a card would save, while that differs from what is saved. */
export function useTested(card: TestedCard, settings: Settings | undefined): void {
  const report = useContext(Report);
  const text = settings && JSON.stringify(settings);
  useEffect(() => {
    report(card, text === undefined ? undefined : (JSON.parse(text) as Settings));
    return () => report(card, undefined);
  }, [report, card, text]);
}

/** Says what is being edited that a test cannot send. */
export function useEditedSaved(edited: Record<SavedSetting, boolean>): void {
  const report = useContext(ReportSaved);
  const { url, deadline } = edited;
  useEffect(() => {
    report([...(url ? (["url"] as const) : []), ...(deadline ? (["deadline"] as const) : [])]);
    return () => report(NONE);
  }, [report, url, deadline]);
}
