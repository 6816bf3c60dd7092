# Cases of the activations that came after those of elementwise.py, their in-place forms, and pointwise ops of three operands.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values

nan, inf = float("nan"), float("inf")
transposed = [("transpose", 0, 1)]
T = torch.Tensor


def record():
    module = Module("activations")
    record_each(module)
    record_parametric(module)
    record_in_place(module)
    record_bounds(module)
    return [module]


def specs():
    return [values([3, 4], -4, 4, seed=7), exact([5], [-30.0, -5.0, 0.25, 5.0, 30.0]), values([4, 3], -8, 8, seed=8, via=transposed), values([2, 3, 2], seed=9, via=[("select", 2, 1)]), values([], seed=3)]


def record_each(module):
    for name, function, options in [
        ("relu6", F.relu6, {}), ("hardsigmoid", F.hardsigmoid, {}), ("softsign", F.softsign, {}), ("tanhshrink", F.tanhshrink, {}),
        ("celu", F.celu, {}), ("celu", F.celu, {"alpha": 0.5}), ("celu", F.celu, {"alpha": -2.0}),
        ("softshrink", F.softshrink, {}), ("softshrink", F.softshrink, {"lambd": 1.0}),
        ("hardshrink", F.hardshrink, {}), ("hardshrink", F.hardshrink, {"lambd": 1.0}),
    ]:
        for spec in specs():
            module.case(f"F.{name}", function, [spec], **options)
        module.case(name, function, [exact([0], [])], **options)
        module.case(name, function, [exact([5], [nan, inf, -inf, 60.0, -60.0])], gradient=False, **options)
    for spec in specs():
        module.case("F.threshold", F.threshold, [spec], 0.5, -3.0)
        module.case("F.threshold", F.threshold, [spec], -1, 2)
        module.case("frac", torch.frac, [spec])
    module.case("F.threshold", F.threshold, [exact([3], [nan, inf, -inf])], 0.0, 1.0, gradient=False)
    module.case("F.relu6", F.relu6, [values([5], -9, 9, dtype="int64")])
    for dim in (0, 1, -1):
        module.case("F.softmin", F.softmin, [values([3, 4])], dim)
    for dim in (0, -1, 2):
        module.case("F.glu", F.glu, [values([2, 3, 4])], dim)
    module.case("F.glu", F.glu, [values([4, 3], via=transposed)])
    module.case("F.glu", F.glu, [values([4])])
    module.error("F.glu", F.glu, [values([3])])
    module.error("F.glu", F.glu, [values([])])
    module.error("F.glu", F.glu, [values([2, 4])], 2)
    module.error("F.softshrink", F.softshrink, [values([3])], lambd=-1.0)
    module.error("F.celu", F.celu, [values([3])], alpha=0.0)


def record_parametric(module):
    one, row = values([1], 0, 1, seed=2), values([3], -1, 1, seed=4)
    for weight, inputs in ((one, specs()[:4]), (row, [values([2, 3]), values([2, 3, 4]), values([3, 2], via=transposed), values([2, 3, 2, 2]), values([0, 3])]), (values([], 0, 1), [values([2, 3]), values([])])):
        for x in inputs:
            module.case("F.prelu", F.prelu, [x, weight])
            module.case("prelu", torch.prelu, [x, weight])
    module.error("prelu", torch.prelu, [values([2, 3]), values([2])])
    module.error("prelu", torch.prelu, [values([3]), values([3])])
    module.error("prelu", torch.prelu, [values([2, 3]), values([1, 3])])
    module.error("prelu", torch.prelu, [values([2, 3], dtype="int64"), values([1], dtype="int64")])


