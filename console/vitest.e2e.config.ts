// The browser against the real program: `POSTRIDER_BIN=../target/debug/postrider npm run e2e`.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["e2e/**/*.e2e.ts"],
    environment: "node",
    // One server and one browser for each file, one file after the other: two cores are enough.
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
});
