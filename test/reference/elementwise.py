# Cases of the elementwise ops: every op with plain values, at its edges, and with the inputs laid out in unusual ways.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values

nan, inf = float("nan"), float("inf")
transposed = [("transpose", 0, 1)]
every_other = [("select", 2, 1)]


def record():
    unary, binary = Module("unary"), Module("binary")
    record_unary(unary)
    record_activations(unary)
    record_binary(binary)
    return [unary, binary]


def record_unary(module):
    anywhere, positive, inside = (-2.5, 2.5), (0.1, 3.0), (-0.95, 0.95)
    for name, domain in {
        "neg": anywhere, "abs": anywhere, "sign": anywhere, "square": anywhere, "reciprocal": positive, "sqrt": positive,
        "rsqrt": positive, "exp": anywhere, "expm1": anywhere, "log": positive, "log1p": positive, "log2": positive,
        "log10": positive, "sin": anywhere, "cos": anywhere, "tan": (-1.2, 1.2), "asin": inside, "acos": inside,
        "atan": anywhere, "sinh": anywhere, "cosh": anywhere, "tanh": anywhere, "sigmoid": anywhere, "erf": anywhere,
        "floor": anywhere, "ceil": anywhere, "round": anywhere, "trunc": anywhere, "relu": anywhere,
    }.items():
        function = getattr(torch, name)
        module.case(name, function, [values([2, 3], *domain)])
        module.case(name, function, [values([3, 4], *domain, seed=2, via=transposed)])
        module.case(name, function, [values([2, 3, 3], *domain, seed=3, via=every_other)])
        module.case(name, function, [values([1, 3], *domain, seed=4, via=[("expand", 2, 3)])])
        module.case(name, function, [values([], *domain, seed=5)])
        module.case(name, function, [exact([0, 3], [])])
        module.case(name, function, [exact([6], [nan, inf, -inf, 0.0, 0.5, -0.5])], gradient=False)
        module.case(name, function, [values([33], *domain, seed=6)])
    for name in ("isnan", "isinf", "isfinite"):
        module.case(name, getattr(torch, name), [exact([2, 3], [nan, 1.0, inf, -inf, 0.0, 2.0], via=transposed)])
        module.case(name, getattr(torch, name), [exact([], [nan])])
        module.case(name, getattr(torch, name), [values([3], dtype="int64")])
        module.case(name, getattr(torch, name), [exact([2, 3], [nan, inf, -inf, 0.0, 1.5, -2.5])])
    for name in ("neg", "abs", "sign", "square", "exp", "sqrt", "sigmoid", "relu", "floor"):
        module.case(name, getattr(torch, name), [values([5], -3, 4, dtype="int64")])
    for name in ("exp", "log", "tanh", "sigmoid"):
        module.case(name, getattr(torch, name), [exact([4], [1, 0, 1, 1], "bool")])
        module.case(name, getattr(torch, name), [exact([4], [1, 2, 3, 4], "uint8")])
    module.case("round", torch.round, [exact([6], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])])
    module.case("logicalNot", torch.logical_not, [exact([3], [0, 1, 1], "bool")])
    module.case("logicalNot", torch.logical_not, [values([3, 2], -1, 2, dtype="uint8", via=transposed)])
    module.case("logicalNot", torch.logical_not, [exact([4], [0.0, 0.5, -1.0, nan])])
    module.case("clamp", torch.clamp, [values([2, 4])], -0.5, 0.8)
    module.case("clamp", torch.clamp, [values([5])], None, 0.3)
    module.case("clamp", torch.clamp, [values([5])], 0.3)
    module.case("clamp", torch.clamp, [values([5], -3, 4, dtype="int64")], -1, 2)
    module.case("clamp", torch.clamp, [exact([4], [nan, inf, -inf, 1.0])], -1, 2)
    module.error("neg", torch.neg, [exact([2], [1, 0], "bool")])


def record_activations(module):
    wide = values([3, 4], -4, 4, seed=7)
    far = exact([5], [-30.0, -5.0, 0.25, 5.0, 30.0])
    flipped = values([4, 3], -4, 4, seed=8, via=transposed)
    for name, function, options in [
        ("F.leakyRelu", F.leaky_relu, {}), ("F.leakyRelu", F.leaky_relu, {"negative_slope": 0.2}),
        ("F.elu", F.elu, {}), ("F.elu", F.elu, {"alpha": 0.5}), ("F.selu", F.selu, {}), ("F.silu", F.silu, {}),
        ("F.gelu", F.gelu, {}), ("F.gelu", F.gelu, {"approximate": "tanh"}),
        ("F.softplus", F.softplus, {}), ("F.softplus", F.softplus, {"beta": 2, "threshold": 3.99}),
        ("F.logsigmoid", F.logsigmoid, {}), ("F.hardtanh", F.hardtanh, {}),
        ("F.hardtanh", F.hardtanh, {"min_val": -0.5, "max_val": 2}), ("F.hardswish", F.hardswish, {}),
        ("F.mish", F.mish, {}), ("F.relu", F.relu, {}),
    ]:
        for spec in (wide, far, flipped):
            module.case(name, function, [spec], **options)
        module.case(name, function, [exact([0], [])], **options)
        module.case(name, function, [exact([3], [nan, 60.0, -60.0])], gradient=False, **options)