def record_in_place(module):
    """On a copy, because a leaf that wants a gradient is not changed in place."""
    for name, function in [
        ("relu_", T.relu_), ("sigmoid_", T.sigmoid_), ("tanh_", T.tanh_), ("exp_", T.exp_), ("sqrt_", T.sqrt_), ("square_", T.square_),
        ("neg_", T.neg_), ("abs_", T.abs_), ("sin_", T.sin_), ("log1p_", T.log1p_), ("celu_", torch.celu_), ("selu_", torch.selu_),
        ("reciprocal_", T.reciprocal_), ("floor_", T.floor_), ("erf_", T.erf_),
    ]:
        module.case(f"Tensor.{name}", function, [values([3, 4], 0.2, 2, via=[("clone",)])])
        module.case(f"Tensor.{name}", function, [values([4, 3], 0.2, 2, seed=2, via=[("clone",), *transposed])])
    for name, function in (("add_", T.add_), ("sub_", T.sub_), ("mul_", T.mul_), ("div_", T.div_), ("pow_", T.pow_)):
        module.case(f"Tensor.{name}", function, [values([3, 4], 0.2, 2, via=[("clone",)]), values([4], 0.5, 2, seed=2)])
        module.error(f"Tensor.{name}", function, [values([4], 0.2, 2, via=[("clone",)]), values([3, 4], 0.5, 2, seed=2)])
    x, y, w = values([3, 4], via=[("clone",)]), values([4], seed=2), values([3, 1], 0.5, 1, seed=3)
    module.case("Tensor.addcmul_", T.addcmul_, [x, y, w], value=2)
    module.case("Tensor.addcdiv_", T.addcdiv_, [x, y, w], value=2)
    module.case("Tensor.clamp_", T.clamp_, [x], -0.5, 0.5)
    module.case("Tensor.maskedFill_", T.masked_fill_, [x, exact([4], [1, 0, 1, 0], "bool")], "$0", "$1", 2.0)
    module.case("Tensor.scatter_", T.scatter_, [x, exact([3, 1], [0, 3, 1], "int64"), values([3, 1], seed=5)], "$0", 1, "$1", "$2")
    module.case("Tensor.scatterAdd_", T.scatter_add_, [x, exact([3, 1], [0, 3, 1], "int64"), values([3, 1], seed=5)], "$0", 1, "$1", "$2")
    module.case("Tensor.indexAdd_", T.index_add_, [x, exact([2], [0, 0], "int64"), values([2, 4], seed=5)], "$0", 0, "$1", "$2")
    module.case("Tensor.indexCopy_", T.index_copy_, [x, exact([2], [2, 0], "int64"), values([2, 4], seed=5)], "$0", 0, "$1", "$2")
    module.case("Tensor.indexFill_", T.index_fill_, [x, exact([2], [2, 0], "int64")], "$0", 0, "$1", 3.0)
    module.case("Tensor.lerp_", T.lerp_, [x, values([3, 4], seed=6)], "$0", "$1", 0.3)


def record_bounds(module):
    x, turned = values([3, 4]), values([4, 3], seed=2, via=transposed)
    for spec in (x, turned):
        low, high = values([4], -1, 0, seed=3), values([3, 1], 0, 1, seed=4)
        module.case("clamp", torch.clamp, [spec, low, high])
        module.case("clamp", torch.clamp, [spec, high, low])
        module.case("clamp", torch.clamp, [spec, low])
        module.case("clamp", torch.clamp, [spec, high], "$0", None, "$1")
        module.case("clampMin", torch.clamp_min, [spec], -0.3)
        module.case("clampMax", torch.clamp_max, [spec], 0.3)
        module.case("clampMin", torch.clamp_min, [spec, low])
        module.case("clampMax", torch.clamp_max, [spec, high])
        module.case("addcmul", torch.addcmul, [spec, low, high])
        module.case("addcmul", torch.addcmul, [spec, low, high], value=-0.5)
        module.case("addcdiv", torch.addcdiv, [spec, low, values([4], 0.5, 2, seed=5)], value=3)
        for weight in (0.0, 0.25, 0.75, 1.5):
            module.case("lerp", torch.lerp, [spec, values([3, 4], seed=6)], "$0", "$1", weight)
    module.case("clamp", torch.clamp, [values([5], -9, 9, dtype="int64"), exact([5], [0, 1, 2, 3, 4], "int64")])
    module.case("clamp", torch.clamp, [values([5], -9, 9, dtype="int64")], 0.5, 3)
    module.case("clamp", torch.clamp, [exact([4], [nan, inf, -inf, 1.0]), exact([4], [0.0, nan, 0.0, 2.0])], gradient=False)
    module.error("clamp", torch.clamp, [x])
    module.error("clamp", torch.clamp, [x, values([3])])
    module.error("div", torch.div, [x, x], rounding_mode="ceil")
    for mode in ("floor", "trunc"):
        module.case("div", torch.div, [values([3, 4], -9, 9), values([4], 0.3, 2, seed=2)], rounding_mode=mode)
        module.case("div", torch.div, [values([6], -9, 9, dtype="int32"), exact([6], [1, 2, -3, 4, -5, 6], "int64")], rounding_mode=mode)
        module.case("div", torch.div, [values([6], -9, 9)], "$0", -0.7, rounding_mode=mode)
