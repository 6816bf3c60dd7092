# Runs cases in PyTorch and collects what came out, in a form that the tests replay in Descent.
#
# A case names the call as Descent has it ("sum", "F.crossEntropy", "Tensor.view"), the inputs, the arguments, and what PyTorch gave:
# outputs, and the gradient of every floating input for output gradients of a fixed formula. "F" as dtype stands for float64 and
# float32 alike: the case ran in both here, they agreed, and the float64 figures are kept.

import json
import math

import torch

floating = {torch.float16, torch.bfloat16, torch.float32, torch.float64}


class Input:
    """A tensor to make: shape, values, dtype ('F', 'int64', ...) and the views taken of it before use."""

    def __init__(self, shape, values, dtype="F", via=(), tracked=True):
        self.shape, self.values, self.dtype, self.via = list(shape), list(values), dtype, [list(step) for step in via]
        self.tracked = tracked

    def make(self, dtype):
        kind = dtype if self.dtype == "F" else getattr(torch, self.dtype)
        leaf = torch.tensor(self.values, dtype=torch.float64).reshape(self.shape).to(kind)
        if kind in floating and self.tracked:
            leaf.requires_grad_()
        view = leaf
        for name, *arguments in self.via:
            view = getattr(view, name)(*arguments)
        return leaf, view

    def encoded(self):
        record = {"s": self.shape, "d": self.dtype, "v": [number(value) for value in self.values]}
        if self.via:
            record["via"] = self.via
        if not self.tracked:
            record["frozen"] = True
        return record


def values(shape, low=-2.0, high=2.0, seed=1, dtype="F", via=()):
    """Values that look random, are the same each time, and are exact in float32 (multiples of 1/32)."""
    state, numbers = seed * 7919 + 17, []
    for _ in range(math.prod(shape)):
        state = (state * 1103515245 + 12345) % 2147483648
        numbers.append(round(32 * (low + (high - low) * (state >> 8) / 8388608)) / 32)
    if dtype != "F":
        numbers = [math.floor(value) for value in numbers]
    return Input(shape, numbers, dtype, via)


def exact(shape, numbers, dtype="F", via=(), tracked=True):
    return Input(shape, numbers, dtype, via, tracked)


