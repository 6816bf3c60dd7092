// The package `descent`: everything a training script imports.

import { connectBreaks } from "./breaks/watch.js";
import { DescentError } from "./errors.js";
import { install } from "./generated/ops.js";
import { connectCollector } from "./collector.js";
import { serveIfWorker } from "./data/workerThread.js";
import { useDeviceOfRun } from "./device.js";
import { finishDevicesAtExit } from "./exit.js";
import { offerDebugBridge } from "./inspect/bridge.js";
import { native } from "./native.js";
import { connectCallSites } from "./sites.js";
import { Tensor } from "./tensor.js";

native.setErrorClass(DescentError);
install(Tensor.prototype);
connectCollector();
connectCallSites();
native.setTensorFactory(() => new Tensor());
serveIfWorker();
useDeviceOfRun();
finishDevicesAtExit();
offerDebugBridge();
connectBreaks();

export { Tensor, type GradFn, type NestedArray } from "./tensor.js";
export type { DType, DataArray, TypedArray } from "./dtype.js";
export { tensor, type NestedValues, type TensorOptions } from "./create.js";
export * from "./generated/top.js";
export type { Operand } from "./generated/ops.js";
export { slice, type Index, type Slice } from "./indexing.js";
export {
  enableGrad,
  inferenceMode,
  isGradEnabled,
  isInferenceModeEnabled,
  noGrad,
  setGradEnabled,
} from "./grad-mode.js";
export type { GradientHook, HookHandle } from "./hooks.js";
export { scope } from "./scope.js";
export { Generator, getRngState, initialSeed, manualSeed, seed, setRngState } from "./random.js";
export { devices, getDefaultDevice, setDefaultDevice } from "./device.js";
export type { NativeDevice } from "./native.js";
export { DescentError, type ErrorCode } from "./errors.js";
export { run } from "./run.js";
export * as autograd from "./autograd.js";
export * as nn from "./nn/index.js";
export * as init from "./nn/init.js";
export * as optim from "./optim/index.js";
export * as data from "./data/index.js";
export * as checkpoint from "./io/checkpoint.js";
export * as safetensors from "./io/safetensorsFiles.js";
export * as npy from "./io/npy.js";
export * as memory from "./memory.js";
export * as cuda from "./cuda.js";
