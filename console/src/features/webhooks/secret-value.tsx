//! A secret that is hidden until somebody looks.
import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { useMessages } from "@/i18n";
import { IconButton } from "@/ui/button";
import { CopyButton } from "@/ui/copy";

export function SecretValue({ secret }: { secret: string }) {
  const m = useMessages();
  const [shown, setShown] = useState(false);
  return (
    <div className="row secret-row">
      <code className="grow break">{shown ? secret : "•".repeat(24)}</code>
      <IconButton label={shown ? m.secret.hide : m.secret.reveal} size="small" onClick={() => setShown(!shown)}>
        {shown ? <EyeOff /> : <Eye />}
      </IconButton>
      <CopyButton text={secret} label={m.secret.copy} />
    </div>
  );
}
