import { expect, test } from "vitest";
import { embedSnippet, linkSnippet } from "./embed";

test("what is copied leads to the server's address, with its path", () => {
  const base = "https://example.com/hooks";
  expect(linkSnippet(base)).toContain("curl https://example.com/hooks/api/v1/portal-links");
  for (const way of ["element", "frame"] as const)
    expect(embedSnippet(way, base, "env")).toContain('"https://example.com/hooks/portal/env?session=…#code=…"');
  expect(embedSnippet("element", base, "env")).toContain('src="https://example.com/hooks/portal/embed.js"');
});
