# Cases of the ops that move elements without changing them, and of indexing.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values

transposed = [("transpose", 0, 1)]


def record():
    module = Module("shape")
    record_views(module)
    record_joins(module)
    record_indexing(module)
    return [module]


def record_views(module):
    x, flipped, deep = values([2, 6]), values([6, 2], seed=2, via=transposed), values([2, 3, 4], seed=3)
    T = torch.Tensor
    for shape in ([3, 4], [12], [-1, 2], [2, -1, 3], [1, 12]):
        module.case("Tensor.reshape", T.reshape, [x], shape)
        module.case("Tensor.reshape", T.reshape, [flipped], shape)
        module.case("Tensor.view", T.view, [x], shape)
    module.case("Tensor.reshape", T.reshape, [exact([0, 3], [])], [3, 0])
    module.case("Tensor.view", T.view, [values([1], seed=4)], [])
    module.error("Tensor.reshape", T.reshape, [x], [5, 2])
    module.error("Tensor.reshape", T.reshape, [x], [-1, -1])
    module.error("Tensor.reshape", T.reshape, [x], [-1, 5])
    module.error("Tensor.view", T.view, [flipped], [12])
    for order in ([0, 1, 2], [2, 0, 1], [-1, 1, 0]):
        module.case("Tensor.permute", T.permute, [deep], order)
    module.error("Tensor.permute", T.permute, [deep], [0, 1])
    module.error("Tensor.permute", T.permute, [deep], [0, 0, 1])
    for pair in ((0, 1), (1, 2), (-1, 0), (1, 1)):
        module.case("Tensor.transpose", T.transpose, [deep], *pair)
    module.error("Tensor.transpose", T.transpose, [deep], 0, 3)
    module.case("Tensor.t", T.t, [x])
    for matrix in (x, flipped, values([4]), values([])):
        module.case("t", torch.t, [matrix])
    module.error("t", torch.t, [deep])
    for source, destination in ((0, -1), (-1, 0), ([0, 1], [2, 0]), ([2], [1])):
        module.case("movedim", torch.movedim, [deep], source, destination)
    module.error("movedim", torch.movedim, [deep], [0, 0], [1, 2])
    for shape in ([2, 3, 4], [3, 4], [5, 3, 4]):
        module.case("broadcastTo", torch.broadcast_to, [values([3, 1])], shape)
    module.error("broadcastTo", torch.broadcast_to, [values([3, 2])], [3, 4])
    for shape in ([2, 3, 4], [5, 2, 3, 4], [-1, -1, -1]):
        module.case("Tensor.expand", T.expand, [deep], shape)
    module.case("Tensor.expand", T.expand, [values([3, 1])], [3, 4])
    module.case("Tensor.expand", T.expand, [values([1, 3])], [2, -1])
    module.case("Tensor.expand", T.expand, [values([])], [2, 2])
    module.error("Tensor.expand", T.expand, [deep], [2, 5, 4])
    module.error("Tensor.expand", T.expand, [deep], [3, 4])
    module.case("Tensor.flatten", T.flatten, [deep])
    module.case("Tensor.flatten", T.flatten, [deep], 1)
    module.case("Tensor.flatten", T.flatten, [flipped])
    single = values([1, 3, 1])
    module.case("Tensor.squeeze", T.squeeze, [single])
    module.case("Tensor.squeeze", T.squeeze, [single], 0)
    module.case("Tensor.squeeze", T.squeeze, [single], 1)
    module.case("Tensor.squeeze", T.squeeze, [single], -1)
    for dim in (0, 1, -1, 2):
        module.case("Tensor.unsqueeze", T.unsqueeze, [x], dim)
    module.error("Tensor.unsqueeze", T.unsqueeze, [x], 3)
    module.case("Tensor.movedim", T.movedim, [deep], 0, 2)
    module.case("Tensor.movedim", T.movedim, [deep], [0, 1], [2, 0])
    module.case("Tensor.broadcastTo", T.broadcast_to, [values([3, 1])], [2, 3, 4])
    for diagonal in (0, 1, -1):
        module.case("tril", torch.tril, [x], diagonal)
        module.case("triu", torch.triu, [deep], diagonal)
    module.case("Tensor.contiguous", T.contiguous, [flipped])


