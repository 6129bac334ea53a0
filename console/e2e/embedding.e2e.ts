// The product in examples/embedding, as it stands there: two customers of it, each with its own portal.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { Server } from "./server";

let browser: Browser;
let server: Server;
let product: ChildProcess;
let origin: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  const program = fileURLToPath(new URL("../../examples/embedding/server.js", import.meta.url));
  product = spawn(process.execPath, [program], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env["PATH"] ?? "",
      POSTRIDER_URL: server.url,
      POSTRIDER_CLIENT_ID: server.clientId,
      POSTRIDER_SECRET: server.secret,
      PORT: "0",
    },
  });
  origin = await new Promise((resolve, reject) => {
    product.once("exit", code => reject(new Error(`the product ended with ${code}`)));
    if (!product.stdout) return;
    createInterface({ input: product.stdout }).on("line", line => {
      const found = /(http:\/\/localhost:\d+)/.exec(line);
      if (found?.[1]) resolve(found[1]);
    });
  });
  await server.call("PUT", "/portal-settings", { webhooks: "byPermissions", allowedOrigins: [origin] });
  for (const tenantId of ["globex", "initech"]) {
    const webhook = { tenantId, displayName: `Of ${tenantId}`, url: "https://example.com/hooks", eventKeys: ["*"] };
    await server.call("POST", "/webhooks", webhook);
  }
});
afterAll(async () => {
  await browser?.close();
  product?.kill();
  await server?.stop();
});

async function signIn(user: string) {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(origin);
  await page.getByRole("button", { name: new RegExp(user) }).click();
  return page;
}

test("each customer sees its own webhooks, and a session that was ended is renewed by the product", async () => {
  for (const [user, own, other] of [
    ["Ada", "globex", "initech"],
    ["Grace", "initech", "globex"],
  ] as const) {
    const page = await signIn(user);
    const portal = page.frameLocator('iframe[title="Webhooks"]');
    await portal.getByRole("link", { name: `Of ${own}` }).waitFor();
    expect(await portal.getByText(`Of ${other}`).count()).toBe(0);
    const [cookie] = await page.context().cookies(server.url);
    expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: "None" });

    await server.call("DELETE", `/portal-sessions?tenantId=${own}`);
    await portal.getByRole("link", { name: `Of ${own}` }).click();
    await portal.getByRole("heading", { name: `Of ${own}` }).waitFor();
    expect((await server.call("GET", `/portal-sessions?tenantId=${own}`)).items).toHaveLength(1);
    await page.context().close();
  }
});

test("a page that is not on the list cannot frame the portal", async () => {
  await server.call("PUT", "/portal-settings", { webhooks: "byPermissions", allowedOrigins: [] });
  const page = await (await browser.newContext()).newPage();
  const refused = page.waitForEvent("console", message => message.text().includes("frame-ancestors"));
  await page.goto(origin);
  await page.getByRole("button", { name: /Ada/ }).click();
  await refused;
  await page.context().close();
});
