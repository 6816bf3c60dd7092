// A launch configuration of ours becomes one of js-debug's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { marker, toNodeConfiguration } from "../../extension/debug/configuration.js";

const around = {
  node: "/usr/bin/node",
  register: "/x/my dist/runtime/register.mjs",
  dist: "/x/my dist",
  cwd: "/project",
  workspace: "/project",
  breakWhen: { nan: true, infinity: false, conditions: [] },
  device: "",
};
const launch = { type: "descent", request: "launch", name: "Train", program: "/project/train.ts" };

test("Node.js with the import hook, our library skipped", () => {
  assert.deepEqual(toNodeConfiguration(launch, around), {
    type: "pwa-node",
    request: "launch",
    name: "Train",
    program: "/project/train.ts",
    cwd: "/project",
    console: "integratedTerminal",
    killBehavior: "polite",
    runtimeExecutable: "/usr/bin/node",
    runtimeArgs: ["--import", "file:///x/my%20dist/runtime/register.mjs"],
    env: {
      DESCENT_LAUNCH: '{"workspace":"/project","breakWhen":{"nan":true,"infinity":false,"conditions":[]}}',
    },
    resolveSourceMapLocations: ["**", "!**/node_modules/**"],
    skipFiles: ["<node_internals>/**", "/x/my dist/**", "!**/dist/engine/breakpoint.mjs"],
    [marker]: { program: "/project/train.ts" },
  });
});

test("what the user wrote is kept, beside ours where it is a list", () => {
  const config = toNodeConfiguration(
    {
      ...launch,
      args: ["--epochs", "3"],
      cwd: "/elsewhere",
      console: "internalConsole",
      env: { A: "1" },
      runtimeArgs: ["--expose-gc"],
      skipFiles: ["**/helper.ts"],
      device: "gpu",
      stopOnEntry: true,
    },
    { ...around, device: "cpu" },
  );
  assert.deepEqual(config["args"], ["--epochs", "3"]);
  assert.equal(config["cwd"], "/elsewhere");
  assert.equal(config["console"], "internalConsole");
  assert.deepEqual(config["env"], {
    DESCENT_LAUNCH:
      '{"workspace":"/project","breakWhen":{"nan":true,"infinity":false,"conditions":[]},"device":"gpu"}',
    A: "1",
  });
  assert.deepEqual(config["runtimeArgs"], [
    "--import",
    "file:///x/my%20dist/runtime/register.mjs",
    "--expose-gc",
  ]);
  assert.deepEqual(config["skipFiles"], [
    "<node_internals>/**",
    "/x/my dist/**",
    "!**/dist/engine/breakpoint.mjs",
    "**/helper.ts",
  ]);
  assert.equal(config["stopOnEntry"], true);
  assert.ok(!("device" in config));
});

test("the device of the settings, where the configuration has none", () => {
  assert.deepEqual(toNodeConfiguration(launch, { ...around, device: "opencl:0" })["env"], {
    DESCENT_LAUNCH:
      '{"workspace":"/project","breakWhen":{"nan":true,"infinity":false,"conditions":[]},"device":"opencl:0"}',
  });
});
