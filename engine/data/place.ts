// Where a class or function is declared, so that another thread can import it: the engine of the debugger knows.

import { Session } from "node:inspector";
import { realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** A function of a module, as another thread finds it again among what the module exports. */
export interface Place {
  url: string;
  name: string;
  /** Its text, to tell it from another of that name. */
  source: string;
}

/** Eslint's ban of Function is for values that are called; these are only looked at. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type
export type AnyFunction = Function;

const key = Symbol.for("descent.place");
const slot = globalThis as unknown as Record<symbol, unknown>;
const known = new WeakMap<AnyFunction, Place | null>();

interface Property {
  name: string;
  value?: { value?: { scriptId?: string } };
}

/** Asks V8 about functions and objects of this thread. Open only while an object is packed: it costs a few milliseconds. */
export class Locator {
  #session: Session | null = null;
  readonly #scripts = new Map<string, string>();

  /** Null for functions that no module declares: built in, bound, or made by eval. */
  placeOf(value: AnyFunction): Place | null {
    const before = known.get(value);
    if (before !== undefined) return before;
    const found = this.#properties(value).internal.find(({ name }) => name === "[[FunctionLocation]]");
    const url = this.#scripts.get(found?.value?.value?.scriptId ?? "") ?? "";
    const place = /^(file|data):/.test(url) ? { url, name: value.name, source: String(value) } : null;
    known.set(value, place);
    return place;
  }

  /** Whether it has #private fields or methods, which only its own thread can give it. */
  hasPrivate(value: object): boolean {
    return mentionsPrivate(value) && this.#properties(value).isPrivate;
  }

  #properties(value: object): { internal: Property[]; isPrivate: boolean } {
    slot[key] = value;
    try {
      let objectId: string | undefined;
      const expression = `globalThis[Symbol.for("descent.place")]`;
      this.#ask("Runtime.evaluate", { expression }, (answer) => {
        objectId = (answer as { result: { objectId?: string } }).result.objectId;
      });
      let internal: Property[] = [];
      let isPrivate = false;
      this.#ask("Runtime.getProperties", { objectId, ownProperties: true }, (answer) => {
        const found = answer as { internalProperties?: Property[]; privateProperties?: unknown[] };
        internal = found.internalProperties ?? [];
        isPrivate = (found.privateProperties ?? []).length > 0;
      });
      this.#ask("Runtime.releaseObject", { objectId }, () => undefined);
      return { internal, isPrivate };
    } finally {
      Reflect.deleteProperty(slot, key);
    }
  }

  /** Answers arrive before `post` returns: the session belongs to this thread. */
  #ask(method: string, parameters: object, take: (answer: unknown) => void): void {
    const post = this.#open().post.bind(this.#session) as (
      method: string,
      parameters: object,
      callback: (error: Error | null, answer: unknown) => void,
    ) => void;
    post(method, parameters, (error, answer) => {
      if (error === null) take(answer);
    });
  }

  #open(): Session {
    if (this.#session !== null) return this.#session;
    const session = new Session();
    session.connect();
    session.on("Debugger.scriptParsed", ({ params }) => this.#scripts.set(params.scriptId, params.url));
    session.post("Debugger.enable");
    return (this.#session = session);
  }

  close(): void {
    this.#session?.disconnect();
    this.#session = null;
  }
}

/** A glance at the text of its classes, which saves asking. */
function mentionsPrivate(value: object): boolean {
  for (let at = value; ;) {
    at = Object.getPrototypeOf(at) as object;
    if ((at as object | null) === null || at === Object.prototype) return false;
    if (/#[\p{ID_Start}$_\\]/u.test(String(at.constructor))) return true;
  }
}

/** The script that this process runs: importing it again would run it again. */
export function mainScript(): string | null {
  const path = process.argv[1];
  if (path === undefined) return null;
  try {
    return pathToFileURL(realpathSync(path)).href;
  } catch {
    return null;
  }
}

/** The export of a module that is this function; looks into the namespaces and objects that it exports. */
export function findExport(namespace: object, place: Place, depth = 0): AnyFunction | null {
  const inner: object[] = [];
  for (const key of Object.keys(namespace)) {
    const value = (namespace as Record<string, unknown>)[key];
    const isIt = typeof value === "function" && value.name === place.name && String(value) === place.source;
    if (isIt) return value;
    if (typeof value === "object" && value !== null && !isLong(value)) inner.push(value);
  }
  if (depth === 2) return null;
  for (const value of inner) {
    const found = findExport(value, place, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** Data rather than a namespace. */
function isLong(value: object): boolean {
  return ArrayBuffer.isView(value) || (Array.isArray(value) && value.length > 1000);
}
