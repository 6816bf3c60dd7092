# Cases of attention.

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from recorder import Module, exact, values

call = "F.scaledDotProductAttention"


def f(*arguments, **options):
    # The one of PyTorch's ways that has second derivatives.
    with sdpa_kernel(SDPBackend.MATH):
        return F.scaled_dot_product_attention(*arguments, **options)


def record():
    module = Module("attention")
    q, k, v = values([2, 2, 3, 2]), values([2, 2, 5, 2], seed=2), values([2, 2, 5, 2], seed=3)
    heads = [("transpose", 1, 2)]
    split = [values([1, 3, 2, 2], seed=4, via=heads), values([1, 5, 2, 2], seed=5, via=heads), values([1, 5, 2, 2], seed=6, via=heads)]
    wide = [values([2, 3, 3], seed=7), values([2, 5, 3], seed=8), values([2, 5, 1], seed=9)]
    flat = [values([3, 4], seed=8), values([5, 4], seed=9), values([5, 2], seed=10)]
    columns = [values([4, 3], seed=11, via=[("transpose", 0, 1)]), values([4, 5], seed=12, via=[("transpose", 0, 1)]), values([2, 5], seed=13, via=[("transpose", 0, 1)])]
    for inputs in ([q, k, v], split, wide, flat, columns):
        module.case(call, f, inputs)
        module.case(call, f, inputs, is_causal=True)
        module.case(call, f, inputs, scale=0.3)
        module.case(call, f, inputs, scale=-1.0, is_causal=True)
        mask = exact([3, 5], [(k * 7 % 5) < 3 for k in range(15)], "bool")
        module.case(call, f, [*inputs, mask], "$0", "$1", "$2", attn_mask="$3")
        blind = exact([3, 5], [k // 5 != 1 and k % 2 == 0 for k in range(15)], "bool")
        module.case(call, f, [*inputs, blind], "$0", "$1", "$2", attn_mask="$3")
        module.case(call, f, [*inputs, values([3, 5], seed=17)], "$0", "$1", "$2", attn_mask="$3")
        module.case(call, f, [*inputs, values([1, 5], seed=18)], "$0", "$1", "$2", attn_mask="$3", scale=0.5)
        module.case(call, f, [*inputs, exact([3, 1], [1, 0, 1], "bool")], "$0", "$1", "$2", attn_mask="$3")
    record_masks(module, q, k, v)
    record_sizes(module, q, k, v)
    record_refusals(module, q, k, v)
    return [module]


def record_masks(module, q, k, v):
    for shape in ([2, 2, 3, 5], [2, 1, 3, 5], [1, 2, 1, 5], [2, 1, 1, 5], [2, 3, 5], [1, 1]):
        count = torch.Size(shape).numel()
        module.case(call, f, [q, k, v, exact(shape, [(7 * n + 3) % 4 != 0 for n in range(count)], "bool")], "$0", "$1", "$2", attn_mask="$3")
        module.case(call, f, [q, k, v, values(shape, seed=20)], "$0", "$1", "$2", attn_mask="$3")
    never = float("-inf")
    numbers = [0.0, 1.0, never, never, 0.5, never, never, never, never, never, 2.0, never, 0.0, 0.0, -1.0]
    frozen = exact([3, 5], numbers, tracked=False)
    module.case(call, f, [q, k, v, frozen], "$0", "$1", "$2", attn_mask="$3")
    mask = values([5, 3], seed=21, via=[("transpose", 0, 1)])
    module.case(call, f, [q, k, v, mask], "$0", "$1", "$2", attn_mask="$3")
    module.case(call, f, [q, k, v, exact([3, 5], [0] * 15, "bool")], "$0", "$1", "$2", attn_mask="$3")


def record_sizes(module, q, k, v):
    one = values([1, 1, 1, 4], seed=22)
    module.case(call, f, [one, one, one], "$0", "$1", "$2")
    module.case(call, f, [values([2, 2, 7, 2], seed=23), k, v], is_causal=True)
    module.case(call, f, [q, values([1, 2, 5, 2], seed=24), values([2, 1, 5, 2], seed=25)])
    module.case(call, f, [q, values([2, 5, 2], seed=26), values([5, 2], seed=27)])
    module.case(call, f, [q, exact([2, 2, 0, 2], []), exact([2, 2, 0, 2], [])], second=False)
    module.case(call, f, [exact([2, 2, 0, 2], []), k, v], second=False)
    module.case(call, f, [exact([1, 2], [float("nan"), 1]), values([2, 2]), values([2, 2])], second=False)
    module.case(call, f, [exact([2, 2], [100, 1, 200, -300]), values([2, 2], 10, 20), values([2, 2])], second=False)
    module.case(call, f, [exact([1, 1, 2, 1], [1e4, -1e4]), exact([1, 1, 3, 1], [1, -1, 0.5]), values([1, 1, 3, 2])], second=False)
    for groups in ((4, 2), (4, 1), (4, 4)):
        inputs = [values([2, groups[0], 3, 2], seed=28), values([2, groups[1], 4, 2], seed=29), values([2, groups[1], 4, 2], seed=30)]
        module.case(call, f, inputs, enable_gqa=True)
        module.case(call, f, inputs, enable_gqa=True, is_causal=True)
    # Beyond one block of queries and keys.
    long = [values([70, 1], seed=31), values([140, 1], seed=32), values([140, 1], seed=33)]
    module.case(call, f, long, second=False)
    module.case(call, f, long, is_causal=True, second=False)
    module.case(call, f, [values([140, 1], seed=34), values([70, 1], seed=35), values([70, 1], seed=36)], is_causal=True, second=False)
    late = exact([1, 140], [n > 130 or n == 60 for n in range(140)], "bool")
    module.case(call, f, [*long, late], "$0", "$1", "$2", attn_mask="$3", second=False)


def record_refusals(module, q, k, v):
    mask = exact([3, 5], [1] * 15, "bool")
    module.error(call, f, [q, k, v, mask], "$0", "$1", "$2", attn_mask="$3", is_causal=True)
    module.error(call, f, [q, k, v, exact([4, 5], [1] * 20, "bool")], "$0", "$1", "$2", attn_mask="$3")
    module.error(call, f, [q, k, v, exact([3, 5], [1] * 15, "int64")], "$0", "$1", "$2", attn_mask="$3")
    narrow = [exact([2, 2], [0, 1, 2, 3], "float32")] * 3
    module.error(call, f, [*narrow, exact([2, 2], [1] * 4, "float64")], "$0", "$1", "$2", attn_mask="$3")
    module.error(call, f, [values([4]), values([4]), values([4])])
    module.error(call, f, [q, values([2, 2, 5, 3]), v])
    module.error(call, f, [q, values([2, 2, 6, 2]), v])
    module.error(call, f, [q, values([2, 3, 5, 2]), v])
    module.error(call, f, [narrow[0], exact([2, 2], [0, 1, 2, 3], "float64"), narrow[0]])
    module.error(call, f, [values([2, 4], dtype="int64"), values([2, 4], dtype="int64"), values([2, 4], dtype="int64")])
    module.error(call, f, [q, k, v], dropout_p=1.5)
