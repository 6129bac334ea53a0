// The types are those of the document that the server serves: `npm run generate` brings them up to date.
import { execFileSync } from "node:child_process";
import { test } from "vitest";

test("the types of the API are generated from the document as it is", { timeout: 120_000 }, () => {
  execFileSync("npm", ["run", "--silent", "generate", "--", "--check"], { stdio: "pipe" });
});
