//! How a receiver verifies what it gets, in the languages that people use.
import { useMessages } from "@/i18n";
import { type Language, verificationSnippet } from "@/logic/snippets";
import { keySnippet } from "@/logic/snippets-ed25519";
import { usePageSearch } from "@/shell/search";
import { Code } from "@/ui/code";
import { Segments } from "@/ui/field";
import type { Webhook } from "./queries";
import { SecretValue } from "./secret-value";

const LANGUAGES: { value: Language; title: string }[] = [
  { value: "node", title: "Node.js" },
  { value: "python", title: "Python" },
  { value: "go", title: "Go" },
  { value: "rust", title: "Rust" },
];

export function Verification({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const [search, change] = usePageSearch<"language">();
  const language = LANGUAGES.find(({ value }) => value === search.language)?.value ?? "node";
  // With both signatures the secret's is the one that every library knows.
  const key = webhook.signature === "ed25519" ? webhook.publicKey : null;
  return (
    <div className="stack">
      {webhook.secret && !key && (
        <div className="stack stack-tight">
          <span className="field-label">{m.secret.title}</span>
          <SecretValue secret={webhook.secret} />
        </div>
      )}
      <Segments
        label={m.verification.language}
        value={language}
        onChange={next => change({ language: next === "node" ? "" : next })}
        options={LANGUAGES}
      />
      <Code text={key ? keySnippet(language, key) : verificationSnippet(language)} label={m.verification.title} />
      <p className="small soft">{key ? m.verification.keyNote : m.verification.note}</p>
    </div>
  );
}
