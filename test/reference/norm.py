# Cases of normalisation.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values

transposed = [("transpose", 0, 1)]


def record():
    module = Module("norm")
    record_batches(module)
    record_layers(module)
    record_groups(module)
    record_instances(module)
    return [module]


def frozen(shape, low, high, seed):
    spec = values(shape, low, high, seed)
    spec.tracked = False
    return spec


def record_batches(module):
    call, f = "F.batchNorm", F.batch_norm
    weight, bias, mean, var = values([4], seed=2), values([4], seed=3), frozen([4], -1, 1, 4), frozen([4], 0.5, 2, 5)
    spatial = values([2, 4, 2, 3], seed=6)
    for x in (values([6, 4]), values([4, 6], via=transposed), values([3, 4, 2], seed=7), spatial, values([2, 2, 3, 4], seed=8, via=[("permute", 0, 3, 1, 2)])):
        for training in (True, False):
            shown = {"weight": "$3", "bias": "$4", "training": training}
            module.case(call, lambda *a, f=f, **o: f(*a, **o), [x, mean, var, weight, bias], "$0", "$1", "$2", **shown)
        module.case(call, f, [x], "$0", None, None, training=True)
        module.case(call, f, [x, weight], "$0", None, None, weight="$1", training=True, eps=0.25)
        module.case(call, f, [x, bias], "$0", None, None, bias="$1", training=True, second=False)  # PyTorch has none
    module.case(call, f, [spatial, mean, var], "$0", "$1", "$2")
    module.case(call, f, [spatial, mean, var], "$0", "$1", "$2", training=False, eps=0.5)
    module.case(call, f, [exact([2, 2], [float("nan"), 1, 2, 3])], "$0", None, None, training=True)
    module.case(call, f, [exact([4, 1], [1e6, 1e6 + 1, 1e6 + 2, 1e6 + 3])], "$0", None, None, training=True, compare32=False)
    module.case(call, f, [exact([0, 3], []), frozen([3], -1, 1, 4), frozen([3], 0.5, 2, 5)], "$0", "$1", "$2", training=True, second=False)
    module.error(call, f, [values([3, 4])], "$0", None, None, training=True, eps=0.0)
    module.error(call, f, [values([1, 4])], "$0", None, None, training=True)
    module.error(call, f, [values([2, 4])], "$0", None, None)
    module.error(call, f, [values([2, 4]), values([3])], "$0", None, None, weight="$1", training=True)
    module.error(call, f, [values([2, 4]), frozen([3], 0, 1, 1), frozen([3], 1, 2, 1)], "$0", "$1", "$2")
    module.error(call, f, [values([4])], "$0", None, None, training=True)
    module.error(call, f, [values([4, 2], dtype="int64")], "$0", None, None, training=True)


def record_layers(module):
    inputs = [(values([3, 4]), [4]), (values([4, 3], seed=2, via=transposed), [4]), (values([2, 3, 4], seed=3), [3, 4]), (values([2, 3, 4], seed=4), [4]),
              (values([4], seed=5), [4]), (values([3, 37], seed=6), [37]), (values([2, 3, 4], seed=7, via=[("select", 1, 1)]), [4]), (values([2, 1], seed=8), [1])]
    for x, shape in inputs:
        weight, bias = values(shape, seed=10), values(shape, seed=11)
        for call, f in (("F.layerNorm", F.layer_norm), ("F.rmsNorm", F.rms_norm)):
            if x.shape == [2, 1] and call == "F.layerNorm":
                continue
            module.case(call, f, [x], "$0", shape)
            module.case(call, f, [x, weight], "$0", shape, weight="$1")
            module.case(call, f, [x], "$0", shape, eps=0.5)
        if x.shape == [2, 1]:
            continue
        module.case("F.layerNorm", F.layer_norm, [x, weight, bias], "$0", shape, weight="$1", bias="$2")
        module.case("F.layerNorm", F.layer_norm, [x, bias], "$0", shape, bias="$1", second=False)
        module.case("F.layerNorm", F.layer_norm, [x, weight, bias], "$0", shape, weight="$1", bias="$2", eps=0.125)
    for call, f in (("F.layerNorm", F.layer_norm), ("F.rmsNorm", F.rms_norm)):
        flipped = values([4, 3], seed=12, via=transposed)
        module.case(call, f, [values([2, 3, 4], seed=13), flipped], "$0", [3, 4], weight="$1")
        module.case(call, f, [exact([0, 3], [])], "$0", [3])
        module.case(call, f, [exact([0, 3], []), values([3])], "$0", [3], weight="$1")
        module.case(call, f, [exact([2, 2], [float("nan"), 1, 2, 3])], "$0", [2])
        module.case(call, f, [exact([2, 2], [float("inf"), 1, 2, 3])], "$0", [2], gradient=False)
        module.case(call, f, [exact([2, 2], [1e30, -1e30, 1e-20, 3e-20])], "$0", [2], compare32=False, second=False)
        module.case(call, f, [exact([1, 4], [1e6, 1e6 + 1, 1e6 + 2, 1e6 + 3])], "$0", [4], compare32=False)
        module.error(call, f, [values([3, 4])], "$0", [3])
        module.error(call, f, [values([3, 4])], "$0", [])
        module.error(call, f, [values([4])], "$0", [3, 4])
        module.error(call, f, [values([3, 4]), values([3])], "$0", [4], weight="$1")
        module.error(call, f, [values([3, 4], dtype="int64")], "$0", [4])
    module.case("F.layerNorm", F.layer_norm, [exact([2, 3], [5, 5, 5, -2, -2, -2])], "$0", [3], second=False)
    module.case("F.rmsNorm", F.rms_norm, [exact([2, 3], [0, 0, 0, 1, 0, 0])], "$0", [3], second=False, compare32=False)
    module.error("F.layerNorm", F.layer_norm, [values([3, 4]), values([3])], "$0", [4], bias="$1")
    module.error("F.layerNorm", F.layer_norm, [exact([1, 2], [1, 2], "float32"), exact([2], [1, 2], "float64")], "$0", [2], weight="$1")


