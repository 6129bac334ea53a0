// `POSTRIDER_BIN=../target/debug/postrider npm run screenshots`
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["e2e/screenshots.ts"], environment: "node" } });