def record_joins(module):
    x, y, flipped = values([2, 3]), values([4, 3], seed=2), values([3, 2], seed=3, via=transposed)
    module.case("cat", torch.cat, [x, y], ["$0", "$1"])
    module.case("cat", torch.cat, [x, flipped], ["$0", "$1"], 1)
    module.case("cat", torch.cat, [x, flipped, x], ["$0", "$1", "$2"], -1)
    module.case("cat", torch.cat, [x, exact([0], [])], ["$0", "$1"])
    module.case("cat", torch.cat, [exact([0, 3], []), x], ["$0", "$1"])
    module.case("cat", torch.cat, [values([2], dtype="int64"), values([2], seed=5)], ["$0", "$1"])
    module.error("cat", torch.cat, [x, values([2, 4])], ["$0", "$1"])
    module.error("cat", torch.cat, [x, values([3])], ["$0", "$1"])
    module.error("cat", torch.cat, [x, x], ["$0", "$1"], 2)
    module.case("stack", torch.stack, [x, flipped], ["$0", "$1"])
    module.case("stack", torch.stack, [x, flipped], ["$0", "$1"], 1)
    module.case("stack", torch.stack, [x, flipped], ["$0", "$1"], -1)
    module.error("stack", torch.stack, [x, y], ["$0", "$1"])


def record_indexing(module):
    x, flipped, deep = values([4, 5]), values([5, 4], seed=2, via=transposed), values([2, 3, 4], seed=3)
    T = torch.Tensor
    for spec in (x, flipped):
        module.case("Tensor.narrow", T.narrow, [spec], 0, 1, 2)
        module.case("Tensor.narrow", T.narrow, [spec], -1, 2, 3)
        module.case("Tensor.narrow", T.narrow, [spec], 1, 0, 0)
        module.case("Tensor.narrow", T.narrow, [spec], 1, -2, 2)
        module.case("Tensor.select", T.select, [spec], 0, 2)
        module.case("Tensor.select", T.select, [spec], 1, -1)
    module.case("Tensor.select", T.select, [deep], 1, 0)
    module.error("Tensor.narrow", T.narrow, [x], 0, 3, 2)
    module.error("Tensor.narrow", T.narrow, [x], 2, 0, 1)
    module.error("Tensor.narrow", T.narrow, [x], 0, 0, -1)
    module.error("Tensor.select", T.select, [x], 0, 4)
    module.error("Tensor.select", T.select, [x], 0, -5)
    module.error("Tensor.select", T.select, [values([])], 0, 0)
    places = exact([2, 3], [0, 3, 1, 2, 2, 0], "int64")
    module.case("gather", torch.gather, [x, places], "$0", 0, "$1")
    module.case("gather", torch.gather, [flipped, places], "$0", 1, "$1")
    module.error("gather", torch.gather, [x, exact([1, 1], [5], "int64")], "$0", 1, "$1")
    module.error("gather", torch.gather, [x, exact([1], [1], "int64")], "$0", 1, "$1")
    module.case("scatterAdd", torch.scatter_add, [x, places, values([2, 3], seed=6)], "$0", 1, "$1", "$2")
    module.case("scatterAdd", torch.scatter_add, [x, places, values([2, 3], seed=6)], "$0", 0, "$1", "$2")
    mask = exact([4, 5], [k % 3 == 0 for k in range(20)], "bool")
    module.case("maskedFill", torch.masked_fill, [x, mask], "$0", "$1", 1.5)
    module.case("maskedFill", torch.masked_fill, [flipped, exact([5], [1, 0, 0, 1, 0], "bool")], "$0", "$1", -1)
    module.case("maskedFill", torch.masked_fill, [x, mask, values([], seed=7)], "$0", "$1", "$2")
    module.error("maskedFill", torch.masked_fill, [x, exact([3], [1, 0, 0], "bool")], "$0", "$1", 0)
    module.case("F.oneHot", F.one_hot, [exact([2, 2], [0, 3, 1, 2], "int64")], 4)
    module.case("F.oneHot", F.one_hot, [exact([3], [0, 2, 1], "int64")])
    module.case("F.oneHot", F.one_hot, [exact([], [2], "int64")], 3)
    module.case("F.oneHot", F.one_hot, [exact([0], [], "int64")], 3)
    module.error("F.oneHot", F.one_hot, [exact([2], [0, 3], "int64")], 3)
    for kind in ("int64", "int32"):
        index = exact([4], [2, 0, 2, 1], kind)
        for spec in (x, flipped, deep):
            module.case("indexSelect", torch.index_select, [spec, index], "$0", 1, "$1")
        module.case("indexSelect", torch.index_select, [x, index], "$0", -2, "$1")
        module.case("indexSelect", torch.index_select, [x, exact([0], [], kind)], "$0", 0, "$1")
    module.error("indexSelect", torch.index_select, [x, exact([1], [4], "int64")], "$0", 0, "$1")
    module.error("indexSelect", torch.index_select, [x, exact([1], [-1], "int64")], "$0", 0, "$1")
    module.error("indexSelect", torch.index_select, [x, exact([1], [1.0])], "$0", 0, "$1")
    module.error("indexSelect", torch.index_select, [x, exact([1, 1], [1], "int64")], "$0", 0, "$1")
    module.error("indexSelect", torch.index_select, [x, exact([1], [1], "int64")], "$0", 2, "$1")
