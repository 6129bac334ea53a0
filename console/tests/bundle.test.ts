// What the portal's list page loads at first. Needs a build: `npm run build`; without one there is nothing to measure, and the test says so.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

/** Compressed script that the page may need before it shows the list. */
const LIMIT = 300 * 1024;

test.skipIf(!existsSync("dist/portal.html"))(
  "the portal's list page needs less than 300 KiB of compressed script",
  () => {
    const page = readFileSync("dist/portal.html", "utf8");
    const loaded = new Set<string>();
    const load = (file: string) => {
      if (loaded.has(file)) return;
      loaded.add(file);
      const text = readFileSync(join("dist/assets", file), "utf8");
      // Static imports alone: what is imported by a call is loaded when it is needed.
      for (const [, name] of text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) load(name as string);
    };
    for (const [, name] of page.matchAll(/assets\/([\w.-]+\.js)/g)) load(name as string);
    const size = [...loaded].reduce((sum, file) => sum + gzipSync(readFileSync(join("dist/assets", file))).length, 0);
    expect(loaded.size).toBeGreaterThan(1);
    expect([...loaded].filter(file => /editor|chart-drawn/.test(file))).toEqual([]);
    expect(size).toBeLessThan(LIMIT);
  },
);