def record_binary(module):
    nonzero = (0.3, 2.0)
    pairs = [
        ([2, 3], [2, 3]), ([2, 3], [3]), ([2, 1], [1, 3]), ([3], [2, 3]), ([2, 3], []), ([], [2, 3]), ([], []),
        ([0, 3], [3]), ([2, 0], [2, 1]), ([4, 1, 2], [3, 1]),
    ]
    for name, low in {
        "add": -2.0, "sub": -2.0, "mul": -2.0, "div": None, "pow": None, "fmod": None, "remainder": None, "atan2": None,
        "maximum": -2.0, "minimum": -2.0,
    }.items():
        function = getattr(torch, name)
        domain = nonzero if low is None else (low, 2.0)
        for k, (left, right) in enumerate(pairs):
            module.case(name, function, [values(left, *domain, seed=10 + k), values(right, *domain, seed=30 + k)])
        module.case(name, function, [values([4, 3], *domain, via=transposed), values([3, 4], *domain, seed=9)])
        module.case(name, function, [values([3, 4], *domain), values([3, 4, 2], *domain, seed=9, via=[("select", 2, 1)])])
        if name not in ("atan2", "maximum", "minimum"):  # PyTorch takes no plain number there
            module.case(name, function, [values([2, 3], *domain)], "$0", 1.5)
        module.case(name, function, [exact([5], [nan, inf, -inf, 1.0, 0.0]), exact([5], [1.0, 1.0, 2.0, nan, inf])], gradient=False)
        module.error(name, function, [values([2, 3], *domain), values([2, 4], *domain)])
        module.case(name, function, [values([6], -5, 6, dtype="int64"), exact([6], [1, 2, 3, 1, 2, 3], "int64")])
        module.case(name, function, [values([6], -5, 6, dtype="int32"), values([6], *domain, seed=8)])
    module.case("add", torch.add, [values([3]), values([3], seed=2)], alpha=2.5)
    module.case("add", torch.add, [values([3], dtype="int64"), values([3], seed=2, dtype="int64")], alpha=3)
    module.case("sub", torch.sub, [values([3]), values([3], seed=2)], alpha=0.5)
    module.error("sub", torch.sub, [exact([2], [1, 0], "bool"), exact([2], [1, 1], "bool")])
    for mode in ("floor", "trunc"):
        module.case("div", torch.div, [exact([4], [7.0, -7.0, 7.0, -7.0]), exact([4], [2.0, 2.0, -2.0, -2.0])], rounding_mode=mode)
        module.case("div", torch.div, [exact([4], [7, -7, 7, -7], "int64"), exact([4], [2, 2, -2, -2], "int64")], rounding_mode=mode)
    module.case("pow", torch.pow, [values([2, 3])], "$0", 2)
    module.case("pow", torch.pow, [values([2, 3])], "$0", 3)
    module.case("pow", torch.pow, [values([2, 3], 0.2, 2)], "$0", -0.5)
    module.case("pow", torch.pow, [values([2, 3])], "$0", 0)
    module.case("pow", torch.pow, [exact([3], [0.0, 0.0, 2.0]), exact([3], [0.0, 2.0, 0.0])], second=False)  # 0² log²(0) is NaN there
    module.case("pow", torch.pow, [values([3], 1, 5, dtype="int64")], "$0", 3)
    module.case("maximum", torch.maximum, [exact([3], [1.0, 2.0, 3.0]), exact([3], [1.0, 1.0, 4.0])])
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        function = getattr(torch, name)
        same = exact([2, 3], [1.0, 2.0, nan, inf, -0.0, 3.0])
        module.case(name, function, [same, exact([2, 3], [1.0, 1.0, nan, inf, 0.0, 4.0])])
        module.case(name, function, [same, exact([3], [1.0, 2.0, 3.0])])
        module.case(name, function, [values([3, 2], dtype="int64", via=transposed), values([2, 3], seed=2)])
        module.case(name, function, [values([4])], "$0", 0)
        module.case(name, function, [values([4], dtype="int64")], "$0", 0.5)
        module.case(name, function, [exact([0], []), exact([1], [1.0])])
        module.error(name, function, [values([2, 3]), values([4])])
    for name, function in (("logicalAnd", torch.logical_and), ("logicalOr", torch.logical_or)):
        module.case(name, function, [exact([4], [1, 1, 0, 0], "bool"), exact([4], [1, 0, 1, 0], "bool")])
        module.case(name, function, [exact([3], [0.0, 2.0, nan]), exact([3, 1], [1, 0, 1], "bool")])
        module.case(name, function, [values([2, 3], -1, 2, dtype="int64"), values([3], -1, 2, dtype="int32")])
        module.error(name, function, [values([2, 3]), values([2])])
    condition = exact([2, 3], [1, 0, 1, 0, 0, 1], "bool")
    module.case("where", torch.where, [condition, values([2, 3]), values([2, 3], seed=2)])
    module.case("where", torch.where, [condition, values([3]), values([2, 1], seed=2)])
    module.case("where", torch.where, [condition, values([3, 2], via=transposed), values([], seed=2)])
    module.case("where", torch.where, [condition, exact([2, 3], [nan] * 6), values([2, 3])])
    module.case("lerp", torch.lerp, [values([4]), values([4], seed=2), values([4], 0, 1, seed=3)])
    module.case("lerp", torch.lerp, [values([2, 3]), values([2, 3], seed=2)], "$0", "$1", 0.25)
