# Cases of the losses and of what stands in nn.functional beside them.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values


def record():
    module = Module("losses")
    logits, weight = values([5, 4], -3, 3), exact([4], [0.125, 1.0, 2.0, 0.5], tracked=False)
    for kind in ("int64", "int32"):
        target = exact([5], [3, 0, 1, 1, 2], kind)
        for reduction in ("mean", "sum", "none"):
            class_case(module, [logits, target], reduction=reduction)
    target = exact([5], [3, 0, 1, 1, 2], "int64")
    for reduction in ("mean", "sum", "none"):
        class_case(module, [logits, target, weight], weight="$2", reduction=reduction)
        class_case(module, [logits, target, weight], weight="$2", reduction=reduction, label_smoothing=0.1)
        class_case(module, [logits, target], reduction=reduction, label_smoothing=0.2)
        class_case(module, [logits, target, weight], weight="$2", reduction=reduction, ignore_index=1)
        class_case(module, [logits, target], reduction=reduction, ignore_index=1, label_smoothing=0.1)
        ignored = exact([5], [-100, 0, -100, 1, 2], "int64")
        class_case(module, [logits, ignored], reduction=reduction)
        shares = values([5, 4], 0, 1, seed=3)
        module.case("F.crossEntropy", F.cross_entropy, [logits, shares], reduction=reduction)
        module.case("F.crossEntropy", F.cross_entropy, [logits, shares, weight], "$0", "$1", weight="$2", reduction=reduction)
        module.case("F.crossEntropy", F.cross_entropy, [logits, shares], reduction=reduction, label_smoothing=0.3)
        log_probabilities = values([5, 4], -3, 0, seed=4)
        module.case("F.nllLoss", F.nll_loss, [log_probabilities, target], reduction=reduction)
        module.case("F.nllLoss", F.nll_loss, [log_probabilities, target, weight], "$0", "$1", weight="$2", reduction=reduction)
        module.case("F.nllLoss", F.nll_loss, [log_probabilities, target], reduction=reduction, ignore_index=1)
        module.case("F.mseLoss", F.mse_loss, [values([3, 2]), values([3, 2], seed=2)], reduction=reduction)
    for reduction in ("mean", "sum", "none"):
        many = [values([2, 4, 3], -3, 3, seed=5), exact([2, 3], [3, 0, 1, 1, 2, 0], "int64")]
        class_case(module, many, reduction=reduction)
        module.case("F.nllLoss", F.nll_loss, many, reduction=reduction)
        module.case("F.l1Loss", F.l1_loss, [values([3, 2]), values([3, 2], seed=2)], reduction=reduction)
    for training in (True, False):
        mean, spread = exact([4], [0.5, -0.5, 0.0, 1.0], tracked=False), exact([4], [1.0, 0.5, 2.0, 1.5], tracked=False)
        scale, shift = values([4], seed=8), values([4], seed=9)
        for spec in (values([5, 4]), values([3, 4, 2], seed=2), values([4, 5], via=[("transpose", 0, 1)])):
            module.case("F.batchNorm", batch_norm, [spec, mean, spread, scale, shift], "$0", "$1", "$2",
                        weight="$3", bias="$4", training=training, eps=0.01)
    module.error("F.batchNorm", F.batch_norm, [values([1, 4])], "$0", None, None, training=True)
    class_case(module, [values([4, 5], via=[("transpose", 0, 1)]), target])
    class_case(module, [exact([2, 3], [900.0, 0.0, -900.0, 1.0, 2.0, 3.0]), exact([2], [1, 2], "int64")])
    class_case(module, [values([4]), exact([], [2], "int64")])
    class_case(module, [exact([0, 4], []), exact([0], [], "int64")], gradient=False)
    class_case(module, [exact([0, 4], []), exact([0], [], "int64")], gradient=False, reduction="sum")
    class_case(module, [logits, exact([5], [-100] * 5, "int64")], gradient=False)
    module.case("F.mseLoss", F.mse_loss, [values([3, 2], via=[("transpose", 0, 1)]), values([2, 3], seed=2)])
    bad = F.cross_entropy
    module.error("F.crossEntropy", bad, [logits, exact([5], [4, 0, 1, 1, 2], "int64")])
    module.error("F.crossEntropy", bad, [logits, exact([5], [-1, 0, 1, 1, 2], "int64")])
    module.error("F.crossEntropy", bad, [logits, exact([4], [3, 0, 1, 1], "int64")])
    module.error("F.crossEntropy", bad, [logits, target, exact([3], [1.0, 1.0, 1.0])], "$0", "$1", weight="$2")
    module.error("F.crossEntropy", bad, [logits, target], reduction="average")
    module.case("F.dropout", F.dropout, [values([3, 4])], 0.5, training=False, options_in_js={"training": False})
    module.case("F.dropout", F.dropout, [values([3, 4])], 0.0, training=True, options_in_js={"training": True})
    module.case("F.dropout", F.dropout, [values([3, 4])], 1.0, training=True, options_in_js={"training": True})
    module.error("F.dropout", F.dropout, [values([3])], 1.5)
    return [module]


def batch_norm(x, mean, spread, **options):
    """The running values change in place; each precision starts from the same ones."""
    return F.batch_norm(x, mean.clone(), spread.clone(), **options)


def class_case(module, inputs, **options):
    module.case("F.crossEntropy", cross_entropy, inputs, "$0", "$1", **options)


def cross_entropy(logits, target, **options):
    """PyTorch wants int64 class indices; Descent takes int32 as well."""
    return F.cross_entropy(logits, target.long() if target.dtype == torch.int32 else target, **options)
