# Layers of signals and images, step by step: convolutions, pooling, upsampling.

from modules import Layers
from recorder import values

last = [("permute", 0, 3, 1, 2)]


def record():
    layers = Layers("planes")
    record_convolutions(layers)
    record_transposed(layers)
    record_pooling(layers)
    record_sizes(layers)
    return [layers]


def record_convolutions(layers):
    signal, image = values([2, 4, 7], seed=1), values([2, 4, 6, 5], seed=2)
    single, flipped = values([4, 6, 5], seed=3), values([2, 6, 5, 4], seed=4, via=last)
    for options in ({}, {"bias": False}, {"stride": 2, "padding": 1}, {"padding": "same", "dilation": 2}, {"groups": 2}, {"groups": 4, "stride": 2}, {"padding": "valid"}):
        layers.add("Conv1d", [4, 8, 3], options, [([signal], {}), ([values([4, 7], seed=5)], {})])
        layers.add("Conv2d", [4, 8, 3], options, [([image], {}), ([single], {}), ([flipped], {})])
    layers.add("Conv2d", [4, 2, [3, 1]], {"stride": [1, 2], "padding": [2, 0], "dilation": [2, 1]}, [([image], {})])
    for mode in ("reflect", "replicate", "circular"):
        layers.add("Conv1d", [4, 2, 3], {"padding": 2, "padding_mode": mode}, [([signal], {}), ([values([4, 7], seed=5)], {})])
        layers.add("Conv2d", [4, 2, 3], {"padding": [1, 2], "padding_mode": mode}, [([image], {}), ([single], {})])
        layers.add("Conv2d", [4, 2, [2, 3]], {"padding": "same", "padding_mode": mode}, [([image], {})])


def record_transposed(layers):
    signal, image = values([2, 4, 3], seed=1), values([2, 4, 3, 2], seed=2)
    for options in ({}, {"bias": False}, {"stride": 2, "padding": 1, "output_padding": 1}, {"groups": 2, "dilation": 2}):
        layers.add("ConvTranspose1d", [4, 6, 3], options, [([signal], {}), ([values([4, 3], seed=5)], {})])
        layers.add("ConvTranspose2d", [4, 6, 3], options, [([image], {}), ([values([4, 3, 2], seed=5)], {})])
    sized = [([image], {"output_size": [7, 6]}), ([image], {"output_size": [8, 5]}), ([image], {"output_size": [2, 6, 7, 5]}), ([image], {})]
    layers.add("ConvTranspose2d", [4, 6, 3], {"stride": 2, "output_padding": 1}, sized)
    layers.add("ConvTranspose1d", [4, 6, 3], {"stride": 3}, [([signal], {"output_size": [11]})])


def record_pooling(layers):
    signal, image, single = values([2, 3, 9], seed=1), values([2, 3, 6, 7], seed=2), values([3, 6, 7], seed=3)
    for options in ({}, {"stride": 1, "padding": 1}, {"dilation": 2, "ceil_mode": True}):
        layers.add("MaxPool1d", [3], options, [([signal], {}), ([values([3, 9], seed=5)], {})])
        layers.add("MaxPool2d", [3], options, [([image], {}), ([single], {})])
    layers.add("MaxPool2d", [[2, 3]], {"stride": [1, 2], "return_indices": True}, [([image], {})])
    for options in ({}, {"stride": 2, "padding": 1}, {"ceil_mode": True, "padding": 1, "count_include_pad": False}):
        layers.add("AvgPool1d", [3], options, [([signal], {})])
        layers.add("AvgPool2d", [3], options, [([image], {}), ([single], {})])
    layers.add("AvgPool2d", [2], {"divisor_override": 3}, [([image], {})])
    layers.add("AdaptiveAvgPool1d", [4], {}, [([signal], {})])
    layers.add("AdaptiveMaxPool1d", [4], {}, [([signal], {})])
    for size in (1, [2, 3], [None, 4]):
        layers.add("AdaptiveAvgPool2d", [size], {}, [([image], {}), ([single], {})])
        layers.add("AdaptiveMaxPool2d", [size], {}, [([image], {}), ([single], {})])
    layers.add("AdaptiveMaxPool2d", [2], {"return_indices": True}, [([image], {})])


def record_sizes(layers):
    signal, image = values([2, 3, 4], seed=1), values([2, 4, 3, 2], seed=2)
    layers.add("Upsample", [], {"scale_factor": 2}, [([signal], {}), ([image], {})])
    layers.add("Upsample", [], {"size": 5, "mode": "linear"}, [([signal], {})])
    layers.add("Upsample", [], {"scale_factor": (1.5, 2), "mode": "bilinear", "align_corners": True}, [([image], {})])
    layers.add("Upsample", [], {"size": [5, 3], "mode": "bicubic"}, [([image], {})])
    layers.add("UpsamplingNearest2d", [], {"scale_factor": 2}, [([image], {})])
    layers.add("UpsamplingBilinear2d", [], {"size": [5, 4]}, [([image], {})])
    layers.add("ZeroPad2d", [1], {}, [([image], {})])
    layers.add("ZeroPad2d", [[1, 0, 2, -1]], {}, [([image], {})])
    layers.add("PixelShuffle", [2], {}, [([image], {})])
    layers.add("PixelUnshuffle", [2], {}, [([values([2, 1, 4, 6], seed=3)], {})])
