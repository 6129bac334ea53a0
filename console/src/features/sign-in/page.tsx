//! Signing in: with an environment's client id and one of its secrets.
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { hasCode } from "@/api/problem";
import { useMessages } from "@/i18n";
import { Brand } from "@/shell/brand";
import { usePageSearch } from "@/shell/search";
import { useSignIn } from "@/shell/session";
import { Button } from "@/ui/button";
import { TextField } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/states";
import "./sign-in.css";

export function SignIn() {
  const m = useMessages();
  const navigate = useNavigate();
  const [search] = usePageSearch<"next" | "add" | "ended">();
  const [clientId, setClientId] = useState("");
  const [secret, setSecret] = useState("");
  const [missing, setMissing] = useState(false);
  const signIn = useSignIn();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const isMissing = clientId.trim() === "" || secret === "";
    setMissing(isMissing);
    if (isMissing) return;
    signIn.mutate(
      { clientId: clientId.trim(), secret },
      { onSuccess: () => void navigate({ href: inside(search.next), replace: true }) },
    );
  };
  return (
    <main className="sign-in">
      <form className="sign-in-card card" onSubmit={submit} noValidate>
        <Brand />
        <div>
          <h1>{search.add ? m.signIn.addTitle : m.signIn.title}</h1>
          <p className="soft">{m.signIn.lead}</p>
        </div>
        {search.ended && !signIn.error && <Notice tone="warn">{m.signIn.ended}</Notice>}
        <TextField
          label={m.signIn.clientId}
          value={clientId}
          onChange={event => setClientId(event.target.value)}
          autoComplete="username"
          spellCheck={false}
          autoFocus
          className="mono"
          error={missing && clientId.trim() === "" ? m.common.required : undefined}
        />
        <TextField
          label={m.signIn.secret}
          type="password"
          value={secret}
          onChange={event => setSecret(event.target.value)}
          autoComplete="current-password"
          className="mono"
          error={missing && secret === "" ? m.common.required : undefined}
        />
        {signIn.error &&
          (hasCode(signIn.error, "credentials_invalid") ? (
            <Notice tone="bad" role="alert">
              {m.signIn.wrong}
            </Notice>
          ) : (
            <ErrorNotice error={signIn.error} />
          ))}
        <div className="row">
          <Button type="submit" look="primary" busy={signIn.isPending} className="grow">
            {m.signIn.action}
          </Button>
          {search.add && <Button onClick={() => void navigate({ to: "/" })}>{m.common.cancel}</Button>}
        </div>
        <details className="small soft">
          <summary>{m.signIn.where}</summary>
          <p>{m.signIn.whereText}</p>
          <p>
            <code>postrider credential create "console"</code>
          </p>
        </details>
      </form>
    </main>
  );
}

/** Only a path of this application: never another origin. */
function inside(next: string | undefined): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.includes("\\") ? next : "/";
}
