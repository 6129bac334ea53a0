// The real binary: started on a free port with a data directory of its own, and ended by its process id.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Caller } from './caller.js';
import { until, within } from './until.js';

/** The first environment: its id, which is the client id and the `vendorId`. */
export const VENDOR_ID = '5b0c9a5e-3d6f-4c1e-8a27-f1e0d9c8b7a6';
/** The first environment's secret. */
export const VENDOR_SECRET = 'a-secret-that-only-these-tests-know';

/** Starts a server and waits until it is ready. */
export async function startServer() {
  const server = new Server(await mkdtemp(join(tmpdir(), 'postrider-clients-')), await freePort());
  await server.start();
  return server;
}

class Server {
  #directory;
  #port;
  #child;
  #gone;

  constructor(directory, port) {
    this.#directory = directory;
    this.#port = port;
    /** Without a slash at the end. */
    this.url = `http://127.0.0.1:${port}`;
    /** What the server wrote so far. */
    this.output = '';
  }

  /** Starts it, on the same port and with the same data each time. */
  async start() {
    const binary = process.env.POSTRIDER_BIN;
    if (!binary) throw new Error('POSTRIDER_BIN names the server to test: the path of a built `postrider`');
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('POSTRIDER_'));
    this.#child = spawn(binary, ['serve'], {
      cwd: this.#directory,
      env: {
        ...Object.fromEntries(inherited),
        POSTRIDER_LISTEN: `127.0.0.1:${this.#port}`,
        POSTRIDER_DATA_DIR: join(this.#directory, 'data'),
        POSTRIDER_BOOTSTRAP_CLIENT_ID: VENDOR_ID,
        POSTRIDER_BOOTSTRAP_SECRET: VENDOR_SECRET,
        POSTRIDER_EGRESS_ALLOW: '127.0.0.0/8',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#gone = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve({ error: error.message }));
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { this.output += text; });
    }
    try {
      await this.#ready();
    } catch (error) {
      await this.kill();
      throw new Error(`the server did not get ready; it wrote:\n${this.output}`, { cause: error });
    }
  }

  async #ready() {
    let ended = false;
    const gone = this.#gone.then((how) => {
      ended = true;
      throw new Error(`the server ended: ${JSON.stringify(how)}`);
    });
    const answers = until('/readyz to answer 200', async () => ended || (await fetch(`${this.url}/readyz`)).ok, 60_000);
    await Promise.race([answers, gone]);
  }

  /** Signs in as the vendor. */
  async vendor() {
    const answer = await new Caller(this.url, {}).post('/auth/vendor', { clientId: VENDOR_ID, secret: VENDOR_SECRET });
    if (answer.status !== 200) throw new Error(`the vendor cannot sign in: ${answer.status} ${answer.text}`);
    return new Caller(this.url, { authorization: `Bearer ${answer.json.token}` });
  }

  /** Ends it as an operator does, and expects that it leaves in order. */
  async stop() {
    this.#child.kill('SIGTERM');
    let how;
    try {
      how = await within('the server to end after SIGTERM', this.#gone);
    } finally {
      await this.kill();
      await rm(this.#directory, { recursive: true, force: true });
    }
    if (how.code !== 0) throw new Error(`the server ended with ${JSON.stringify(how)}; it wrote:\n${this.output}`);
  }

  /** Ends it as a power cut does. */
  async kill() {
    this.#child.kill('SIGKILL');
    await within('the server to end after SIGKILL', this.#gone);
  }
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
