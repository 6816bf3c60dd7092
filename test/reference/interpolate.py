# Cases of planes in other sizes.

import math

import torch
import torch.nn.functional as F

from recorder import Module, exact, values


def record():
    module = Module("interpolate")
    call = lambda inputs, gradient=True, **options: module.case("F.interpolate", F.interpolate, inputs, gradient=gradient, **options)
    signal, image = values([2, 3, 5]), values([2, 2, 4, 5], seed=2)
    for mode in ("nearest", "nearest-exact", "area", "linear"):
        for size in ({"size": 3}, {"size": 8}, {"size": 10}, {"size": [1]}, {"size": 5}, {"scale_factor": 2}, {"scale_factor": 1.7}, {"scale_factor": 0.45}, {"scale_factor": [1.3]}):
            call([signal], mode=mode, **size)
        call([signal], mode=mode, scale_factor=1.7, recompute_scale_factor=True)
        call([signal], mode=mode, scale_factor=1.7, recompute_scale_factor=False)
    for mode in ("nearest", "nearest-exact", "area", "bilinear", "bicubic"):
        for size in (
            {"size": 3}, {"size": [8, 3]}, {"size": [1, 1]}, {"size": [4, 5]}, {"size": [4, 9]}, {"scale_factor": 2}, {"scale_factor": [1.5, 0.7]},
            {"scale_factor": [1.1, 2.3]}, {"scale_factor": 3},
        ):
            call([image], mode=mode, **size)
        call([image], mode=mode, scale_factor=[1.1, 2.3], recompute_scale_factor=True)
        call([values([2, 4, 5, 2], via=[("permute", 0, 3, 1, 2)])], mode=mode, size=[3, 7])
        call([exact([0, 2, 4, 5], [])], mode=mode, size=3)
        call([exact([1, 1, 2, 2], [math.nan, 1, math.inf, -2])], gradient=False, mode=mode, size=[2, 4])
    for size in ({"size": 3}, {"size": 8}, {"size": 1}, {"scale_factor": 1.7}, {"size": 5}):
        for align in (True, False):
            call([signal], mode="linear", align_corners=align, **size)
            for mode in ("bilinear", "bicubic"):
                call([image], mode=mode, align_corners=align, **size)
    call([image], size=[6, 7])
    call([values([1, 1, 3, 4], 0, 200, dtype="uint8")], size=[5, 3])
    call([values([1, 1, 1, 1])], mode="bicubic", size=[3, 2])
    for name, function, good, bad in (
        ("F.pixelShuffle", F.pixel_shuffle, [2, 3, 8, 2, 3], [2, 6, 2, 3]), ("F.pixelUnshuffle", F.pixel_unshuffle, [2, 3, 2, 4, 6], [2, 3, 4, 5]),
    ):
        module.case(name, function, [values(good)], 2)
        module.case(name, function, [values(good[2:])], 2)
        module.case(name, function, [values(good[2:])], 1)
        module.case(name, function, [values(good, dtype="int64", via=[("transpose", 0, 1)])], 2)
        module.error(name, function, [values(bad)], 2)
        module.error(name, function, [values(good)], 0)
        module.error(name, function, [values(good)], -2)
        module.error(name, function, [values([4, 4])], 2)
    error = lambda inputs, **options: module.error("F.interpolate", F.interpolate, inputs, **options)
    for options in (
        {}, {"size": 3, "scale_factor": 2}, {"size": 0}, {"size": -2}, {"size": [2, 2, 2]}, {"scale_factor": [1.0, 2.0, 3.0]}, {"scale_factor": 0.1},
        {"size": 3, "mode": "linear"}, {"size": 3, "mode": "trilinear"}, {"size": 3, "mode": "cubic"}, {"size": 3, "align_corners": True},
        {"size": 3, "mode": "area", "align_corners": False}, {"size": 3, "recompute_scale_factor": True}, {"scale_factor": -1.0}, {"size": "big"},
    ):
        error([image], **options)
    error([signal], size=3, mode="bilinear")
    error([signal], size=3, mode="bicubic")
    error([values([4, 5])], size=3)
    error([exact([1, 0, 4, 5], [])], size=3)
    error([exact([1, 2, 0, 5], [])], size=3)
    error([values([1, 2, 4, 5], dtype="int64")], size=3)
    error([values([1, 2, 4, 5], dtype="int32")], size=3, mode="bilinear")
    return [module]
