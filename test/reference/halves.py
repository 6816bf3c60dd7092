# float16 and bfloat16: what PyTorch gives on the CPU, with gradients. Both compute in float32 and round, PyTorch after each op of its
# own, so that last digits differ: replay.ts allows for it.

import torch

from recorder import Module, exact, values

F = torch.nn.functional


def record():
    module = Module("halves")
    for kind in ["float16", "bfloat16"]:

        def made(shape, low=-2.0, high=2.0, seed=1, via=(), kind=kind):
            plain = values(shape, low, high, seed)
            return exact(shape, plain.values, kind, via)

        def case(call, function, inputs, *arguments, **options):
            module.case(call, function, inputs, *arguments, second=False, **options)

        for call in ["neg", "exp", "tanh", "sigmoid", "sin", "cos", "erf", "square", "relu", "abs"]:
            case(call, getattr(torch, call), [made([3, 5])])
            case(call, getattr(torch, call), [made([3, 5], via=[["t"]])])
        for call in ["log", "sqrt", "rsqrt", "reciprocal", "log1p"]:
            case(call, getattr(torch, call), [made([3, 5], 0.5, 3)])
        for call in ["add", "sub", "mul", "div", "maximum", "atan2"]:
            case(call, getattr(torch, call), [made([3, 5], 0.25, 2), made([5], 0.5, 3, 2)])
        case("pow", torch.pow, [made([3, 5], 0.5, 3)], 3)
        case("mul", torch.mul, [made([3, 5])], 0.1)
        case("add", torch.add, [made([3, 5]), exact([5], [1, 2, 3, 4, 5], "int64")])
        case("add", torch.add, [made([3, 5]), exact([5], [0.1, 0.2, 0.3, 0.4, 0.5], "float32")])
        for call in ["sum", "mean", "prod", "amax", "logsumexp", "var", "std"]:
            function = getattr(torch, call)
            case(call, function, [made([4, 6], 0.5, 2)], 1)
            case(call, function, [made([4, 6], 0.5, 2)], 0)
        for call in ["sum", "mean", "var", "norm"]:
            case(call, getattr(torch, call), [made([9, 30], 0.5, 2)])
        case("norm", torch.norm, [exact([3], [300, 400, 0], kind)])
        case("softmax", torch.softmax, [made([4, 7])], 1)
        case("matmul", torch.matmul, [made([5, 33]), made([33, 4], seed=2)])
        case("matmul", torch.matmul, [made([33, 5], via=[["t"]]), made([33], seed=2)])
        case("bmm", torch.bmm, [made([2, 3, 17]), made([2, 17, 4], seed=2)])
        case("F.linear", F.linear, [made([6, 20]), made([3, 20], seed=2), made([3], seed=3)])
        case("F.gelu", F.gelu, [made([3, 5])])
        case("F.silu", F.silu, [made([3, 5])])
        case("F.softplus", F.softplus, [made([3, 5])])
        case("F.mseLoss", F.mse_loss, [made([4, 5]), made([4, 5], seed=2)])
        case("F.crossEntropy", F.cross_entropy, [made([6, 9]), exact([6], [0, 3, 8, 2, 2, 5], "int64")])
        case("F.layerNorm", F.layer_norm, [made([4, 8])], [8])
        case("F.conv2d", F.conv2d, [made([2, 3, 6, 6]), made([4, 3, 3, 3], seed=2), made([4], seed=3)])
        case("F.maxPool2d", F.max_pool2d, [made([1, 2, 6, 6])], 2)
        case("F.embedding", F.embedding, [exact([4], [0, 2, 2, 1], "int64"), made([3, 5])])
        case("cat", torch.cat, [made([2, 3]), made([1, 3], seed=2)], ["$0", "$1"])
        case("cumsum", torch.cumsum, [made([3, 9])], 1)
        case("where", torch.where, [exact([3], [1, 0, 1], "bool"), made([3]), made([3], seed=2)])
        case("indexSelect", torch.index_select, [made([4, 3]), exact([3], [0, 3, 3], "int64")], "$0", 0, "$1")
        case("gather", torch.gather, [made([3, 4]), exact([3, 2], [0, 3, 1, 1, 2, 0], "int64")], "$0", 1, "$1")
        case("sort", torch.sort, [made([3, 7])], 1)
        case("repeat", lambda x, sizes: x.repeat(sizes), [made([2, 3])], [2, 1])
    return [module]
