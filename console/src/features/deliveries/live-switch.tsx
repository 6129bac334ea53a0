//! Live tail: on by default, whether the connection stands, and whether new ones can be added at all.
import { RefreshCw } from "lucide-react";
import { useMessages } from "@/i18n";
import { Button } from "@/ui/button";
import { classes } from "@/ui/classes";
import { Switch } from "@/ui/field";
import type { LiveState } from "./live";
import "./deliveries.css";

export function LiveSwitch({
  on,
  state,
  isSearching,
  onChange,
  onSearchAgain,
}: {
  on: boolean;
  state: LiveState;
  /** Whether a text is searched: only the server can tell whether a new delivery has it. */
  isSearching: boolean;
  onChange: (on: boolean) => void;
  onSearchAgain: () => void;
}) {
  const m = useMessages();
  const shown = !on ? "off" : isSearching && state === "open" ? "searching" : state;
  return (
    <span className="row row-wrap">
      <Switch label={m.live.title} checked={on} onChange={onChange} />
      <span className={classes("live", shown === "open" && "live-on")} data-live={shown}>
        {m.live[shown]}
      </span>
      {isSearching && (
        <Button size="small" icon={<RefreshCw />} onClick={onSearchAgain}>
          {m.live.searchAgain}
        </Button>
      )}
    </span>
  );
}