def number(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == int(value) and abs(value) < 1e15:
        return int(value)
    return float(f"{value:.11g}")


def encode(output, dtype):
    if output._is_zerotensor():
        output = torch.zeros(output.shape, dtype=output.dtype)
    kind = "F" if output.dtype == dtype else str(output.dtype).removeprefix("torch.")
    return {"s": list(output.shape), "d": kind, "v": [number(value) for value in output.detach().flatten().tolist()]}


def weights_like(output):
    """The gradient that backward() starts with: the same formula stands in the test."""
    count = output.numel()
    return torch.tensor([round(100 * math.cos(k + 1)) / 100 for k in range(count)], dtype=output.dtype).reshape(output.shape)


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def argument(value):
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, dict):
        return {camel(key): argument(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [argument(item) for item in value]
    return str(value).replace("inf", "Infinity") if value in (math.inf, -math.inf) else value  # JSON has no infinity


def resolve(value, inputs):
    """'$k' is the k-th input."""
    if isinstance(value, str) and value.startswith("$"):
        return inputs[int(value[1:])]
    if isinstance(value, dict):
        return {key: resolve(item, inputs) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolve(item, inputs) for item in value]
    return value


class Module:
    """The cases of one fixture file."""

    def __init__(self, name):
        self.name, self.cases = name, []

    def case(self, call, function, inputs, *arguments, gradient=True, second=True, options_in_js=None, compare32=True, **options):
        """`arguments` default to the inputs in order. Options become the trailing object, keys in camelCase."""
        if not any("$" in json.dumps(argument(item)) for item in arguments):
            arguments = tuple(f"${k}" for k in range(len(inputs))) + arguments
        record = {"call": call, "in": [spec.encoded() for spec in inputs], "args": [argument(item) for item in arguments]}
        shown = options if options_in_js is None else options_in_js
        if shown:
            record["args"].append(argument(shown))
        try:
            wide = self.run(function, inputs, arguments, options, torch.float64, gradient, second)
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            raise AssertionError(f"{call} {record['args']}: {error}") from error
        if compare32:
            narrow = self.run(function, inputs, arguments, options, torch.float32, gradient, second)
            assert agree(wide, narrow), f"{call} {record['args']}: float32 and float64 differ\n{wide}\n{narrow}"
        else:
            record["only"] = "float64"
        record.update(wide)
        self.cases.append(record)

    def error(self, call, function, inputs, *arguments, **options):
        """A call that PyTorch refuses."""
        if not any("$" in json.dumps(argument(item)) for item in arguments):
            arguments = tuple(f"${k}" for k in range(len(inputs))) + arguments
        made = [spec.make(torch.float32)[1] for spec in inputs]
        try:
            function(*resolve(arguments, made), **resolve(options, made))
        except (RuntimeError, IndexError, ValueError, TypeError):
            record = {"call": call, "in": [spec.encoded() for spec in inputs], "args": [argument(item) for item in arguments]}
            if options:
                record["args"].append(argument(options))
            self.cases.append({**record, "error": True})
            return
        raise AssertionError(f"{call}: PyTorch accepts this")

    def run(self, function, inputs, arguments, options, dtype, gradient, wants_second):
        made = [spec.make(dtype) for spec in inputs]
        views = [view for _, view in made]
        result = function(*resolve(arguments, views), **resolve(options, views))
        outputs = [result] if isinstance(result, torch.Tensor) else list(result)
        record = {"out": [encode(output, dtype) for output in outputs]}
        tracked = [output for output in outputs if output.requires_grad]
        if gradient and tracked:
            torch.autograd.backward(tracked, [weights_like(output) for output in tracked])
            record["grad"] = [None if leaf.grad is None else encode(leaf.grad, dtype)["v"] for leaf, _ in made]
            second = self.second(function, inputs, arguments, options, dtype) if wants_second else None
            if second is not None:
                record["grad2"] = second
        return record

    def second(self, function, inputs, arguments, options, dtype):
        """The gradient of the gradients, each weighted by the formula again; None where there is none, or PyTorch has none."""
        made = [spec.make(dtype) for spec in inputs]
        views = [view for _, view in made]
        result = function(*resolve(arguments, views), **resolve(options, views))
        tracked = [output for output in ([result] if isinstance(result, torch.Tensor) else result) if output.requires_grad]
        leaves = [leaf for leaf, _ in made if leaf.requires_grad]
        first = torch.autograd.grad(tracked, leaves, [weights_like(output) for output in tracked], create_graph=True, allow_unused=True)
        first = [gradient for gradient in first if gradient is not None and gradient.requires_grad]
        if not first:
            return None
        try:
            found = torch.autograd.grad(first, leaves, [weights_like(gradient) for gradient in first], allow_unused=True)
        except RuntimeError as error:
            if "not implemented" in str(error) or "not differentiable" in str(error):
                return None
            raise
        found = iter(found)
        gradients = [next(found) if leaf.requires_grad else None for leaf, _ in made]
        return [None if gradient is None else encode(gradient, dtype)["v"] for gradient in gradients]

    def write(self, folder):
        folder.mkdir(exist_ok=True)
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in self.cases)
        (folder / f"{self.name}.json").write_text(f"[\n{lines}\n]\n")
        print(f"{self.name}: {len(self.cases)} cases")


def agree(wide, narrow, tolerance=3e-4):
    def close(a, b):
        if a is None or b is None:
            return a is b
        if isinstance(a, str) or isinstance(b, str):
            return a == b
        return abs(a - b) <= tolerance * max(abs(a), 1e-2)

    pairs = [(a["v"], b["v"]) for a, b in zip(wide["out"], narrow["out"])]
    pairs += [(a or [], b or []) for key in ("grad", "grad2") for a, b in zip(wide.get(key, []), narrow.get(key, []))]
    return all(len(a) == len(b) and all(close(x, y) for x, y in zip(a, b)) for a, b in pairs)
