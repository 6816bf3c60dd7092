// Installs the module hooks in this thread, in the way the running Node has.

import * as nodeModule from "node:module";
import { alternatives, isNotFound, loadModule, ownEngine } from "./hooks.js";

/** Node 22.15 and later; the types of Node 20 do not have it. */
interface SyncHooks {
  resolve(specifier: string, context: { parentURL?: string }, next: NextResolve): unknown;
  load(url: string, context: object, next: (url: string, context: object) => unknown): unknown;
}
type NextResolve = (specifier: string, context: object) => unknown;

export function installHooks(): void {
  const { registerHooks } = nodeModule as unknown as { registerHooks?: (hooks: SyncHooks) => void };
  if (registerHooks === undefined) {
    nodeModule.register(new URL("./loader.mjs", import.meta.url));
    return;
  }
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        if (specifier === "descent")
          return { url: ownEngine(import.meta.url), format: "module", shortCircuit: true };
        const [found] = alternatives(specifier, context.parentURL);
        if (found === undefined) throw error;
        return next(found, context);
      }
    },
    load(url, context, next) {
      const module = loadModule(url);
      return module === null ? next(url, context) : { ...module, shortCircuit: true };
    },
  });
}
