# Cases of embeddings.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values


def record():
    module = Module("embedding")
    call, f = "F.embedding", F.embedding
    weight, flipped = values([5, 3]), values([3, 5], seed=2, via=[("transpose", 0, 1)])
    for kind in ("int64", "int32"):
        index = exact([2, 3], [4, 0, 2, 2, 1, 4], kind)
        for table in (weight, flipped):
            module.case(call, f, [index, table])
            module.case(call, f, [index, table], padding_idx=2)
            module.case(call, f, [index, table], padding_idx=-1)
            module.case(call, f, [index, table], scale_grad_by_freq=True)
            module.case(call, f, [index, table], padding_idx=4, scale_grad_by_freq=True)
    index = exact([3, 2], [4, 0, 2, 2, 1, 4], "int64", via=[("transpose", 0, 1)])
    module.case(call, f, [index, weight])
    module.case(call, f, [exact([], [3], "int64"), weight])
    module.case(call, f, [exact([0], [], "int64"), weight])
    module.case(call, f, [exact([2, 0], [], "int64"), weight], padding_idx=1)
    module.case(call, f, [exact([2, 1, 2], [0, 1, 1, 0], "int64"), weight])
    module.case(call, f, [exact([2], [0, 1], "int64"), values([5, 3], dtype="int64")])
    module.case(call, f, [exact([2], [0, 1], "int64"), exact([2, 2], [float("nan"), 1, float("inf"), 2])])
    # The weight itself is changed, so it is no variable here.
    frozen = values([5, 3])
    frozen.tracked = False
    for options in ({"max_norm": 1.0}, {"max_norm": 1.5, "norm_type": 1.0}, {"max_norm": 0.5, "norm_type": 3.0}, {"max_norm": 100.0},
                    {"max_norm": 1.0, "norm_type": float("inf")}):
        module.case(call, f, [exact([4], [4, 0, 2, 2], "int64"), frozen], **options)
    module.error(call, f, [exact([1], [5], "int64"), weight])
    module.error(call, f, [exact([1], [-1], "int64"), weight])
    module.error(call, f, [exact([1], [1.0]), weight])
    module.error(call, f, [exact([1], [1], "int16"), weight])
    module.error(call, f, [exact([1], [1], "int64"), values([5])])
    module.error(call, f, [exact([1], [1], "int64"), values([1, 5, 3])])
    try:
        F.embedding(torch.tensor([1]), torch.zeros(5, 3), padding_idx=5)
    except AssertionError:
        module.cases.append({"call": call, "in": [exact([1], [1], "int64").encoded(), weight.encoded()], "args": ["$0", "$1", {"paddingIdx": 5}], "error": True})
    return [module]
