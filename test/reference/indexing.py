# Cases of x[...], read and written, and of the ops that pick and change elements by index.

import torch

from recorder import Module, exact, values

transposed = [("transpose", 0, 1)]
copied = [("clone",)]
T = torch.Tensor


def cut(start=None, end=None, step=1):
    """What slice(start, end, step) is in Descent."""
    return {"kind": "slice", "start": start, "end": end, "step": step}


def index_of(item):
    if isinstance(item, dict):
        return slice(item["start"], item["end"], item["step"])
    return Ellipsis if item == "..." and isinstance(item, str) else item


def at(x, *indices):
    return x[tuple(index_of(item) for item in indices)]


def put(x, indices, source, accumulate=False):
    place = tuple(index_of(item) for item in indices)
    if accumulate:
        x.index_put_(place, source, accumulate=True)
    else:
        x[place] = source
    return x


def record():
    module = Module("indexing")
    record_reading(module)
    record_writing(module)
    record_scatter(module)
    record_slices(module)
    record_masks(module)
    return [module]


def record_reading(module):
    x, turned = values([4, 3, 5]), values([5, 3, 4], seed=2, via=[("transpose", 0, 2)])
    i, j, k = exact([2], [2, 0], "int64"), exact([2], [-1, 1], "int64"), exact([3, 1], [0, 2, -2], "int32")
    every, mask = exact([4, 3], [n % 3 == 0 for n in range(12)], "bool"), exact([4], [1, 0, 1, 1], "bool")
    single, yes, none = exact([], [1], "int64"), exact([], [1], "bool"), exact([0], [], "int64")
    for spec in (x, turned):
        plain = [
            (1,), (-1,), (cut(1, 3),), (cut(), 2), ("...", 0), (0, "...", 1), (None, 1, "...", None), (cut(None, None, 2), cut(-2, None)),
            (cut(3, 1),), (cut(-9, 9),), ("...",), (1, 2, 3), (None,), (cut(), None, cut(0, 2), cut(1, None, 3)), (True,), (False,), (0, True),
        ]
        for indices in plain:
            module.case("Tensor.at", at, [spec], "$0", *indices)
        for indices in [
            ("$1",), (cut(), "$1"), ("...", "$1"), ("$1", "$2"), ("$1", cut(), "$2"), (cut(), "$1", "$2"), ("$1", "$2", "$1"),
            (None, "$1"), ("$1", None, "$2"), (0, "$2"), ("$1", 0), (cut(), 0, "$1"), (0, cut(), "$1"), ("$1", 0, "$2"), ("$2", cut(0, 2), 1),
            (cut(1, 3), cut(), "$2"), ("$1", "..."), ("$1", "...", "$2"),
        ]:
            module.case("Tensor.at", at, [spec, i, j], "$0", *indices)
        for indices in [("$1",), ("$1", "$2"), (cut(), "$1", "$2"), ("$1", cut(), "$2"), ("$2", "$1", cut(1, 4)), ("$1", "$2", "$1")]:
            module.case("Tensor.at", at, [spec, k, j], "$0", *indices)
        for indices in [("$1",), ("$1", "$2"), ("$1", cut(1, 3)), (None, "$1"), ("$1", None), ("...", "$1", 0), ("$1", "...")]:
            module.case("Tensor.at", at, [spec, every, exact([4], [0, 1, 2, 3], "int64")], "$0", *indices)
        for indices in [("$1",), ("$1", 0), ("$1", "$2"), ("$1", cut(), "$2"), (cut(0, 4), cut(0, 2), "$2"), ("$1", "...", "$2")]:
            module.case("Tensor.at", at, [spec, mask, exact([3], [0, 1, 2], "int64")], "$0", *indices)
        module.case("Tensor.at", at, [spec, exact([3], [0, 1, 1], "bool")], "$0", cut(), "$1")
        module.case("Tensor.at", at, [spec, exact([3, 5], [n % 4 == 1 for n in range(15)], "bool")], "$0", "...", "$1")
        module.case("Tensor.at", at, [spec, exact([4, 3, 5], [n % 7 == 1 for n in range(60)], "bool")], "$0", "$1")
        module.case("Tensor.at", at, [spec, exact([4], [0, 0, 0, 0], "bool")], "$0", "$1")
        module.case("Tensor.at", at, [spec, single], "$0", "$1")
        module.case("Tensor.at", at, [spec, single], "$0", cut(), "$1")
        module.case("Tensor.at", at, [spec, single, i], "$0", "$1", "$2")
        module.case("Tensor.at", at, [spec, yes], "$0", "$1")
        module.case("Tensor.at", at, [spec, yes, i], "$0", "$1", "$2")
        module.case("Tensor.at", at, [spec, none], "$0", "$1")
        module.case("Tensor.at", at, [spec, none], "$0", 0, "$1")
        module.case("Tensor.at", at, [spec], "$0", [0, 2])
        module.case("Tensor.at", at, [spec], "$0", [[0, 2], [1, 1]], [0, -1])
        module.case("Tensor.at", at, [spec], "$0", [True, False, True, False])
    module.case("Tensor.at", at, [exact([0, 3], []), none], "$0", "$1")
    module.case("Tensor.at", at, [exact([0, 3], []), i], "$0", cut(), "$1")
    module.case("Tensor.at", at, [values([]), yes], "$0", "$1")
    module.case("Tensor.at", at, [values([])], "$0", "...")
    module.case("Tensor.at", at, [values([]), exact([], [0], "bool")], "$0", "$1")
    module.error("Tensor.at", at, [x, exact([1], [4], "int64")], "$0", "$1")
    module.error("Tensor.at", at, [x, exact([1], [-5], "int64")], "$0", "$1")
    module.error("Tensor.at", at, [x, i, exact([3], [0, 1, 2], "int64")], "$0", "$1", "$2")
    module.error("Tensor.at", at, [x, exact([1], [1.0])], "$0", "$1")
    module.error("Tensor.at", at, [x, exact([3], [1, 0, 1], "bool")], "$0", "$1")
    module.error("Tensor.at", at, [x, mask, exact([2], [0, 1], "int64")], "$0", "$1", "$2")
    module.error("Tensor.at", at, [x], "$0", 4)
    module.error("Tensor.at", at, [x], "$0", 0, 0, 0, 0)
    module.error("Tensor.at", at, [x, every], "$0", 0, "$1", 0)
    module.error("Tensor.at", at, [x, i], "$0", "$1", "$1", "$1", "$1")


