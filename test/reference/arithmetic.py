# Every op on every dtype, and every pair of dtypes for the ops of two tensors: what PyTorch gives, value by value, and what it refuses.

import json

import torch

dtypes = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]

# Two lists a dtype, as the left and the right side: signs, zeros, ends, and for floating ones what is no number. The smallest
# integer never meets -1: PyTorch ends the process there.
left_values = {
    "bool": [0, 1, 0, 1, 1, 0, 1, 1, 0],
    "uint8": [0, 1, 7, 200, 255, 9, 128, 16, 3],
    "int8": [0, -1, 7, -7, -128, 127, 9, -9, 3],
    "int16": [0, -1, 7, -7, -32768, 32767, 300, -9, 3],
    "int32": [0, -1, 7, -7, -2147483648, 2147483647, 70000, -9, 3],
    "int64": [0, -1, 7, -7, -9223372036854775808, 9223372036854775807, 5000000000, -9, 3],
    "float16": [0.0, -1.5, 7.25, -7.3, float("inf"), float("nan"), 600.0, -0.0, 3e-5],
    "bfloat16": [0.0, -1.5, 7.25, -7.3, float("inf"), float("nan"), 600.0, -0.0, 3e-5],
    "float32": [0.0, -1.5, 7.25, -7.3, float("inf"), float("nan"), 600.0, -0.0, 3e-5],
    "float64": [0.0, -1.5, 7.25, -7.3, float("inf"), float("nan"), 600.0, -0.0, 3e-5],
}
right_values = {
    "bool": [1, 1, 1, 1, 1, 1, 1, 1, 1],
    "uint8": [3, 2, 4, 3, 2, 255, 1, 5, 3],
    "int8": [3, -1, -4, 3, 2, 2, -2, 5, 3],
    "int16": [3, -1, -4, 3, 2, 2, -2, 5, 3],
    "int32": [3, -1, -4, 3, 2, 2, -2, 5, 3],
    "int64": [3, -1, -4, 3, 2, 2, -2, 5, 3],
    "float16": [3.0, 2.5, -4.0, 0.3, -1.0, 2.0, float("-inf"), 5.0, 0.0],
    "bfloat16": [3.0, 2.5, -4.0, 0.3, -1.0, 2.0, float("-inf"), 5.0, 0.0],
    "float32": [3.0, 2.5, -4.0, 0.3, -1.0, 2.0, float("-inf"), 5.0, 0.0],
    "float64": [3.0, 2.5, -4.0, 0.3, -1.0, 2.0, float("-inf"), 5.0, 0.0],
}
numbers = [3, -2, 0, 0.7, True, 300]

binary = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow, "floorDivide": torch.floor_divide,
    "fmod": torch.fmod, "remainder": torch.remainder, "maximum": torch.maximum, "minimum": torch.minimum, "atan2": torch.atan2,
    "eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge, "logicalAnd": torch.logical_and,
    "logicalOr": torch.logical_or, "logicalXor": torch.logical_xor,
}
# PyTorch takes a plain number on the right, and for those named here on the left too.
with_number = ["add", "sub", "mul", "div", "pow", "floorDivide", "fmod", "remainder", "eq", "ne", "lt", "le", "gt", "ge"]
number_first = {
    "sub": lambda number, x: torch.rsub(x, number), "pow": torch.pow, "div": lambda number, x: number / x,
    "remainder": torch.remainder,
}
F = torch.nn.functional
unary = {
    name: getattr(torch, original)
    for name, original in {
        "neg": "neg", "abs": "abs", "sign": "sign", "square": "square", "reciprocal": "reciprocal", "sqrt": "sqrt", "rsqrt": "rsqrt",
        "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "log2": "log2", "log10": "log10", "sin": "sin", "cos": "cos",
        "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
        "sigmoid": "sigmoid", "erf": "erf", "floor": "floor", "ceil": "ceil", "round": "round", "trunc": "trunc", "isnan": "isnan",
        "isinf": "isinf", "isfinite": "isfinite", "logicalNot": "logical_not", "relu": "relu",
    }.items()
}
unary.update({
    "F.leakyRelu": F.leaky_relu, "F.elu": F.elu, "F.selu": F.selu, "F.silu": F.silu, "F.gelu": F.gelu, "F.softplus": F.softplus,
    "F.logsigmoid": F.logsigmoid, "F.hardtanh": F.hardtanh, "F.hardswish": F.hardswish, "F.mish": F.mish,
})
whole = {
    name: getattr(torch, original)
    for name, original in {
        "sum": "sum", "prod": "prod", "mean": "mean", "amax": "amax", "amin": "amin", "max": "max", "min": "min", "argmax": "argmax",
        "argmin": "argmin", "any": "any", "all": "all", "var": "var", "std": "std", "norm": "norm",
    }.items()
}
along = {
    "sum": torch.sum, "prod": torch.prod, "mean": torch.mean, "amax": torch.amax, "max": torch.max, "min": torch.min,
    "argmax": torch.argmax, "argmin": torch.argmin, "any": torch.any, "all": torch.all, "var": torch.var,
    "logsumexp": torch.logsumexp, "softmax": torch.softmax, "logSoftmax": torch.log_softmax,
}
products = {"matmul": torch.matmul, "mm": torch.mm}
ranges = {
    "clamp": [(2, None), (None, 5), (1.5, 4), (None, 0.5)],
}


def make(dtype, values):
    return torch.tensor(values, dtype=torch.int64 if isinstance(values[0], int) else torch.float64).to(getattr(torch, dtype))


