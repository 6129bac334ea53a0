// What the portal's list page may load before it shows the list. A build that needs more fails: tenants see this page first, inside
// somebody else's product, and over whatever line they have.
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** Bytes of compressed scripts and styles. */
export const LIMIT = 300 * 1024;
/** What the page does not need before somebody opens something. */
const LATER = /editor|chart-drawn/;

/** A file that was built, as far as this is about it. */
export interface Built {
  code?: string;
  source?: string | Uint8Array;
  /** Files that it imports at once; what it imports by a call is loaded when it is needed. */
  imports?: string[];
  styles?: Iterable<string>;
}

export interface Load {
  files: string[];
  bytes: number;
  /** What is wrong with it, in words. */
  problems: string[];
}

/** What a page that begins with that file loads at first. */
export function firstLoad(start: string, files: Record<string, Built | undefined>): Load {
  const loaded = new Set<string>();
  const load = (name: string) => {
    const file = files[name];
    if (!file || loaded.has(name)) return;
    loaded.add(name);
    for (const more of [...(file.imports ?? []), ...(file.styles ?? [])]) load(more);
  };
  load(start);
  const size = (name: string) => gzipSync(files[name]?.code ?? files[name]?.source ?? "").length;
  const bytes = [...loaded].reduce((sum, name) => sum + size(name), 0);
  const problems = [...loaded].filter(name => LATER.test(name)).map(name => `${name} is loaded at once`);
  if (bytes >= LIMIT) problems.push(`it loads ${bytes} compressed bytes at first, ${LIMIT} is the limit`);
  return { files: [...loaded], bytes, problems };
}

/** Fails a build whose portal page is over the limit. */
export function budget(): Plugin {
  return {
    name: "postrider-budget",
    apply: "build",
    // After every other plugin: files are as they will be served.
    writeBundle(_, bundle) {
      const files: Record<string, Built> = {};
      let start: string | undefined;
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === "chunk") {
          files[name] = { code: file.code, imports: file.imports, styles: file.viteMetadata?.importedCss ?? [] };
          if (file.isEntry && file.facadeModuleId?.endsWith("portal.html")) start = name;
        } else files[name] = { source: file.source };
      }
      if (!start) return this.error("the portal's page has no script of its own");
      const { bytes, problems } = firstLoad(start, files);
      if (problems.length > 0) return this.error(`the portal's list page: ${problems.join("; ")}`);
      this.info(`the portal's list page loads ${bytes} compressed bytes at first`);
    },
  };
}