def record_writing(module):
    """`$0` is a copy, because a leaf that wants a gradient is not changed in place."""
    i, j = exact([2], [3, 0], "int64"), exact([2], [-1, 1], "int64")
    mask = exact([4, 3], [n % 3 == 0 for n in range(12)], "bool")
    for spec in (values([4, 3], via=copied), values([3, 4], seed=2, via=[*copied, *transposed]), values([4, 3, 2], seed=3, via=[*copied, ("select", 2, 1)])):
        for indices in [("$1",), ("$1", "$2"), (cut(), "$2"), (cut(1, 3), "$2"), (0, "$2"), ("$1", 1), (None, "$1"), (0,), (cut(0, 2),), ("...", 1)]:
            module.case("Tensor.indexPut_", put, [spec, i, j, values([], seed=4)], "$0", list(indices), "$3")
        module.case("Tensor.indexPut_", put, [spec, i, values([2, 3], seed=5)], "$0", ["$1"], "$2")
        module.case("Tensor.indexPut_", put, [spec, i, values([3], seed=5)], "$0", ["$1"], "$2")
        module.case("Tensor.indexPut_", put, [spec, i, j, values([2], seed=5)], "$0", ["$1", "$2"], "$3")
        module.case("Tensor.indexPut_", put, [spec, mask, values([4], seed=6)], "$0", ["$1"], "$2")
        module.case("Tensor.indexPut_", put, [spec, mask], "$0", ["$1"], 2.5)
        module.case("Tensor.indexPut_", put, [spec, mask, values([1], seed=6)], "$0", ["$1"], "$2")
        module.case("Tensor.indexPut_", put, [spec, values([3], seed=6)], "$0", [1], "$1")
        module.case("Tensor.indexPut_", put, [spec], "$0", [cut(), 1], -1)
        repeated = exact([3], [1, 1, 0], "int64")
        module.case("Tensor.indexPut_", put, [spec, repeated, values([3, 3], seed=7)], "$0", ["$1"], "$2", accumulate=True)
        module.case("Tensor.indexPut_", put, [spec, repeated, values([3], seed=7)], "$0", ["$1", "$1"], "$2", accumulate=True)
    x = values([4, 3], via=copied)
    module.error("Tensor.indexPut_", put, [x, i, values([3, 3])], "$0", ["$1"], "$2")
    module.error("Tensor.indexPut_", put, [x, exact([1], [4], "int64"), values([1])], "$0", ["$1"], "$2")
    module.error("Tensor.indexPut_", put, [x, mask, values([3])], "$0", ["$1"], "$2")


