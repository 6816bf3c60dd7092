# Cases of ops that repeat, turn round, pad and cut elements into windows, and of those that give several views.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values

transposed = [("transpose", 0, 1)]
T = torch.Tensor


def record():
    module = Module("arrange")
    record_moves(module)
    record_repeats(module)
    record_pads(module)
    record_windows(module)
    record_parts(module)
    return [module]


def specs():
    return [values([3, 4]), values([4, 3], seed=2, via=transposed), values([3, 4, 2], seed=3, via=[("select", 2, 1)])]


def record_moves(module):
    deep, whole = values([2, 3, 4], seed=4), values([5], -9, 9, seed=5, dtype="int64")
    for spec in specs():
        for dims in ([0], [1], [0, 1], [-1], []):
            module.case("flip", torch.flip, [spec], dims)
        for arguments in ((1,), (-2,), (7, 0), (-1, 1), ([1, 2], [0, 1]), ([1, 1], [0, 0]), ([3], [-1])):
            module.case("roll", torch.roll, [spec], *arguments)
    module.case("flip", torch.flip, [deep], [0, 2])
    module.case("flip", torch.flip, [whole], [0])
    module.case("flip", torch.flip, [exact([0, 3], [])], [0, 1])
    module.case("flip", torch.flip, [exact([3], [1, 0, 0], "bool")], [0])
    module.case("flip", torch.flip, [values([])], [])
    module.error("flip", torch.flip, [deep], [3])
    module.error("flip", torch.flip, [deep], [0, 0])
    module.case("roll", torch.roll, [deep], [1, -1, 2], [0, 1, 2])
    module.case("roll", torch.roll, [whole], 2)
    module.case("roll", torch.roll, [exact([0, 3], [])], 1, 0)
    module.case("roll", torch.roll, [exact([0, 3], [])], 1)
    module.error("roll", torch.roll, [deep], [1, 2], [0])
    module.error("roll", torch.roll, [deep], [1, 2])
    module.error("roll", torch.roll, [deep], 1, 3)


def record_repeats(module):
    for spec in specs():
        for repeats in ([2, 1], [1, 3], [2, 2], [3, 1, 2], [0, 2], [1, 1]):
            module.case("Tensor.repeat", T.repeat, [spec], repeats)
        for arguments in ((2,), (3, 0), (2, 1), (1, -1), (0, 0)):
            module.case("repeatInterleave", torch.repeat_interleave, [spec], *arguments)
        counts = exact([3], [2, 0, 3], "int64")
        module.case("repeatInterleave", torch.repeat_interleave, [spec, counts], "$0", "$1", 0)
        module.case("repeatInterleave", torch.repeat_interleave, [spec, exact([1], [2], "int64")], "$0", "$1", 1)
        module.case("repeatInterleave", torch.repeat_interleave, [spec, counts], "$0", "$1", 0, output_size=5)
    module.case("Tensor.repeat", T.repeat, [values([])], [2, 2])
    module.case("Tensor.repeat", T.repeat, [values([3], -5, 5, dtype="int32")], [2])
    module.case("Tensor.repeat", T.repeat, [values([])], [])
    module.error("Tensor.repeat", T.repeat, [values([2, 3])], [2])
    module.error("Tensor.repeat", T.repeat, [values([2, 3])], [2, -1])
    module.case("repeatInterleave", torch.repeat_interleave, [values([3], -5, 5, dtype="int64"), exact([3], [1, 2, 1], "int32")])
    module.error("repeatInterleave", torch.repeat_interleave, [values([3]), exact([2], [1, 2], "int64")], "$0", "$1", 0)
    module.error("repeatInterleave", torch.repeat_interleave, [values([3]), exact([3], [1, -2, 1], "int64")], "$0", "$1", 0)
    module.error("repeatInterleave", torch.repeat_interleave, [values([3]), exact([3], [1.0, 2.0, 1.0])], "$0", "$1", 0)
    module.error("repeatInterleave", torch.repeat_interleave, [values([3])], -1)
    module.case("Tensor.expandAs", T.expand_as, [values([3, 1]), values([2, 3, 4], seed=2)])
    module.case("Tensor.viewAs", T.view_as, [values([3, 4]), values([2, 6], seed=2)])
    module.case("Tensor.reshapeAs", T.reshape_as, [values([4, 3], via=transposed), values([2, 6], seed=2)])
    module.error("Tensor.expandAs", T.expand_as, [values([3, 2]), values([3, 4])])


