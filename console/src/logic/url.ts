//! URLs of endpoints, as far as a form can judge them; what may be dialled is the server's to say.

export type UrlProblem = "missing" | "unreadable" | "scheme" | "credentials";

export function urlProblem(text: string): UrlProblem | null {
  const trimmed = text.trim();
  if (trimmed === "") return "missing";
  let url: URL;
  try {
    url = new URL(trimmed);
  } catch {
    return "unreadable";
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return "scheme";
  return url.username || url.password ? "credentials" : null;
}
