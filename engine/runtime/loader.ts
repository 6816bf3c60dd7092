// The hooks as Node 20 wants them: asynchronous, in a thread of their own. Newer versions use `installHooks` of install.ts.

import type { LoadHook, ResolveHook } from "node:module";
import { alternatives, isNotFound, loadModule, ownEngine } from "./hooks.js";

export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    if (specifier === "descent")
      return { url: ownEngine(import.meta.url), format: "module", shortCircuit: true };
    const [found] = alternatives(specifier, context.parentURL);
    if (found === undefined) throw error;
    return next(found, context);
  }
};

export const load: LoadHook = async (url, context, next) => {
  const module = loadModule(url);
  return module === null ? next(url, context) : { ...module, shortCircuit: true };
};
