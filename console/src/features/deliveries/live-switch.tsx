//! Live tail: on by default, and whether the connection stands.
import { useMessages } from "@/i18n";
import { classes } from "@/ui/classes";
import { Switch } from "@/ui/field";
import type { LiveState } from "./live";

export function LiveSwitch({
  on,
  state,
  onChange,
}: {
  on: boolean;
  state: LiveState;
  onChange: (on: boolean) => void;
}) {
  const m = useMessages();
  return (
    <span className="row">
      <Switch label={m.live.title} checked={on} onChange={onChange} />
      <span className={classes("live", on && state === "open" && "live-on")} data-live={on ? state : "off"}>
        {on ? m.live[state] : m.live.off}
      </span>
    </span>
  );
}