def record_scatter(module):
    for spec in (values([3, 4]), values([4, 3], seed=2, via=transposed)):
        rows, columns = exact([2, 4], [0, 2, 1, 0, 1, 0, 2, 2], "int64"), exact([3, 2], [0, 3, 2, 1, 1, 0], "int32")
        wide = exact([3, 2], [0, 3, 2, 1, 1, 0], "int64")
        for dim, index in ((0, rows), (1, wide), (-1, wide)):
            source = values(index.shape, seed=3)
            module.case("scatter", torch.scatter, [spec, index, source], "$0", dim, "$1", "$2")
            module.case("scatter", torch.scatter, [spec, index], "$0", dim, "$1", 1.5)
            module.case("scatterAdd", torch.scatter_add, [spec, index, source], "$0", dim, "$1", "$2")
            module.case("scatter", torch.scatter, [spec, index, source], "$0", dim, "$1", "$2", gradient=False, reduce="add")
            module.case("scatter", torch.scatter, [spec, index, source], "$0", dim, "$1", "$2", gradient=False, reduce="multiply")
            module.case("scatter", torch.scatter, [spec, index], "$0", dim, "$1", 2, gradient=False, reduce="multiply")
            module.case("gather", torch.gather, [spec, index], "$0", dim, "$1")
        module.case("scatterAdd", torch.scatter_add, [spec, rows, values([3, 4], seed=4)], "$0", 0, "$1", "$2", gradient=False)
        module.case("gather", lambda x, dim, index: torch.gather(x, dim, index.long()), [spec, columns], "$0", 1, "$1")
        module.case("scatter", torch.scatter, [spec, exact([0], [], "int64"), values([0])], "$0", 0, "$1", "$2")
        module.case("gather", torch.gather, [spec, exact([0, 4], [], "int64")], "$0", 0, "$1")
    whole = values([4], -9, 9, dtype="int64")
    module.case("scatter", torch.scatter, [whole, exact([2], [3, 1], "int64")], "$0", 0, "$1", 7)
    module.case("scatter", torch.scatter, [exact([3], [0, 0, 1], "bool"), exact([1], [0], "int64")], "$0", 0, "$1", True)
    module.case("gather", torch.gather, [values([]), exact([1], [0], "int64")], "$0", 0, "$1")
    module.case("gather", torch.gather, [values([]), exact([], [0], "int64")], "$0", 0, "$1")
    x, index = values([3, 4]), exact([3, 2], [0, 3, 2, 1, 1, 0], "int64")
    for name, function in (("scatter", torch.scatter), ("scatterAdd", torch.scatter_add)):
        module.error(name, function, [x, exact([1, 1], [4], "int64"), values([1, 1])], "$0", 1, "$1", "$2")
        module.error(name, function, [x, exact([1, 1], [-1], "int64"), values([1, 1])], "$0", 1, "$1", "$2")
        module.error(name, function, [x, index, values([2, 2])], "$0", 1, "$1", "$2")
        module.error(name, function, [x, exact([2], [0, 1], "int64"), values([2])], "$0", 1, "$1", "$2")
        module.error(name, function, [x, index, values([3, 2], dtype="int64")], "$0", 1, "$1", "$2")
        module.error(name, function, [x, exact([3, 2], [0.0] * 6), values([3, 2])], "$0", 1, "$1", "$2")
        module.error(name, function, [x, index, values([3, 2])], "$0", 2, "$1", "$2")
    module.error("scatter", torch.scatter, [x, index, values([3, 2])], "$0", 1, "$1", "$2", reduce="mean")


