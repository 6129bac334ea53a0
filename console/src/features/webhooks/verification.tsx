//! How a receiver verifies what it gets, in the languages that people use.
import { useState } from "react";
import { useMessages } from "@/i18n";
import { type Language, verificationSnippet } from "@/logic/snippets";
import { Code } from "@/ui/code";
import { Segments } from "@/ui/field";
import type { Webhook } from "./queries";
import { SecretValue } from "./secret-value";

export function Verification({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const [language, setLanguage] = useState<Language>("node");
  return (
    <div className="stack">
      {webhook.secret && (
        <div className="stack stack-tight">
          <span className="field-label">{m.secret.title}</span>
          <SecretValue secret={webhook.secret} />
        </div>
      )}
      <Segments
        label={m.verification.language}
        value={language}
        onChange={setLanguage}
        options={[
          { value: "node", title: "Node.js" },
          { value: "python", title: "Python" },
          { value: "go", title: "Go" },
          { value: "rust", title: "Rust" },
        ]}
      />
      <Code text={verificationSnippet(language)} label={m.verification.title} />
      <p className="small soft">{m.verification.note}</p>
    </div>
  );
}
