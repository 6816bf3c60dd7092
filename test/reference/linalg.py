# Cases of matrix products.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values

swapped = [("transpose", -1, -2)]


def record():
    module = Module("linalg")
    for left, right in [
        ([2, 3], [3, 4]), ([1, 5], [5, 1]), ([3], [3]), ([2, 3], [3]), ([3], [3, 4]), ([2, 2, 3], [2, 3, 4]),
        ([2, 2, 3], [3, 4]), ([2, 3], [5, 3, 2]), ([2, 1, 2, 3], [3, 3, 2]), ([3], [2, 3, 4]), ([2, 3, 4], [4]),
        ([0, 3], [3, 4]), ([2, 0], [0, 3]), ([2, 3], [3, 0]), ([0, 2, 3], [0, 3, 4]), ([17, 19], [19, 23]), ([40, 33], [33, 35]),
    ]:
        module.case("matmul", torch.matmul, [values(left, -1, 1, seed=1), values(right, -1, 1, seed=2)])
    for left, right in [([3, 2], [3, 4]), ([2, 3, 2], [2, 3, 4]), ([33, 9], [33, 21])]:
        module.case("matmul", torch.matmul, [values(left, -1, 1, via=swapped), values(right, -1, 1, seed=2)])
    for left, right in [([2, 3], [4, 3]), ([2, 2, 3], [2, 4, 3]), ([9, 33], [21, 33])]:
        module.case("matmul", torch.matmul, [values(left, -1, 1), values(right, -1, 1, seed=2, via=swapped)])
    module.case("matmul", torch.matmul, [values([3, 2], via=swapped), values([4, 3], seed=2, via=swapped)])
    module.case("matmul", torch.matmul, [values([2, 3, 2], via=[("select", 2, 1)]), values([3, 4, 2], seed=2, via=[("select", 2, 0)])])
    module.case("matmul", torch.matmul, [values([1, 3], via=[("expand", 4, 3)]), values([3, 2], seed=2)])
    module.case("matmul", torch.matmul, [values([2, 3], -5, 5, dtype="int64"), values([3, 2], -5, 5, seed=2, dtype="int64")])
    module.case("matmul", torch.matmul, [values([2, 3], -5, 5, dtype="int32"), values([3, 2], -5, 5, seed=2, dtype="int32")])
    module.error("matmul", torch.matmul, [values([2, 3]), values([4, 2])])
    module.error("matmul", torch.matmul, [values([]), values([3])])
    module.error("matmul", torch.matmul, [values([2, 2, 3]), values([3, 3, 2])])
    module.error("matmul", torch.matmul, [values([2, 3]), values([3, 2], dtype="int64")])
    module.case("mm", torch.mm, [values([2, 3]), values([3, 4], seed=2)])
    module.case("bmm", torch.bmm, [values([2, 2, 3]), values([2, 3, 4], seed=2)])
    module.case("mm", torch.mm, [values([3, 2], via=[("transpose", 0, 1)]), values([4, 3], seed=2, via=[("transpose", 0, 1)])])
    module.case("mm", torch.mm, [exact([2, 0], []), exact([0, 3], [])])
    module.case("bmm", torch.bmm, [values([3, 2, 2], via=[("permute", [1, 2, 0])]), values([2, 3, 1], seed=2)])
    module.case("bmm", torch.bmm, [exact([0, 2, 3], []), exact([0, 3, 2], [])])
    module.case("mv", torch.mv, [values([3, 4]), values([4], seed=2)])
    module.case("dot", torch.dot, [values([4]), values([4], seed=2)])
    module.case("outer", torch.outer, [values([3]), values([2], seed=2)])
    for options in ({}, {"beta": 0.5, "alpha": 2}, {"beta": 0}):
        module.case("addmm", torch.addmm, [values([4]), values([3, 2], seed=2), values([2, 4], seed=3)], **options)
    module.error("dot", torch.dot, [values([4]), values([3])])
    module.error("mm", torch.mm, [values([3]), values([3, 4])])
    module.error("bmm", torch.bmm, [values([2, 2, 3]), values([3, 3, 4])])
    for shape in ([5, 3], [3], [2, 4, 3], [0, 3]):
        module.case("F.linear", F.linear, [values(shape), values([2, 3], seed=2), values([2], seed=3)])
        module.case("F.linear", F.linear, [values(shape), values([2, 3], seed=2)])
    for shape in ([5], [2, 5], [0], [2, 2, 3]):
        pair = [values([*shape, 3]), values([*shape, 4], seed=2)]
        module.case("F.bilinear", F.bilinear, [*pair, values([2, 3, 4], seed=3), values([2], seed=4)])
        module.case("F.bilinear", F.bilinear, [*pair, values([2, 3, 4], seed=3)])
    module.error("F.bilinear", F.bilinear, [values([5, 3]), values([4, 4]), values([2, 3, 4])])
    module.error("F.linear", F.linear, [values([5, 4]), values([2, 3]), values([2])])
    return [module]
