//! The real program, with a data folder of its own, and calls of its API as a vendor's program makes them.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const CLIENT_ID = "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f";
const SECRET = "a-secret-for-the-browser-tests";

export class Server {
  readonly clientId = CLIENT_ID;
  readonly secret = SECRET;
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #program: string;
  readonly #folder: string;
  #token = "";

  private constructor(child: ChildProcess, url: string, program: string, folder: string) {
    this.#process = child;
    this.url = url;
    this.#program = program;
    this.#folder = folder;
  }

  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const program = process.env["POSTRIDER_BIN"];
    if (!program) throw new Error("set POSTRIDER_BIN to the program that is tested");
    const folder = mkdtempSync(join(tmpdir(), "postrider-browser-"));
    const child = spawn(program, ["serve"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"] ?? "",
        POSTRIDER_DATA_DIR: join(folder, "data"),
        POSTRIDER_LISTEN: "127.0.0.1:0",
        POSTRIDER_EGRESS_ALLOW: "127.0.0.0/8",
        POSTRIDER_BOOTSTRAP_CLIENT_ID: CLIENT_ID,
        POSTRIDER_BOOTSTRAP_SECRET: SECRET,
        ...settings,
      },
    });
    const said: string[] = [];
    child.stderr?.on("data", (bytes: Buffer) => said.push(bytes.toString()));
    const url = await new Promise<string>((resolve, reject) => {
      child.once("exit", code => reject(new Error(`the server ended with ${code}:\n${said.join("")}`)));
      if (!child.stdout) return;
      createInterface({ input: child.stdout }).on("line", line => {
        said.push(`${line}\n`);
        const found = /(http:\/\/127\.0\.0\.1:\d+)/.exec(line);
        if (found?.[1] && /listening/i.test(line)) resolve(found[1]);
      });
    });
    const server = new Server(child, url, program, folder);
    const answer = await fetch(`${url}/auth/vendor`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ clientId: CLIENT_ID, secret: SECRET }),
    });
    server.#token = ((await answer.json()) as { token: string }).token;
    return server;
  }

  /** A call of the native API; anything but a success is an error of the test. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect, and fail where it is not there
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<any> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  event(tenantId: string, payload: object = {}, eventKey = "frontegg.user.created") {
    return this.call("POST", "/events", { eventKey, tenantId, payload });
  }

  /** What a command of the operator's prints, in JSON. */
  async command(...args: string[]): Promise<string> {
    const all = [...args, "--json", "--data-dir", join(this.#folder, "data")];
    const { stdout } = await promisify(execFile)(this.#program, all, { cwd: this.#folder });
    return stdout;
  }

  async stop(): Promise<void> {
    const ended = new Promise(resolve => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Asks until the answer is there; a test's own deadline ends it. */
export async function until<T>(ask: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