def plain(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        if value != value:
            return "NaN"
        if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0 else "-Infinity"
        if value == int(value) and abs(value) < 2**53:
            return "-0" if value == 0 and str(value) == "-0.0" else int(value)
        return float(f"{value:.9g}")
    return value if abs(value) < 2**53 else str(value)


def outcome(function, *arguments):
    """[dtype, values...] or null where PyTorch refuses."""
    try:
        result = function(*arguments)
    except (RuntimeError, TypeError, ZeroDivisionError, IndexError):
        return None
    parts = [result] if isinstance(result, torch.Tensor) else list(result)
    return [[str(part.dtype).removeprefix("torch."), *map(plain, part.flatten().tolist())] for part in parts]


def record(folder):
    lefts = {kind: make(kind, left_values[kind]) for kind in dtypes}
    rights = {kind: make(kind, right_values[kind]) for kind in dtypes}
    cases = []

    def add(call, arguments, result):
        cases.append({"call": call, "args": arguments, "out": result})

    for call, function in binary.items():
        for a in dtypes:
            for b in dtypes:
                add(call, [f"{a}:L", f"{b}:R"], outcome(function, lefts[a], rights[b]))
            single = make(a, right_values[a][:1])[0]
            for b in ["uint8", "int32", "int64", "float16", "float32"]:
                add(call, [f"{b}:L", f"{a}:S"], outcome(function, lefts[b], single))
            for number in numbers:
                if call == "pow" and a == "bool" and number is True:
                    continue  # PyTorch copies a bool base where the exponent is 1, and refuses it elsewhere
                if call in with_number:
                    add(call, [f"{a}:L", number], outcome(function, lefts[a], number))
                if call in number_first:
                    add(call, [number, f"{a}:R"], outcome(lambda x, call=call, n=number: number_first[call](n, x), rights[a]))
    for mode in ["floor", "trunc"]:
        for a in dtypes:
            for b in ["uint8", "int8", "int64", "float16", "float32"]:
                result = outcome(lambda x, y, mode=mode: torch.div(x, y, rounding_mode=mode), lefts[a], rights[b])
                add("div", [f"{a}:L", f"{b}:R", {"roundingMode": mode}], result)
            for number in [3, -2, 0.7]:
                result = outcome(lambda x, number=number, mode=mode: torch.div(x, number, rounding_mode=mode), lefts[a])
                add("div", [f"{a}:L", number, {"roundingMode": mode}], result)
    for call in ["add", "sub"]:
        for a in dtypes:
            for alpha in [2, -1, 0.5]:
                result = outcome(lambda x, y, call=call, alpha=alpha: binary[call](x, y, alpha=alpha), lefts[a], rights[a])
                add(call, [f"{a}:L", f"{a}:R", {"alpha": alpha}], result)
    for call, function in unary.items():
        for a in dtypes:
            if call != "F.gelu":  # PyTorch has NaN at infinity where it uses vectors
                add(call, [f"{a}:L"], outcome(function, lefts[a]))
            add(call, [f"{a}:R"], outcome(function, rights[a]))
    for a in dtypes:
        for low, high in ranges["clamp"]:
            add("clamp", [f"{a}:L", low, high], outcome(torch.clamp, lefts[a], low, high))
        for b in dtypes:
            add("where", ["bool:L", f"{a}:L", f"{b}:R"], outcome(torch.where, lefts["bool"], lefts[a], rights[b]))
            add("cat", [[f"{a}:L", f"{b}:R"]], outcome(lambda x, y: torch.cat([x, y]), lefts[a], rights[b]))
            add("Tensor.to", [f"{a}:R", b], outcome(lambda x, b=b: x.to(getattr(torch, b)), rights[a]))
            for call in ["add", "mul", "sub", "div", "pow", "remainder", "floorDivide"]:
                name = {"floorDivide": "floor_divide"}.get(call, call)
                result = outcome(lambda x, y, name=name: getattr(x.clone(), name + "_")(y), lefts[a], rights[b])
                add(f"Tensor.{call}_", [f"{a}:L", f"{b}:R"], result)
            for call, function in products.items():
                add(call, [f"{a}:LM", f"{b}:LM"], outcome(function, lefts[a].view(3, 3), lefts[b].view(3, 3)))
        add("where", ["bool:L", f"{a}:L", 2], outcome(torch.where, lefts["bool"], lefts[a], 2))
        add("where", ["bool:L", f"{a}:L", 0.5], outcome(torch.where, lefts["bool"], lefts[a], 0.5))
    for side, tensors in [("L", lefts), ("R", rights)]:
        for a in dtypes:
            for call, function in whole.items():
                add(call, [f"{a}:{side}"], outcome(function, tensors[a]))
                add(call, [f"{a}:{side}0"], outcome(function, tensors[a][:0]))
            for call, function in along.items():
                square = tensors[a].view(3, 3)
                add(call, [f"{a}:{side}M", 1], outcome(function, square, 1))
                add(call, [f"{a}:{side}M", 0], outcome(function, square, 0))
            for b in dtypes if side == "R" else []:
                for call in ["sum", "prod", "mean"]:
                    kind = getattr(torch, b)
                    result = outcome(lambda x, call=call, kind=kind: getattr(torch, call)(x, dtype=kind), tensors[a])
                    add(call, [f"{a}:{side}", None, {"dtype": b}], result)
    values = {"L": {kind: list(map(plain, left_values[kind])) for kind in dtypes}, "R": {kind: list(map(plain, right_values[kind])) for kind in dtypes}}
    lines = ",\n".join(json.dumps([case["call"], case["args"], case["out"]], separators=(",", ":")) for case in cases)
    (folder / "arithmetic.json").write_text(f'{{"values":{json.dumps(values, separators=(",", ":"))},\n"cases":[\n{lines}\n]}}\n')
    print(f"arithmetic: {len(cases)} cases")
