import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { firstLoad, LIMIT } from "../budget";

/** Text that compression makes little of. */
const text = (bytes: number) => randomBytes(bytes).toString("base64");

test("what is imported at once counts, once, with its styles; what is imported by a call does not", () => {
  const files = {
    "portal.js": { code: "a", imports: ["shared.js", "list.js"], styles: ["portal.css"] },
    "list.js": { code: "b", imports: ["shared.js"] },
    "shared.js": { code: "c" },
    "portal.css": { source: "d" },
    "page.js": { code: text(LIMIT) },
  };
  const { files: loaded, bytes, problems } = firstLoad("portal.js", files);
  expect(loaded.sort()).toEqual(["list.js", "portal.css", "portal.js", "shared.js"]);
  expect(bytes).toBeLessThan(200);
  expect(problems).toEqual([]);
});

test("a page over the limit, or with what could come later, is a problem", () => {
  const large = { "portal.js": { code: "a", imports: ["large.js"] }, "large.js": { code: text(LIMIT) } };
  expect(firstLoad("portal.js", large).problems).toEqual([expect.stringContaining("is the limit")]);
  const early = { "portal.js": { code: "a", imports: ["editor-x.js"] }, "editor-x.js": { code: "b" } };
  expect(firstLoad("portal.js", early).problems).toEqual(["editor-x.js is loaded at once"]);
});
