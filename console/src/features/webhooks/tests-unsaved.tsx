//! Says that a test sends what is not saved yet.
import { useMessages } from "@/i18n";
import { useTestedSettings } from "./tested";

export function TestsUnsaved() {
  const m = useMessages();
  const { cards } = useTestedSettings();
  if (cards.length === 0) return null;
  const titles = { payload: m.payload.title, request: m.request.title, authentication: m.access.title };
  const named = new Intl.ListFormat(m.locale).format(cards.map(card => titles[card]));
  return (
    <p className="small soft" role="status">
      {m.test.unsaved(named)}
    </p>
  );
}
