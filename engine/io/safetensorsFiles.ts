// safetensors: the four functions of the package; others of the engine use what lies behind them.

export { list, load, metadata, save, type TensorEntry } from "./safetensors.js";
