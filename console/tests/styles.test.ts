// Styles of a feature come with the modules that import them: whoever opens a page directly has no others.
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../src", import.meta.url));
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).map(name => join(SRC, name));
const read = (path: string) => readFileSync(path, "utf8");

/** Classes that a stylesheet has rules for. */
function classesOf(path: string): Set<string> {
  const selectors = read(path)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\{[^{}]*\}/g, "{}");
  return new Set([...selectors.matchAll(/\.([a-z][\w-]*)/g)].map(match => match[1] as string));
}

/** Words of the texts of a module, which may be names of classes. */
const wordsOf = (text: string) =>
  new Set(
    [...text.matchAll(/"([^"\n]*)"|`([^`]*)`/g)].flatMap(match => (match[1] ?? match[2] ?? "").split(/[\s${}]+/)),
  );

/** Stylesheets that a module imports itself. */
const importedBy = (path: string, text: string) =>
  [...text.matchAll(/import "([^"]+\.css)"/g)].map(match => {
    const at = match[1] as string;
    return at.startsWith("@/") ? join(SRC, at.slice(2)) : resolve(dirname(path), at);
  });

test("a module imports the stylesheet of each class that it names", () => {
  const sheets = files.filter(path => path.includes("/features/") && path.endsWith(".css"));
  const everywhere = new Set(
    files.filter(path => path.includes("/ui/") && path.endsWith(".css")).flatMap(path => [...classesOf(path)]),
  );
  const owners = new Map(
    sheets
      .flatMap(sheet => [...classesOf(sheet)].map(name => [name, sheet] as const))
      .filter(([name]) => !everywhere.has(name)),
  );
  const missing = files
    .filter(path => path.endsWith(".tsx") && !path.endsWith(".test.tsx"))
    .flatMap(path => {
      const text = read(path);
      const imported = importedBy(path, text);
      const named = [...text.matchAll(/class(?:Name=|es\()[^>]*/g)].map(match => match[0]).join("\n");
      return [...wordsOf(named)]
        .filter(word => owners.has(word) && !imported.includes(owners.get(word) as string))
        .map(word => `${relative(SRC, path)}: .${word} of ${basename(owners.get(word) as string)}`);
    });
  expect(missing).toEqual([]);
});
