# Cases of the functions that make tensors from nothing, or in the likeness of another.

import torch

from recorder import Module, exact, values


def record():
    module = Module("creation")
    shapes = ([2, 3], [], [0, 2], [4])
    dtypes = (torch.float16, torch.int64, torch.bool, torch.uint8)
    for name in ("zeros", "ones"):
        make, like = getattr(torch, name), getattr(torch, f"{name}_like")
        for shape in shapes:
            module.case(name, make, [], shape)
        for dtype in dtypes:
            module.case(name, make, [], [2, 2], dtype=dtype)
            module.case(f"{name}Like", like, [values([2, 3])], dtype=dtype, gradient=False)
        module.case(f"{name}Like", like, [values([3, 2], via=[("transpose", 0, 1)])], gradient=False)
        module.case(f"{name}Like", like, [values([3], dtype="int32")])
        module.error(name, make, [], [-1, 2])
    for shape, value in (([2, 3], 1.5), ([], -2.0), ([0], 3.25)):
        module.case("full", torch.full, [], shape, value)
    module.case("full", torch.full, [], [2], True)
    module.case("full", torch.full, [], [2], 3, dtype=torch.int16)
    module.case("fullLike", torch.full_like, [values([2, 3])], "$0", 2.5, gradient=False)
    module.case("fullLike", torch.full_like, [exact([2], [1, 2], "int64")], "$0", 7)
    record_ranges(module)
    return [module]


def record_ranges(module):
    for arguments in ((5,), (2, 8), (2, 9, 3), (5, 0, -2), (0, 1, 0.25), (1.5, 4), (-1, 1, 0.3), (3, 3), (0, -2, -0.5)):
        module.case("arange", torch.arange, [], *arguments)
    module.case("arange", torch.arange, [], 4, dtype=torch.bfloat16)
    module.case("arange", torch.arange, [], 0, 7, 2, dtype=torch.int32)
    module.error("arange", torch.arange, [], 0, 5, 0)
    module.error("arange", torch.arange, [], 0, 5, -1)
    for arguments in ((0, 1, 5), (-2, 3, 7), (1, 1, 3), (5, -5, 4), (0, 10, 1), (3, 4, 0), (-1e6, 1e6, 9)):
        module.case("linspace", torch.linspace, [], *arguments)
    module.case("linspace", torch.linspace, [], 0, 9, 4, dtype=torch.int64)
    module.error("linspace", torch.linspace, [], 0, 1, -1)
    for arguments in ((3,), (2, 4), (4, 2), (0,), (1, 0)):
        module.case("eye", torch.eye, [], *arguments)
    module.case("eye", torch.eye, [], 2, dtype=torch.bool)
    module.error("eye", torch.eye, [], -1)
