// Loaded before a script with `--inspect`: attaches a debugger to it that stops nowhere, set up as VS Code's JavaScript debugger is.

import { Session } from "node:inspector";
import { Worker, isMainThread, parentPort } from "node:worker_threads";

if (isMainThread) {
  const debugging = new Worker(new URL(import.meta.url), { execArgv: [] });
  await new Promise((resolve) => debugging.once("message", resolve));
  debugging.unref();
} else {
  setInterval(() => undefined, 1 << 30); // a session alone does not keep a thread
  const session = new Session();
  session.connectToMainThread();
  const post = (method, params) =>
    new Promise((resolve, reject) =>
      session.post(method, params, (error) => (error ? reject(error) : resolve())),
    );
  await post("Runtime.enable");
  await post("Debugger.enable");
  await post("Debugger.setAsyncCallStackDepth", { maxDepth: 32 });
  await post("Debugger.setPauseOnExceptions", { state: "none" });
  await post("Debugger.setBlackboxPatterns", { patterns: ["/dist/"] });
  parentPort.postMessage("attached");
}