def record_pads(module):
    for spec in specs():
        for pad in ([1, 2], [0, 0], [-1, 2], [1, -3], [1, 0, 2, 1], [-1, -1, 1, -2], [2, 1, 0, 0]):
            module.case("F.pad", F.pad, [spec], pad)
        module.case("F.pad", F.pad, [spec], [1, 1], value=-1.5)
        for mode in ("reflect", "replicate", "circular"):
            for pad in ([1, 2], [3, 0], [-1, 2], [2, -1], [0, 0]):
                module.case("F.pad", F.pad, [spec], pad, mode=mode)
    flat, volume = values([1, 2, 3, 4], seed=6), values([2, 2, 3, 2], seed=7)
    for mode in ("reflect", "replicate", "circular"):
        module.case("F.pad", F.pad, [flat], [2, 1, 1, 2], mode=mode)
        module.case("F.pad", F.pad, [flat], [-1, 1, 2, -1], mode=mode)
        module.case("F.pad", F.pad, [values([2, 3, 4], seed=8)], [1, 3, 2, 0], mode=mode)
        module.case("F.pad", F.pad, [volume], [1, 1, 2, 0, 1, 1], mode=mode)
        module.error("F.pad", F.pad, [flat], [1, 1], mode=mode)
        module.error("F.pad", F.pad, [values([4])], [1, 1], mode=mode)
        module.error("F.pad", F.pad, [values([2, 4])], [1, 1], mode=mode, value=1.0)
    module.error("F.pad", F.pad, [values([2, 4])], [4, 0], mode="reflect")
    module.error("F.pad", F.pad, [values([2, 4])], [5, 0], mode="circular")
    module.case("F.pad", F.pad, [values([2, 4])], [5, 6], mode="replicate")
    module.case("F.pad", F.pad, [values([2, 4])], [4, 4], mode="circular")
    module.case("F.pad", F.pad, [values([3], -5, 5, dtype="int64")], [1, 1], value=7)
    module.case("F.pad", F.pad, [exact([0, 2], [])], [1, 1, 2, 0])
    module.case("F.pad", F.pad, [exact([2], [1, 0], "bool")], [1, 1])
    module.error("F.pad", F.pad, [values([2, 4])], [1])
    module.error("F.pad", F.pad, [values([4])], [1, 1, 1, 1])
    module.error("F.pad", F.pad, [values([2, 4])], [-3, -2])
    module.error("F.pad", F.pad, [values([2, 4])], [1, 1], mode="mirror")


def record_windows(module):
    for spec in specs():
        for arguments in ((0, 2, 1), (1, 2, 2), (-1, 4, 1), (1, 3, 5), (0, 1, 1), (1, 0, 1)):
            module.case("Tensor.unfold", T.unfold, [spec], *arguments)
        for arguments in ((), (1,), (-1,), (5,), (0, 1, 0), (-2, -1, -2)):
            module.case("diagonal", torch.diagonal, [spec], *arguments)
        module.case("diag", torch.diag, [spec])
        module.case("diag", torch.diag, [spec], -1)
    module.case("Tensor.unfold", T.unfold, [values([7])], 0, 3, 2)
    module.case("Tensor.unfold", T.unfold, [values([])], 0, 1, 1)
    module.error("Tensor.unfold", T.unfold, [values([7])], 0, 8, 1)
    module.error("Tensor.unfold", T.unfold, [values([7])], 0, 2, 0)
    module.error("Tensor.unfold", T.unfold, [values([7])], 1, 2, 1)
    module.case("diagonal", torch.diagonal, [values([2, 3, 4], seed=3)], 1, 0, 2)
    module.error("diagonal", torch.diagonal, [values([4])])
    module.error("diagonal", torch.diagonal, [values([2, 3])], 0, 1, 1)
    module.error("diagonal", torch.diagonal, [values([2, 3])], 0, 0, 2)
    module.case("diag", torch.diag, [values([3])])
    module.case("diag", torch.diag, [values([3])], 2)
    module.error("diag", torch.diag, [values([2, 2, 2])])
    module.case("trace", torch.trace, [values([3, 4])])
    module.error("trace", torch.trace, [values([3])])
    module.case("unflatten", torch.unflatten, [values([2, 6])], 1, [2, 3])
    module.case("unflatten", torch.unflatten, [values([2, 6])], -1, [-1, 2])
    module.error("unflatten", torch.unflatten, [values([2, 6])], 1, [4, 2])
    module.error("unflatten", torch.unflatten, [values([2, 6])], 1, [-1, -1])


def record_parts(module):
    for spec in [*specs(), values([5, 2], seed=9)]:
        for dim in (0, 1, -1):
            module.case("unbind", torch.unbind, [spec], dim)
            for size in (1, 2, 3, 7, [1, 1, 1] if dim == 0 and spec.shape[0] != 5 else 2):
                if spec.via and isinstance(size, list) and spec.shape[0] == 4:
                    continue
                module.case("split", torch.split, [spec], size, dim)
            for count in (1, 2, 3, 7):
                module.case("chunk", torch.chunk, [spec], count, dim)
    module.case("split", torch.split, [values([5])], [2, 0, 3])
    module.case("split", torch.split, [exact([0, 2], [])], 2)
    module.case("chunk", torch.chunk, [exact([0, 2], [])], 3)
    module.error("split", torch.split, [values([5])], [2, 2])
    module.error("split", torch.split, [values([5])], -1)
    module.error("split", torch.split, [values([5])], 2, 1)
    module.error("chunk", torch.chunk, [values([5])], 0)
    module.error("chunk", torch.chunk, [values([])], 2)
    module.error("unbind", torch.unbind, [values([])])
    module.error("unbind", torch.unbind, [values([5])], 1)
