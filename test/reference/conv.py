# Cases of convolutions.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values

channels_last = [("permute", 0, 3, 1, 2)]


def record():
    module = Module("conv")
    record_forward(module)
    record_transposed(module)
    record_errors(module)
    return [module]


def record_forward(module):
    x, w, b = values([2, 4, 7]), values([6, 4, 3], seed=2), values([6], seed=3)
    halves = values([6, 2, 3], seed=4)
    for options in (
        {}, {"stride": 2}, {"stride": [3]}, {"padding": 1}, {"padding": [2]}, {"padding": 4}, {"dilation": 2}, {"padding": "same"},
        {"padding": "valid"}, {"padding": "same", "dilation": 3}, {"stride": 2, "padding": 2, "dilation": 2},
    ):
        module.case("F.conv1d", F.conv1d, [x, w, b], **options)
    module.case("F.conv1d", F.conv1d, [x, w], "$0", "$1", None, stride=2)
    module.case("F.conv1d", F.conv1d, [x, halves, b], groups=2)
    module.case("F.conv1d", F.conv1d, [x, values([4, 1, 2], seed=5), values([4], seed=6)], groups=4, padding="same")
    module.case("F.conv1d", F.conv1d, [x, values([8, 1, 3], seed=5)], "$0", "$1", None, groups=4, stride=3, padding=1, dilation=2)
    module.case("F.conv1d", F.conv1d, [values([4, 7]), w, b], padding=1)
    module.case("F.conv1d", F.conv1d, [values([7, 4], via=[("transpose", 0, 1)]), w, b])
    module.case("F.conv1d", F.conv1d, [values([2, 1, 40], seed=8), values([1, 1, 17], seed=9)], "$0", "$1", None, padding=5)
    for kind in ("int64", "int32", "uint8"):
        module.case("F.conv1d", F.conv1d, [values([1, 2, 5], 0, 5, dtype=kind), values([2, 2, 3], 0, 5, seed=2, dtype=kind), values([2], 0, 9, dtype=kind)], padding=1)

    x, w, b = values([2, 4, 5, 6]), values([6, 4, 3, 2], seed=2), values([6], seed=3)
    for options in (
        {}, {"stride": 2}, {"stride": [1, 3]}, {"padding": 1}, {"padding": [0, 2]}, {"dilation": [2, 3]}, {"padding": "same"},
        {"padding": "same", "dilation": [3, 1]}, {"stride": [2, 1], "padding": [2, 1], "dilation": [1, 2]}, {"stride": 4, "padding": 3},
    ):
        module.case("F.conv2d", F.conv2d, [x, w, b], **options)
    for options in ({"groups": 2}, {"groups": 2, "stride": 2, "padding": [1, 2]}, {"groups": 2, "padding": "same"}):
        module.case("F.conv2d", F.conv2d, [x, values([6, 2, 3, 2], seed=4), b], **options)
    for options in ({}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": [2, 1]}, {"stride": [1, 2]}, {"stride": [3, 1], "padding": 2}):
        module.case("F.conv2d", F.conv2d, [x, values([4, 1, 3, 3], seed=5), values([4], seed=6)], groups=4, **options)
        module.case("F.conv2d", F.conv2d, [x, values([8, 1, 2, 3], seed=5)], "$0", "$1", None, groups=4, **options)
    for options in ({}, {"stride": 2}, {"padding": 1}, {"groups": 2}):
        point = values([6, 2 if options.get("groups") else 4, 1, 1], seed=7)
        module.case("F.conv2d", F.conv2d, [x, point, b], **options)
        module.case("F.conv2d", F.conv2d, [x, point], "$0", "$1", None, **options)
    module.case("F.conv2d", F.conv2d, [values([2, 5, 6, 4], via=channels_last), w, b], padding=1)
    module.case("F.conv2d", F.conv2d, [x, values([4, 6, 3, 2], seed=2, via=[("transpose", 0, 1)]), b])
    module.case("F.conv2d", F.conv2d, [values([1, 1, 5, 1], via=[("expand", 2, 4, 5, 6)]), w, values([1], via=[("expand", 6)])])
    module.case("F.conv2d", F.conv2d, [values([4, 5, 6]), w, b], padding="same")
    module.case("F.conv2d", F.conv2d, [exact([0, 4, 5, 6], []), w, b])
    module.case("F.conv2d", F.conv2d, [values([3, 3, 12, 20], seed=8), values([5, 3, 5, 4], seed=9), values([5])], stride=[2, 3], padding=2, second=False)
    module.case("F.conv2d", F.conv2d, [exact([1, 1, 3, 3], [float("nan"), 0, 1, 2, 3, 4, 5, 6, float("inf")]), values([1, 1, 2, 2], 1, 2)], "$0", "$1", None, gradient=False)
    for kind in ("int64", "int32"):
        module.case("F.conv2d", F.conv2d, [values([1, 2, 3, 4], -5, 5, dtype=kind), values([2, 1, 2, 2], -5, 5, seed=2, dtype=kind)], "$0", "$1", None, groups=2, stride=[1, 2])


def record_transposed(module):
    x, w, b = values([2, 4, 5]), values([4, 3, 3], seed=2), values([3], seed=3)
    for options in (
        {}, {"stride": 2}, {"padding": 1}, {"dilation": 2}, {"stride": 3, "output_padding": 2}, {"dilation": 3, "output_padding": 2},
        {"stride": 2, "padding": 2, "output_padding": 1, "dilation": 2}, {"stride": 2, "dilation": 4, "output_padding": 3},
    ):
        module.case("F.convTranspose1d", F.conv_transpose1d, [x, w, b], **options)
    module.case("F.convTranspose1d", F.conv_transpose1d, [x, w], "$0", "$1", None, stride=2)
    module.case("F.convTranspose1d", F.conv_transpose1d, [x, values([4, 2, 3], seed=4), values([4], seed=5)], groups=2, stride=2)
    module.case("F.convTranspose1d", F.conv_transpose1d, [x, values([4, 1, 2], seed=4), values([4], seed=5)], groups=4, stride=2, padding=1)
    module.case("F.convTranspose1d", F.conv_transpose1d, [values([4, 5]), w, b])
    x, w, b = values([2, 4, 3, 4]), values([4, 3, 2, 3], seed=2), values([3], seed=3)
    for options in (
        {}, {"stride": 2}, {"stride": [1, 3], "padding": [0, 1]}, {"padding": 1}, {"dilation": [2, 1]}, {"stride": 2, "output_padding": 1},
        {"stride": [2, 3], "padding": 1, "output_padding": [0, 2], "dilation": [2, 1]}, {"dilation": 2, "output_padding": 1},
        {"dilation": [3, 4], "stride": [2, 1], "output_padding": [2, 3], "padding": 2},
    ):
        module.case("F.convTranspose2d", F.conv_transpose2d, [x, w, b], **options)
    module.case("F.convTranspose2d", F.conv_transpose2d, [x, w], "$0", "$1", None, stride=2)
    for options in ({}, {"stride": 2, "padding": 1, "output_padding": 1}, {"dilation": 2}):
        module.case("F.convTranspose2d", F.conv_transpose2d, [x, values([4, 2, 2, 3], seed=4), values([4], seed=5)], groups=2, **options)
        module.case("F.convTranspose2d", F.conv_transpose2d, [x, values([4, 1, 3, 2], seed=4), values([4], seed=5)], groups=4, **options)
        module.case("F.convTranspose2d", F.conv_transpose2d, [x, values([4, 2, 3, 2], seed=4)], "$0", "$1", None, groups=4, **options)
    module.case("F.convTranspose2d", F.conv_transpose2d, [values([2, 3, 4, 4], via=channels_last), w, b], stride=2)
    module.case("F.convTranspose2d", F.conv_transpose2d, [values([4, 3, 4]), w, b])
    module.case("F.convTranspose2d", F.conv_transpose2d, [exact([0, 4, 3, 4], []), w, b])


def record_errors(module):
    x, w, b = values([1, 2, 5, 5]), values([4, 2, 3, 3]), values([4])
    for options in (
        {"padding": "same", "stride": 2}, {"padding": "full"}, {"stride": 0}, {"stride": -1}, {"padding": -1}, {"dilation": 0}, {"groups": 2},
        {"groups": 3}, {"groups": 0}, {"groups": -1}, {"stride": [1, 2, 3]}, {"padding": [1, 2, 3]}, {"dilation": 3}, {"stride": "same"}, {"stride": 1.5},
    ):
        module.error("F.conv2d", F.conv2d, [x, w, b], **options)
    module.error("F.conv2d", F.conv2d, [x, w, values([3])])
    module.error("F.conv2d", F.conv2d, [x, w, values([1, 4])])
    module.error("F.conv2d", F.conv2d, [x, values([4, 3, 3, 3])], "$0", "$1")
    module.error("F.conv2d", F.conv2d, [x, values([4, 2, 6, 6])], "$0", "$1")
    module.error("F.conv2d", F.conv2d, [x, values([4, 2, 3])], "$0", "$1")
    module.error("F.conv2d", F.conv2d, [x, exact([0, 2, 3, 3], [])], "$0", "$1")
    module.error("F.conv2d", F.conv2d, [x, exact([4, 2, 0, 3], [])], "$0", "$1")
    module.error("F.conv2d", F.conv2d, [x, values([4, 2, 3, 3], dtype="int64")], "$0", "$1")
    module.error("F.conv2d", F.conv2d, [x, w, values([4], dtype="int64")])
    module.error("F.conv2d", F.conv2d, [values([5, 5]), w], "$0", "$1")
    module.error("F.conv2d", F.conv2d, [values([1, 1, 2, 5, 5]), w], "$0", "$1")
    module.error("F.conv2d", F.conv2d, [exact([1, 2, 0, 5], []), w], "$0", "$1")
    module.error("F.conv2d", F.conv2d, [exact([1, 2, 3, 3], [1] * 18, "bool"), exact([1, 2, 2, 2], [1] * 8, "bool")], "$0", "$1")
    module.error("F.conv1d", F.conv1d, [values([1, 2, 5, 5]), w], "$0", "$1")
    module.error("F.conv1d", F.conv1d, [values([2, 5]), values([4, 2, 3])], "$0", "$1", None, stride=[1, 2])
    module.error("F.conv1d", F.conv1d, [values([1, 2, 2]), values([4, 2, 3])], "$0", "$1")
    for options in ({"output_padding": 1}, {"stride": 2, "output_padding": 2}, {"output_padding": -1}, {"groups": 3}, {"padding": 3}, {"stride": 0}, {"dilation": 0}, {"padding": -1}):
        module.error("F.convTranspose2d", F.conv_transpose2d, [values([1, 4, 2, 2]), w], "$0", "$1", None, **options)
    module.error("F.convTranspose2d", F.conv_transpose2d, [values([1, 3, 2, 2]), w], "$0", "$1")
    module.error("F.convTranspose2d", F.conv_transpose2d, [values([1, 4, 2, 2]), w, values([4])])
    module.error("F.convTranspose2d", F.conv_transpose2d, [exact([1, 4, 0, 2], []), w], "$0", "$1")
    module.error("F.convTranspose2d", F.conv_transpose2d, [values([4, 2]), w], "$0", "$1")
