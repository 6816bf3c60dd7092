# Cases of the reductions.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values

nan, inf = float("nan"), float("inf")
transposed = [("transpose", 0, 1)]


def record():
    module = Module("reductions")
    plain, flipped = values([3, 4]), values([4, 3], seed=2, via=transposed)
    deep = values([2, 3, 4], seed=3)
    strided = values([3, 4, 2], seed=4, via=[("select", 2, 1)])
    long = values([700], -1, 1, seed=5)
    for name in ("sum", "mean", "prod"):
        function = getattr(torch, name)
        for spec in (plain, flipped, strided, values([], seed=6), values([5], seed=7)):
            module.case(name, function, [spec])
        for spec in (plain, flipped, deep):
            module.case(name, function, [spec], 0)
            module.case(name, function, [spec], -1)
            module.case(name, function, [spec], 1, keepdim=True)
        module.case(name, function, [exact([0, 3], [])], 0, gradient=False)
        module.case(name, function, [exact([2, 3], [1.0, nan, 2.0, inf, 1.0, 3.0])], 0, gradient=False)
        module.error(name, function, [plain], 2)
        module.error(name, function, [plain], -3)
    module.case("sum", torch.sum, [long])
    module.case("mean", torch.mean, [long])
    for name in ("sum", "mean"):
        function = getattr(torch, name)
        module.case(name, function, [deep], [0, 2])
        module.case(name, function, [deep], [-1, 0], keepdim=True)
        module.error(name, function, [deep], [1, 1])
    module.case("sum", torch.sum, [exact([0], [])])
    module.case("sum", torch.sum, [values([4], -5, 5, dtype="int32")])
    module.case("sum", torch.sum, [exact([4], [1, 0, 1, 1], "bool")])
    module.case("sum", lambda x, dim, dtype: torch.sum(x, dtype=dtype), [values([4], dtype="int64")], None, dtype=torch.float64, compare32=False)
    module.case("prod", torch.prod, [exact([2, 3], [0.0, 2.0, 3.0, 0.0, 0.0, 2.0])], 1)
    module.error("mean", torch.mean, [values([3], dtype="int64")])
    record_extremes(module, plain, flipped, deep)
    record_deviations(module, plain, flipped, deep)
    return [module]


def record_extremes(module, plain, flipped, deep):
    ties = exact([2, 4], [1.0, 3.0, 3.0, 2.0, 0.0, 0.0, -1.0, 0.0])
    broken = exact([2, 3], [1.0, nan, 2.0, 4.0, inf, nan])
    for name in ("amax", "amin"):
        function = getattr(torch, name)
        for spec in (plain, flipped, deep, ties):
            module.case(name, function, [spec], 1)
            module.case(name, function, [spec], -1, keepdim=True)
        module.case(name, function, [deep], [0, 2])
        module.case(name, function, [broken], 1, gradient=False)
        module.error(name, function, [exact([0], [])])
    for name in ("max", "min"):
        function = getattr(torch, name)
        for spec in (plain, flipped, ties):
            module.case(name, function, [spec])
        for spec in (plain, flipped, deep):
            module.case(name, function, [spec], 1)
            module.case(name, function, [spec], -1, keepdim=True)
        module.case(name, function, [broken], 1, gradient=False)
        module.case(name, function, [values([3, 4], -9, 9, dtype="int64")], 0)
        module.error(name, function, [exact([0], [])])
    for name in ("argmax", "argmin"):
        function = getattr(torch, name)
        for spec in (plain, flipped, deep, broken, ties, values([], seed=8)):
            module.case(name, function, [spec])
        for spec in (plain, flipped, deep, broken):
            module.case(name, function, [spec], 1)
            module.case(name, function, [spec], -2, keepdim=True)
        module.case(name, function, [values([3, 4], -9, 9, dtype="int32")], 0)
        module.error(name, function, [exact([0], [])])
        module.error(name, function, [plain], 2)
    for name in ("any", "all"):
        function = getattr(torch, name)
        bits = exact([2, 3], [1, 0, 1, 0, 0, 0], "bool")
        for arguments in ((), (0,), (1,)):
            module.case(name, function, [bits], *arguments)
        module.case(name, function, [exact([3], [0.0, 2.0, nan])])
        module.case(name, function, [exact([0], [], "bool")])


def record_deviations(module, plain, flipped, deep):
    for name in ("var", "std"):
        function = getattr(torch, name)
        for spec in (plain, flipped):
            module.case(name, function, [spec])
            module.case(name, function, [spec], 1)
            module.case(name, function, [spec], 0, unbiased=False)
            module.case(name, function, [spec], -1, keepdim=True)
        module.case(name, function, [deep], [0, 2])
    for p in (2, 1, 3, 0.5, float("inf")):
        module.case("norm", torch.norm, [plain], p)
        module.case("norm", torch.norm, [flipped], p, 1)
    module.case("norm", torch.norm, [plain])
    module.case("norm", torch.norm, [deep], 2, [0, 2], options_in_js={"keepdim": True}, keepdim=True)
    module.case("norm", torch.norm, [exact([3], [0.0, 0.0, 0.0])])
    for spec in (plain, flipped, exact([2, 2], [800.0, 799.0, -900.0, -901.0])):
        module.case("logsumexp", torch.logsumexp, [spec], 1)
        module.case("logsumexp", torch.logsumexp, [spec], 0, keepdim=True)
    for name, function in (("softmax", torch.softmax), ("logSoftmax", torch.log_softmax)):
        for spec in (plain, flipped, deep, exact([2, 3], [800.0, 799.0, 0.0, -900.0, -901.0, -905.0]), exact([2, 0], [])):
            module.case(name, function, [spec], 1)
            module.case(name, function, [spec], 0)
            module.case(name, function, [spec], -1)
        module.case(name, function, [values([], seed=9)], 0)
        module.error(name, function, [plain], 2)
        module.case(f"F.{name}", F.softmax if name == "softmax" else F.log_softmax, [plain], 1)