def record_slices(module):
    for spec in (values([3, 4]), values([4, 3], seed=2, via=transposed)):
        index, twice = exact([2], [2, 0], "int64"), exact([3], [1, 2, 1], "int64")
        module.case("indexAdd", torch.index_add, [spec, twice, values([3, 4], seed=3)], "$0", 0, "$1", "$2")
        module.case("indexAdd", torch.index_add, [spec, twice, values([3, 3], seed=3)], "$0", 1, "$1", "$2", alpha=-2)
        module.case("indexCopy", torch.index_copy, [spec, index, values([2, 4], seed=3)], "$0", 0, "$1", "$2")
        module.case("indexCopy", torch.index_copy, [spec, index, values([3, 2], seed=3)], "$0", -1, "$1", "$2")
        module.case("indexFill", torch.index_fill, [spec, index], "$0", 0, "$1", 1.5)
        module.case("indexFill", torch.index_fill, [spec, exact([2], [-1, 0], "int64")], "$0", 1, "$1", -2)
        module.case("indexFill", torch.index_fill, [spec, index, values([], seed=4)], "$0", 1, "$1", "$2")
    module.case("indexAdd", torch.index_add, [values([4], -9, 9, dtype="int64"), exact([2], [1, 1], "int64"), exact([2], [5, 6], "int64")], "$0", 0, "$1", "$2")
    x, index = values([3, 4]), exact([2], [2, 0], "int64")
    for name, function in (("indexAdd", torch.index_add), ("indexCopy", torch.index_copy)):
        module.error(name, function, [x, exact([1], [3], "int64"), values([1, 4])], "$0", 0, "$1", "$2")
        module.error(name, function, [x, index, values([3, 4])], "$0", 0, "$1", "$2")
        module.error(name, function, [x, index, values([2, 3])], "$0", 0, "$1", "$2")
        module.error(name, function, [x, index, values([2, 4], dtype="int64")], "$0", 0, "$1", "$2")
    module.error("indexFill", torch.index_fill, [x, exact([1], [3], "int64")], "$0", 0, "$1", 0)
    module.error("indexFill", torch.index_fill, [x, index, values([1])], "$0", 0, "$1", "$2")


def record_masks(module):
    for spec in (values([3, 4]), values([4, 3], seed=2, via=transposed)):
        for mask in (exact([3, 4], [n % 3 == 0 for n in range(12)], "bool"), exact([4], [1, 0, 0, 1], "bool"), exact([3, 1], [0, 1, 1], "bool"), exact([], [1], "bool"), exact([2, 1, 4], [1, 0, 0, 1, 0, 0, 1, 0], "bool")):
            module.case("maskedSelect", torch.masked_select, [spec, mask])
            module.case("maskedFill", torch.masked_fill, [spec, mask], "$0", "$1", 0.5)
            module.case("maskedFill", torch.masked_fill, [spec, mask, values([], seed=5)], "$0", "$1", "$2")
    module.case("maskedSelect", torch.masked_select, [values([]), exact([2], [1, 1], "bool")])
    module.case("maskedSelect", torch.masked_select, [values([4], -9, 9, dtype="int64"), exact([4], [0, 0, 0, 0], "bool")])
    module.case("maskedFill", torch.masked_fill, [exact([3], [16777217, 2, 3], "int64"), exact([3], [0, 1, 0], "bool")], "$0", "$1", 7)
    module.error("maskedSelect", torch.masked_select, [values([3]), exact([3], [1, 0, 1], "int64")])
    module.error("maskedSelect", torch.masked_select, [values([3]), exact([2], [1, 0], "bool")])
    module.error("maskedFill", torch.masked_fill, [values([3]), exact([3], [1, 0, 1], "bool"), values([1])], "$0", "$1", "$2")
    module.error("maskedFill", torch.masked_fill, [values([3]), exact([3], [1, 0, 1], "int64")], "$0", "$1", 1.0)
    condition = exact([2, 3], [1, 0, 1, 0, 0, 1], "bool")
    module.case("Tensor.where", lambda x, c, y: torch.where(c, x, y), [values([2, 3]), condition, values([3], seed=2)])
    module.case("Tensor.where", lambda x, c, y: torch.where(c, x, y), [values([2, 3]), condition], "$0", "$1", 0.25)
    module.case("where", lambda c: list(torch.where(c)), [condition])