def record_groups(module):
    call, f = "F.groupNorm", F.group_norm
    for x in (values([2, 6]), values([2, 6, 3], seed=2), values([2, 6, 2, 2], seed=3), values([6, 2, 3], seed=4, via=transposed), values([1, 6, 20], seed=5),
              values([2, 2, 3, 6], seed=6, via=[("permute", 0, 3, 1, 2)])):
        weight, bias = values([6], seed=10), values([6], seed=11)
        for groups in (1, 2, 3) if len(x.shape) > 2 else (1, 2):  # two values are too few for float32
            module.case(call, f, [x], "$0", groups)
            module.case(call, f, [x, weight, bias], "$0", groups, weight="$1", bias="$2")
        module.case(call, f, [x, weight], "$0", 2, weight="$1", eps=0.5)
        module.case(call, f, [x, bias], "$0", 2, bias="$1", gradient=False)  # PyTorch fails on the way back
    module.case(call, f, [values([2, 4, 3], seed=7)], "$0", 4)
    module.case(call, f, [exact([0, 4, 2], [])], "$0", 2)
    module.case(call, f, [exact([1, 2, 2], [float("nan"), 1, 2, 3])], "$0", 2)
    module.error(call, f, [values([4])], "$0", 2)
    module.error(call, f, [values([2, 4])], "$0", 3)
    module.error(call, f, [values([1, 4])], "$0", 4)
    module.error(call, f, [values([2, 4, 2]), values([2])], "$0", 2, weight="$1")
    module.error(call, f, [values([2, 4, 2]), values([2])], "$0", 2, bias="$1")
    module.error(call, f, [values([2, 4, 2], dtype="int32")], "$0", 2)


def record_instances(module):
    call, f = "F.instanceNorm", F.instance_norm
    for x in (values([2, 3, 4]), values([2, 3, 2, 2], seed=2), values([3, 2, 5], seed=3, via=transposed), values([1, 3, 2, 2, 2], seed=4)):
        weight, bias, mean, var = values([3], seed=10), values([3], seed=11), frozen([3], -1, 1, 12), frozen([3], 0.5, 2, 13)
        module.case(call, f, [x], "$0")
        module.case(call, f, [x, weight, bias], "$0", weight="$1", bias="$2")
        module.case(call, f, [x], "$0", eps=0.5)
        module.case(call, f, [x, mean, var], "$0", running_mean="$1", running_var="$2")
        module.case(call, f, [x, mean, var, weight, bias], "$0", running_mean="$1", running_var="$2", weight="$3", bias="$4", use_input_stats=False)
        module.case(call, f, [x, mean, var], "$0", running_mean="$1", running_var="$2", use_input_stats=False, eps=0.25)
    module.error(call, f, [values([2, 3])], "$0")
    module.error(call, f, [values([2, 3, 1])], "$0")
    module.error(call, f, [values([2, 3, 2])], "$0", use_input_stats=False)
    module.error(call, f, [values([2, 3, 2]), frozen([3], 0, 1, 1)], "$0", running_mean="$1")
    module.error(call, f, [values([2, 3, 2]), values([4])], "$0", weight="$1")
