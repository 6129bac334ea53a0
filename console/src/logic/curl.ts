//! A request of a delivery as a command that sends it again: with what is known of it, signed anew, and saying what it leaves out.
import { signatureHeaders } from "./sign";
import { curl, quoted } from "./snippets";

interface Header {
  name: string;
  value?: string | null;
  withheld?: string | null;
}

export interface Again {
  method: string;
  url: string;
  /** As they were sent; a signature and its moment are made anew. */
  headers: Header[];
  hasCertificate: boolean;
  body: string | null;
  /** The event's id, which is signed with the body. */
  id: string;
  /** What it is signed with; undefined where it cannot be read. */
  secret: string | undefined;
  /** Now, in seconds. */
  at: number;
}

export interface Command {
  text: string;
  /** `unreadable`: the request was signed, and the secret cannot be read. */
  signing: "signed" | "unsigned" | "unreadable";
  /** Headers whose values are hidden, and so not in the command. */
  hidden: string[];
}

interface Words {
  leftOut: (names: string) => string;
  certificate: string;
}

export async function sendAgain(request: Again, words: Words): Promise<Command> {
  const { method, url, body, id, secret, at } = request;
  const wanted = request.headers.filter(({ withheld }) => withheld === "signature");
  const made = secret && wanted.length > 0 ? await signatureHeaders(secret, id, at, body ?? "") : [];
  const headers: { name: string; value: string }[] = [];
  const leftOut: string[] = [];
  for (const { name, value, withheld } of request.headers) {
    if (name === "webhook-timestamp" && !withheld) headers.push({ name, value: String(at) });
    else if (!withheld) headers.push({ name, value: value ?? "" });
    else {
      // Of a signature by the private key nothing can be made: a header that carries no other one is not made at all.
      const isMade = withheld === "signature" && (name !== "webhook-signature" || !value || /\bv1,/.test(value));
      const signature = isMade ? made.find(each => each.name === name) : undefined;
      if (signature) headers.push(signature);
      if (!signature) leftOut.push(quoted(name));
      else if (value?.includes("v1a,")) leftOut.push(quoted(`${name} v1a`));
    }
  }
  if (request.hasCertificate) leftOut.push(words.certificate);
  const command = curl({ method, url, headers, body });
  const isSigned = wanted.some(({ name }) => headers.some(each => each.name === name));
  return {
    text: leftOut.length > 0 ? `# ${words.leftOut(leftOut.join(", "))}\n${command}` : command,
    signing: wanted.length === 0 ? "unsigned" : isSigned ? "signed" : "unreadable",
    hidden: request.headers.filter(({ withheld }) => withheld === "hidden").map(({ name }) => name),
  };
}
