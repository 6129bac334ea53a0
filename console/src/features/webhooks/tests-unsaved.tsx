//! Says which edits that are not saved yet a test sends, and which it does not.
import { useMessages } from "@/i18n";
import { useTestedAsSaved, useTestedSettings } from "./tested";

export function TestsUnsaved() {
  const m = useMessages();
  const { cards } = useTestedSettings();
  const saved = useTestedAsSaved();
  const cardNames = { payload: m.payload.title, request: m.request.title, authentication: m.access.title };
  const settingNames = { url: "URL", deadline: m.settings.deadline };
  const list = (names: string[]) => new Intl.ListFormat(m.locale).format(names);
  return (
    <>
      {cards.length > 0 && (
        <p className="small soft" role="status">
          {m.test.unsaved(list(cards.map(card => cardNames[card])))}
        </p>
      )}
      {saved.length > 0 && (
        <p className="small soft" role="status">
          {m.test.savedOnly(list(saved.map(name => settingNames[name])))}
        </p>
      )}
    </>
  );
}
