# Cases of pooling.

import math

import torch
import torch.nn.functional as F

from recorder import Module, exact, values

channels_last = [("permute", 0, 3, 1, 2)]
nan, inf = math.nan, math.inf


def record():
    module = Module("pool")
    record_largest(module)
    record_means(module)
    record_adaptive(module)
    record_errors(module)
    return [module]


def record_largest(module):
    x = values([2, 3, 9])
    for size, options in (
        (2, {}), (3, {"stride": 1}), ([4], {"stride": [3], "padding": [2]}), (2, {"padding": 1}), (3, {"dilation": 2}), (2, {"ceil_mode": True}),
        (3, {"stride": 2, "padding": 1, "dilation": 3, "ceil_mode": True}), (2, {"stride": 4, "padding": 1, "ceil_mode": True}), (9, {}),
    ):
        module.case("F.maxPool1d", F.max_pool1d, [x], size, **options)
        module.case("F.maxPool1d", F.max_pool1d, [x], size, return_indices=True, **options)
    module.case("F.maxPool1d", F.max_pool1d, [values([3, 9])], 2, return_indices=True)
    module.case("F.maxPool1d", F.max_pool1d, [exact([0, 3, 9], [])], 2)
    x = values([2, 3, 6, 7])
    for size, options in (
        (2, {}), (3, {"stride": 1}), ([3, 2], {}), ([2, 3], {"stride": [1, 2], "padding": [1, 0]}), (3, {"padding": 1}), (2, {"dilation": 2}),
        (2, {"ceil_mode": True}), (3, {"stride": 2, "padding": 1, "ceil_mode": True}), (2, {"stride": [4, 5], "padding": 1, "ceil_mode": True}),
        ([2, 3], {"dilation": [3, 2], "stride": 2, "padding": 1, "ceil_mode": True}), ([6, 7], {}),
    ):
        module.case("F.maxPool2d", F.max_pool2d, [x], size, **options)
        module.case("F.maxPool2d", F.max_pool2d, [x], size, return_indices=True, **options)
    same = exact([1, 4, 4], [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3])
    special = exact([1, 4, 4], [nan, 1, -inf, -inf, 2, nan, -inf, -inf, inf, 1, -inf, nan, 5, inf, 3, -inf])
    for spec in (same, special):
        for options in ({}, {"stride": 1}, {"padding": 1}):
            module.case("F.maxPool2d", F.max_pool2d, [spec], 2, return_indices=True, **options)
    module.case("F.maxPool2d", F.max_pool2d, [values([2, 6, 7, 3], via=channels_last)], 2, return_indices=True)
    module.case("F.maxPool2d", F.max_pool2d, [values([2, 3, 1, 7], via=[("expand", 2, 3, 5, 7)])], 2)
    module.case("F.maxPool2d", F.max_pool2d, [values([3, 6, 7])], [2, 2], stride=[])
    module.case("F.maxPool2d", F.max_pool2d, [exact([0, 3, 6, 7], [])], 2)
    module.case("F.maxPool2d", F.max_pool2d, [values([1, 1, 4, 4], -1e30, 1e30)], 2, gradient=False, compare32=False)
    for kind in ("int64", "int32", "int16", "int8", "uint8"):
        module.case("F.maxPool2d", F.max_pool2d, [values([1, 2, 4, 4], 0, 99, dtype=kind)], 2, padding=1, return_indices=True)


def record_means(module):
    x = values([2, 3, 9])
    for size, options in (
        (2, {}), (3, {"stride": 1}), ([4], {"stride": [3], "padding": [2]}), (3, {"padding": 1, "count_include_pad": False}), (2, {"ceil_mode": True}),
        (4, {"stride": 3, "padding": 2, "ceil_mode": True}), (4, {"stride": 3, "padding": 2, "ceil_mode": True, "count_include_pad": False}),
    ):
        module.case("F.avgPool1d", F.avg_pool1d, [x], size, **options)
    module.case("F.avgPool1d", F.avg_pool1d, [values([3, 9])], 2)
    module.case("F.avgPool1d", F.avg_pool1d, [exact([0, 3, 9], [])], 2)
    module.case("F.avgPool1d", F.avg_pool1d, [exact([1, 1, 6], [-3, -4, 5, 6, 7, -8], "int64")], 2)
    module.case("F.avgPool1d", F.avg_pool1d, [values([2, 9, 3], via=[("transpose", 1, 2)])], 2)
    x = values([2, 3, 6, 7])
    for size, options in (
        (2, {}), (3, {"stride": 1}), ([3, 2], {}), ([2, 3], {"stride": [1, 2], "padding": [1, 0]}), (3, {"padding": 1}),
        (3, {"padding": 1, "count_include_pad": False}), (2, {"ceil_mode": True}), (4, {"stride": 3, "padding": 2, "ceil_mode": True}),
        (4, {"stride": [3, 5], "padding": [2, 1], "ceil_mode": True, "count_include_pad": False}), (2, {"divisor_override": 3}),
        (2, {"divisor_override": -2, "padding": 1, "ceil_mode": True}), (2, {"divisor_override": 5, "padding": 1, "count_include_pad": False}), ([6, 7], {}),
    ):
        module.case("F.avgPool2d", F.avg_pool2d, [x], size, **options)
    module.case("F.avgPool2d", F.avg_pool2d, [values([2, 6, 7, 3], via=channels_last)], 2)
    module.case("F.avgPool2d", F.avg_pool2d, [values([3, 6, 7])], 2)
    module.case("F.avgPool2d", F.avg_pool2d, [exact([0, 3, 6, 7], [])], 2)
    module.case("F.avgPool2d", F.avg_pool2d, [exact([1, 2, 3], [nan, 1, inf, 2, 3, 4])], [2, 2], stride=1)
    module.case("F.avgPool2d", F.avg_pool2d, [values([1, 2, 4, 4], 0, 99, dtype="int64")], 2, padding=1)


