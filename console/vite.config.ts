// Two pages of one application: the console (index.html, served at `/`) and the portal (portal.html, served at `/portal`).
//
// The nonce is a placeholder: the server puts a fresh one in its place each time it serves a page. Nothing is inlined, since the policy
// of the pages allows neither inline scripts nor `data:` URLs in styles.
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { budget } from "./budget";

const server = process.env.POSTRIDER_URL ?? "http://127.0.0.1:8400";
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // The server puts the path of its public URL into <base href>.
  base: "./",
  plugins: [react(), budget()],
  html: { cspNonce: "__CSP_NONCE__" },
  resolve: { alias: { "@": here("./src") } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    rolldownOptions: { input: { console: here("./index.html"), portal: here("./portal.html") } },
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/auth", "/portal/embed.js"].map(path => [path, { target: server, changeOrigin: false }]),
    ),
  },
});
