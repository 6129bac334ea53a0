//! The portal's look, with a preview of it.
import { type FormEvent, useState } from "react";
import { issueAt } from "@/api/problem";
import { useMessages } from "@/i18n";
import { leadsElsewhere } from "@/logic/hidden";
import { themeVariables } from "@/portal/theme";
import { useDraft, useUnsaved } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { SelectField, TextField } from "@/ui/field";
import { ErrorNotice } from "@/ui/states";
import { say } from "@/ui/toast";
import { type PortalSettings, type Theme, useSavePortalSettings } from "./queries";
import "./portal-settings.css";

const ACCENT = "#4353d8";

const NONE: Theme = { accent: null, logoUrl: null, mode: "auto", radius: null, fontFamily: null };

export function ThemeForm({ settings }: { settings: PortalSettings }) {
  const m = useMessages();
  const face = useFace();
  const save = useSavePortalSettings();
  // What is left out means as much as what is none.
  const draft = useDraft<Theme>({ ...NONE, ...settings.theme });
  const theme = draft.value;
  const change = draft.edit;
  useUnsaved(draft.isEdited);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(
      { theme: draft.edited },
      {
        onSuccess: () => {
          draft.saved(theme);
          say(m.common.saved);
        },
      },
    );
  };
  return (
    <div className="grid grid-2">
      <form onSubmit={submit} noValidate>
        <Card
          title={m.portalSettings.theme}
          foot={
            face.manages && (
              <>
                <Button onClick={() => change(NONE)}>{m.portalSettings.reset}</Button>
                <Button type="submit" look="primary" busy={save.isPending}>
                  {m.common.save}
                </Button>
              </>
            )
          }
        >
          <fieldset className="stack" disabled={!face.manages}>
            <div className="row row-end">
              <input
                type="color"
                className="colour"
                aria-label={m.portalSettings.accent}
                value={theme.accent ?? ACCENT}
                onChange={event => change({ accent: event.target.value })}
              />
              <span className="grow">
                <TextField
                  label={m.portalSettings.accent}
                  value={theme.accent ?? ""}
                  placeholder={ACCENT}
                  onChange={event => change({ accent: event.target.value || null })}
                  error={issueAt(save.error, "/theme/accent")}
                  className="mono"
                />
              </span>
            </div>
            <TextField
              label={m.portalSettings.logo}
              hint={m.common.optional}
              type="url"
              value={theme.logoUrl ?? ""}
              placeholder="https://example.com/logo.svg"
              onChange={event => change({ logoUrl: event.target.value || null })}
              error={issueAt(save.error, "/theme/logoUrl")}
            />
            <SelectField
              label={m.portalSettings.mode}
              value={theme.mode ?? "auto"}
              onChange={event => change({ mode: event.target.value as "light" })}
            >
              <option value="auto">{m.shell.asSystem}</option>
              <option value="light">{m.shell.light}</option>
              <option value="dark">{m.shell.dark}</option>
            </SelectField>
            <TextField
              label={m.portalSettings.radius}
              type="number"
              min={0}
              max={24}
              value={theme.radius ?? ""}
              placeholder="8"
              onChange={event => change({ radius: event.target.value === "" ? null : Number(event.target.value) })}
              error={issueAt(save.error, "/theme/radius")}
            />
            <TextField
              label={m.portalSettings.font}
              hint={m.portalSettings.fontHint}
              value={theme.fontFamily ?? ""}
              placeholder="Inter"
              onChange={event => change({ fontFamily: event.target.value || null })}
              error={issueAt(save.error, "/theme/fontFamily")}
            />
            {save.error && <ErrorNotice error={save.error} />}
          </fieldset>
        </Card>
      </form>
      <Preview theme={theme} saved={settings.theme?.logoUrl} />
    </div>
  );
}

/** The parts that a theme changes, as they would look. */
function Preview({ theme, saved }: { theme: Theme; saved: string | null | undefined }) {
  const m = useMessages();
  const modes: ("light" | "dark")[] =
    theme.mode === "light" || theme.mode === "dark" ? [theme.mode] : ["light", "dark"];
  return (
    <Card title={m.portalSettings.preview}>
      <div className="stack">
        {modes.map(mode => (
          <div
            key={mode}
            className="theme-preview"
            data-mode={mode}
            style={themeVariables(theme, mode) as React.CSSProperties}
          >
            {theme.logoUrl && <Logo key={theme.logoUrl} url={theme.logoUrl} saved={saved} />}
            <div className="row row-between">
              <strong>{m.webhooks.title}</strong>
              <span className="button button-primary">{m.webhooks.connect}</span>
            </div>
            <div className="theme-row">
              <span className="grow">
                <span className="theme-link">CRM</span>
                <br />
                <span className="small soft break">https://crm.example.com/hooks</span>
              </span>
              <Badge tone="good" dot>
                {m.webhooks.status.active}
              </Badge>
            </div>
          </div>
        ))}
      </div>
    </Card>
  );
}

/** The logo, as far as the page's policy lets it in: that of an origin which was saved before the page was loaded. */
function Logo({ url, saved }: { url: string; saved: string | null | undefined }) {
  const m = useMessages();
  const [failed, setFailed] = useState(false);
  if (failed || !saved || leadsElsewhere(saved, url)) {
    return (
      <p className="small soft break">
        {url} <span className="faint">{m.portalSettings.logoLater}</span>
      </p>
    );
  }
  return <img className="theme-logo" src={url} alt="" onError={() => setFailed(true)} />;
}