def record_adaptive(module):
    x = values([2, 3, 7])
    for size in (1, 2, 3, 5, 7, 10, [4]):
        module.case("F.adaptiveAvgPool1d", F.adaptive_avg_pool1d, [x], size)
        module.case("F.adaptiveMaxPool1d", F.adaptive_max_pool1d, [x], size)
        module.case("F.adaptiveMaxPool1d", F.adaptive_max_pool1d, [x], size, return_indices=True)
    x = values([2, 3, 5, 7])
    for size in (1, 2, [3, 4], [5, 7], [6, 9], [None, 2], [3, None], [1, 3]):
        module.case("F.adaptiveAvgPool2d", F.adaptive_avg_pool2d, [x], size)
        module.case("F.adaptiveMaxPool2d", F.adaptive_max_pool2d, [x], size)
        module.case("F.adaptiveMaxPool2d", F.adaptive_max_pool2d, [x], size, return_indices=True)
    for name, function in (("F.adaptiveAvgPool2d", F.adaptive_avg_pool2d), ("F.adaptiveMaxPool2d", F.adaptive_max_pool2d)):
        module.case(name, function, [values([2, 5, 7, 3], via=channels_last)], 2)
        module.case(name, function, [values([3, 5, 7])], [2, 3])
        module.case(name, function, [exact([0, 3, 5, 7], [])], 2)
        module.case(name, function, [exact([1, 2, 3], [nan, 1, inf, 2, nan, 4])], [1, 2], gradient=False)
        module.case(name, function, [values([2, 3, 5, 7])], [0, 2], gradient=False)
        for size in (-1, [2, 3, 4], [2, -3], 1.5):
            module.error(name, function, [x], size)
        module.error(name, function, [values([5, 7])], 2)
        module.error(name, function, [exact([2, 3, 0, 7], [])], 2)
        module.error(name, function, [values([2, 3, 5, 7], dtype="int64")], 2)
    module.error("F.adaptiveAvgPool1d", F.adaptive_avg_pool1d, [x], 2)
    module.error("F.adaptiveMaxPool1d", F.adaptive_max_pool1d, [x], 2)


def record_errors(module):
    x = values([1, 2, 5, 5])
    shared = [(0, {}), (-1, {}), (6, {}), (2, {"padding": 2}), (2, {"padding": -1}), (2, {"stride": 0}), ([2, 2, 2], {}), (2, {"stride": [1, 2, 3]}), (1.5, {})]
    for name, function, more in (
        ("F.maxPool2d", F.max_pool2d, [(2, {"dilation": 0}), (3, {"padding": 2, "dilation": 2}), (3, {"dilation": 3})]),
        ("F.avgPool2d", F.avg_pool2d, [(2, {"divisor_override": 0})]),
    ):
        for size, options in shared + more:
            module.error(name, function, [x], size, **options)
        module.error(name, function, [values([5, 5])], 2)
        module.error(name, function, [exact([1, 0, 5, 5], [])], 2)
        module.error(name, function, [exact([1, 2, 0, 5], [])], 2)
        module.error(name, function, [exact([0, 5, 5], [])], 2)
        module.error(name, function, [exact([1, 2, 2], [1, 0, 1, 0], "bool")], 2)
    for name, function in (("F.maxPool1d", F.max_pool1d), ("F.avgPool1d", F.avg_pool1d)):
        for size, options in [(0, {}), (6, {}), (3, {"padding": 2}), (2, {"stride": 0}), ([2, 2], {})]:
            module.error(name, function, [values([1, 2, 5])], size, **options)
        module.error(name, function, [values([5])], 2)
        module.error(name, function, [x], 2)
