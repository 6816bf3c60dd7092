# Cases of running sums and products, of sorting, and of what is found by it.

import torch

from recorder import Module, exact, values

nan, inf = float("nan"), float("inf")
transposed = [("transpose", 0, 1)]
swapped = [("transpose", 0, 2)]


def distinct(shape, seed, via=()):
    """No two equal: ties have cases of their own."""
    count = torch.Size(shape).numel()
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return exact(shape, ((order - count // 2) / 8.0).tolist(), via=via)


def record():
    module = Module("sorting")
    record_scans(module)
    record_products(module)
    record_sorts(module)
    record_topk(module)
    record_medians(module)
    record_extremes(module)
    record_sets(module)
    return [module]


def record_scans(module):
    plain, flipped, deep = values([3, 4]), values([4, 3], seed=2, via=transposed), values([2, 3, 4], seed=3)
    for name in ("cumsum", "cumprod"):
        function, method = getattr(torch, name), getattr(torch.Tensor, name + "_")
        for spec in (plain, flipped, deep, values([4, 3, 2], seed=4, via=swapped)):
            for dim in (0, 1, -1):
                module.case(name, function, [spec], dim)
        module.case(name, function, [values([], seed=5)], 0)
        module.case(name, function, [values([], seed=5)], -1)
        module.case(name, function, [values([1], seed=6)], 0)
        module.case(name, function, [values([3, 2], seed=7, via=[("expand", [2, 3, 2])])], 0)
        module.case(name, function, [exact([0], [])], 0)
        module.case(name, function, [exact([2, 0], [])], 1)
        module.case(name, function, [exact([0, 3], [])], 1)
        module.case(name, function, [exact([6], [1.0, inf, 2.0, nan, -inf, 1.0])], 0, gradient=False)
        for dtype in ("int8", "uint8", "int16", "int32", "int64"):
            module.case(name, function, [values([2, 5], 0, 9, seed=8, dtype=dtype)], 1)
        module.case(name, function, [exact([2, 3], [1, 0, 1, 1, 1, 0], "bool")], 1)
        module.case(name, function, [exact([3], [100, 27, 1], "int8")], 0, dtype=torch.int8)
        module.case(name, function, [values([4], dtype="int64")], 0, dtype=torch.float64, compare32=False)
        module.case(name, function, [exact([3], [1.9, 2.5, -1.5], tracked=False)], 0, dtype=torch.int32)
        module.case(f"Tensor.{name}_", lambda x, dim, f=method: f(x.clone(), dim), [exact([3], [5, 2, 3], "int32")], 0)
        module.error(name, function, [plain], 2)
        module.error(name, function, [plain], -3)
        module.error(name, function, [values([])], 1)
    module.case("cumsum", torch.cumsum, [values([700], -1, 1, seed=9)], 0)
    for shape in ([3, 70], [2, 3, 9]):
        module.case("cumsum", torch.cumsum, [values(shape, seed=11)], -2)
        module.case("cumprod", torch.cumprod, [values(shape, seed=11)], -2)
    module.case("cumsum", torch.cumsum, [exact([4], [1e8, 1.0, -1e8, 1.0])], 0)
    for spec in (plain, flipped, exact([2, 3], [0.0, -0.0, nan, inf, 1.0, 0.0]), exact([0], [])):
        module.case("countNonzero", torch.count_nonzero, [spec])
    for dim in (0, -1, [0, 1], [-1]):
        module.case("countNonzero", torch.count_nonzero, [exact([2, 3], [1, 0, 0, 2, 0, 3], "int64")], dim)
    module.case("countNonzero", torch.count_nonzero, [exact([2, 2], [1, 0, 1, 1], "bool")], 1)
    module.case("countNonzero", torch.count_nonzero, [values([], seed=10)])
    module.error("countNonzero", torch.count_nonzero, [plain], 2)


def record_products(module):
    """Products with no zero, one, several, along each dim: their gradients must not divide by them."""
    one = exact([3, 3], [1.5, 0.0, 2.0, -1.0, 3.0, 0.5, 2.0, 1.0, -2.0])
    many = exact([2, 4], [0.0, 2.0, 0.0, 3.0, 1.0, 0.0, -1.0, 2.0])
    for spec in (one, many, exact([5], [0.0, 0.0, 1.0, 2.0, 0.0]), exact([3], [0.0, 0.0, 0.0])):
        for dim in (0, -1):
            module.case("cumprod", torch.cumprod, [spec], dim)
            module.case("prod", torch.prod, [spec], dim)
        module.case("prod", torch.prod, [spec])
    module.case("prod", torch.prod, [one], 1, keepdim=True)
    module.case("prod", torch.prod, [exact([1], [0.0])])
    module.case("prod", torch.prod, [exact([], [0.0])])
    module.case("prod", torch.prod, [exact([3, 2, 2], [0.0, 2.0, 3.0, 0.0, 1.0, 2.0, 0.0, 0.5, -1.0, 1.5, 2.0, 2.5], via=swapped)], 1)


def record_sorts(module):
    broken = exact([7], [2.0, nan, 1.0, -inf, 0.5, nan, inf])
    ties = exact([2, 6], [1.0, 3.0, 1.0, 3.0, 0.0, 1.0, -0.0, 0.0, 2.0, -0.0, 2.0, -1.0])
    for name in ("sort", "argsort"):
        function = getattr(torch, name)
        stable = lambda x, dim, f=function, **options: f(x, dim=dim, **options)
        for spec in (distinct([3, 4], 1), distinct([4, 3], 2, transposed), distinct([2, 3, 4], 3), distinct([4, 3, 2], 4, swapped)):
            module.case(name, function, [spec])
            for dim in (0, 1, -1):
                module.case(name, function, [spec], dim)
                module.case(name, function, [spec], dim, descending=True)
        for spec in (ties, broken):
            module.case(name, stable, [spec], -1, stable=True)
            module.case(name, stable, [spec], -1, stable=True, descending=True)
        module.case(name, function, [distinct([150], 5)], 0)
        module.case(name, function, [distinct([150], 6)], 0, descending=True)
        module.case(name, stable, [exact([2, 60], [float(k % 7) for k in range(120)])], 1, stable=True)
        module.case(name, function, [exact([], [2.5])])
        module.case(name, function, [exact([], [2.5])], 0)
        module.case(name, function, [exact([1], [2.5])])
        module.case(name, function, [exact([2, 0], [])])
        module.case(name, function, [exact([0, 2], [])])
        for dtype in ("int8", "int16", "int32", "int64"):
            module.case(name, function, [exact([5], [3, -128, 127, 0, -1], dtype)])
            module.case(name, function, [exact([5], [3, -128, 127, 0, -1], dtype)], 0, descending=True)
        module.case(name, function, [exact([4], [3, 255, 127, 128], "uint8")])
        module.case(name, function, [exact([3], [2**53, -(2**53), 5], "int64")])
        module.case(name, stable, [exact([4], [1, 0, 1, 0], "bool")], -1, stable=True)
        module.error(name, function, [distinct([3, 4], 1)], 2)
        module.error(name, function, [exact([], [2.5])], 1)


def record_topk(module):
    for spec in (distinct([3, 5], 7), distinct([5, 4], 8, transposed), distinct([2, 4, 5], 9)):
        for k in (0, 1, 2, 4):
            module.case("topk", torch.topk, [spec], k)
            module.case("topk", torch.topk, [spec], k, -1, largest=False)
        for dim in (1, -1):
            module.case("topk", torch.topk, [spec], 3, dim)
            module.case("topk", torch.topk, [spec], 3, dim, largest=False)
    module.case("topk", torch.topk, [distinct([3, 5], 7)], 2, 0)
    module.case("topk", torch.topk, [distinct([200], 10)], 5)
    module.case("topk", torch.topk, [distinct([200], 10)], 150, 0, largest=False)
    module.case("topk", torch.topk, [exact([5], [2.0, nan, 1.0, 5.0, -inf])], 2)
    module.case("topk", torch.topk, [exact([5], [2.0, nan, 1.0, 5.0, -inf])], 4, 0, largest=False)
    module.case("topk", torch.topk, [exact([], [1.5])], 1)
    module.case("topk", torch.topk, [exact([2, 3], [3, 1, 2, -5, 7, 0], "int64")], 2)
    module.case("topk", torch.topk, [exact([4], [3, 255, 127, 128], "uint8")], 3)
    plain = distinct([3, 5], 7)
    module.error("topk", torch.topk, [plain], 6)
    module.error("topk", torch.topk, [plain], -1)
    module.error("topk", torch.topk, [plain], 2, 2)
    module.error("topk", torch.topk, [exact([], [1.5])], 2)
    module.error("topk", torch.topk, [exact([3], [1, 0, 1], "bool")], 1)


def record_medians(module):
    broken = exact([2, 4], [2.0, nan, 1.0, nan, 4.0, 3.0, 1.0, 2.0])
    ties = exact([6], [1.0, 2.0, 2.0, 3.0, 2.0, 1.0])
    for spec in (distinct([3, 5], 11), distinct([5, 4], 12, transposed), distinct([2, 3, 4], 13), distinct([150], 14)):
        module.case("median", torch.median, [spec])
        for dim in (0, -1):
            module.case("median", torch.median, [spec], dim)
            module.case("median", torch.median, [spec], dim, keepdim=True)
    module.error("median", torch.median, [ties], keepdim=True)
    module.case("median", torch.median, [broken])
    module.case("median", torch.median, [broken], 1)
    module.case("median", torch.median, [ties])
    module.case("median", torch.median, [exact([], [2.5])])
    module.case("median", torch.median, [exact([], [2.5])], 0)
    module.case("median", torch.median, [exact([0], [])], gradient=False)
    module.case("median", torch.median, [exact([2, 0], [])], 0)
    for dtype in ("uint8", "int32", "int64"):
        module.case("median", torch.median, [exact([2, 4], [7, 1, 5, 3, 9, 8, 2, 4], dtype)])
        module.case("median", torch.median, [exact([2, 4], [7, 1, 5, 3, 9, 8, 2, 4], dtype)], 1)
    module.error("median", torch.median, [exact([2, 0], [])], 1)
    module.error("median", torch.median, [exact([3], [1, 0, 1], "bool")])
    module.error("median", torch.median, [ties], 1)


def record_extremes(module):
    """The first of equals, also in long rows, and NaN before all."""
    for name in ("max", "min"):
        for spec in (exact([2, 2], [nan, 1.0, nan, 2.0]), exact([4], [2.0, 1.0, 2.0, 1.0]), exact([], [nan])):
            module.case(name, getattr(torch, name), [spec])
    for name in ("max", "min", "argmax", "argmin"):
        function = getattr(torch, name)
        module.case(name, function, [exact([5000], [float(k % 3) for k in range(5000)])], 0, gradient=False)
        module.case(name, function, [exact([2, 4], [1.0, nan, inf, nan, -inf, -inf, 2.0, 2.0])], 1)
        module.case(name, function, [exact([2, 2], [nan, 1.0, nan, 2.0])], 0, keepdim=True)
        module.case(name, function, [exact([4], [0.0, -0.0, 0.0, -0.0])], 0)
        module.case(name, function, [exact([3], [1, 1, 1], "uint8")], 0)
        module.case(name, function, [exact([], [2.0])], 0)
        module.error(name, function, [exact([0, 3], [])], 0)
        module.case(name, function, [exact([0, 3], [])], 1)
    module.error("max", torch.max, [values([3])], keepdim=True)
    module.error("min", torch.min, [values([3])], keepdim=True)


def record_sets(module):
    plain = exact([2, 4], [3.0, 1.0, 2.0, 1.0, 3.0, -1.0, inf, 0.0])
    for spec in (plain, exact([4, 2], [3.0, 1.0, 2.0, 1.0, 3.0, -1.0, inf, 0.0], via=transposed), exact([6], [2.0, nan, 1.0, nan, 0.0, 2.0]),
                 exact([], [2.0]), exact([0], []), exact([0, 3], []), exact([5], [3, -1, 3, 2, -1], "int64"), exact([3], [1, 0, 1], "bool"),
                 exact([4], [200, 3, 200, 0], "uint8")):
        module.case("unique", torch.unique, [spec], gradient=False)
        module.case("unique", torch.unique, [spec], return_inverse=True, gradient=False)
        module.case("unique", torch.unique, [spec], return_counts=True, gradient=False)
        module.case("unique", torch.unique, [spec], sorted=True, return_inverse=True, return_counts=True, gradient=False)
    rows = exact([4, 3], [1, 2, 3, 0, 5, 5, 1, 2, 3, 1, 2, 1], "int64")
    deep = exact([2, 3, 2], [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 0.0, 1.0, 5.0, 5.0, 0.0, 1.0])
    for spec, dim in ((rows, 0), (rows, 1), (rows, -1), (deep, 1), (deep, 0), (deep, 2), (exact([0, 3], []), 0), (exact([3], [2.0, 1.0, 2.0]), 0)):
        module.case("unique", torch.unique, [spec], dim=dim, gradient=False)
        module.case("unique", torch.unique, [spec], return_inverse=True, return_counts=True, dim=dim, gradient=False)
    module.error("unique", torch.unique, [rows], dim=2)
    module.error("unique", torch.unique, [exact([], [2.0])], dim=0)
    module.error("unique", torch.unique, [exact([0, 3], [])], dim=1)
    for spec in (exact([2, 3], [1.0, 0.0, nan, -0.0, inf, 0.0]), exact([3, 2], [1.0, 0.0, 2.0, 0.0, 0.0, 3.0], via=transposed), exact([], [2.0]),
                 exact([], [0.0]), exact([0, 3], []), exact([2, 2], [1, 0, 0, 1], "bool"), exact([2, 2, 2], [0, 1, 2, 0, 0, 3, 0, 4], "int32")):
        module.case("nonzero", torch.nonzero, [spec])
        module.case("nonzero", torch.nonzero, [spec], as_tuple=True)
