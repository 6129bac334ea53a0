//! Debian's Chromium, driven by Playwright. Nothing is downloaded: the browser is the system's.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

export const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

export const isInstalled = (): boolean => existsSync(executablePath);

export function launch(...more: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...more,
    ],
  });
}
