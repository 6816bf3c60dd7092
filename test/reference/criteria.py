# Cases of the losses beside cross entropy, of distances, and of cross entropy over several dims.

import torch
import torch.nn.functional as F

from recorder import Module, exact, values

nan, inf = float("nan"), float("inf")
reductions = ("mean", "sum", "none")
transposed = [("transpose", 0, 1)]


def record():
    module = Module("criteria")
    record_differences(module)
    record_binary(module)
    record_divergence(module)
    record_margins(module)
    record_distances(module)
    record_classes(module)
    return [module]


def record_differences(module):
    x, y = values([3, 4]), values([3, 4], seed=2)
    pairs = [(x, y), (values([4, 3], via=transposed), y), (x, values([4], seed=2)), (values([]), values([], seed=2)), (exact([0, 2], []), exact([0, 2], []))]
    for reduction in reductions:
        for a, b in pairs:
            quiet = {"gradient": a.shape != [0, 2]}
            module.case("F.mseLoss", F.mse_loss, [a, b], reduction=reduction, **quiet)
            module.case("F.l1Loss", F.l1_loss, [a, b], reduction=reduction, **quiet)
            module.case("F.smoothL1Loss", F.smooth_l1_loss, [a, b], reduction=reduction, **quiet)
            module.case("F.huberLoss", F.huber_loss, [a, b], reduction=reduction, **quiet)
        for beta in (0.3, 2.0, 0.0):
            module.case("F.smoothL1Loss", F.smooth_l1_loss, [x, y], reduction=reduction, beta=beta)
        for delta in (0.3, 2.0):
            module.case("F.huberLoss", F.huber_loss, [x, y], reduction=reduction, delta=delta)
        same = exact([3], [1.0, 2.0, 3.0])
        module.case("F.smoothL1Loss", F.smooth_l1_loss, [same, exact([3], [1.0, 3.0, 1.0])], reduction=reduction, second=False)
        module.case("F.l1Loss", F.l1_loss, [same, exact([3], [1.0, 3.0, 1.0])], reduction=reduction)
        odd = exact([4], [nan, inf, -inf, 1e10])
        module.case("F.smoothL1Loss", F.smooth_l1_loss, [odd, values([4])], reduction=reduction, gradient=False)
        module.case("F.huberLoss", F.huber_loss, [odd, values([4])], reduction=reduction, gradient=False)
    for name, function in (("F.smoothL1Loss", F.smooth_l1_loss), ("F.huberLoss", F.huber_loss), ("F.mseLoss", F.mse_loss), ("F.l1Loss", F.l1_loss)):
        module.error(name, function, [x, values([3])])
        module.error(name, function, [x, y], reduction="average")
        if name != "F.l1Loss":
            module.error(name, function, [values([3], dtype="int64"), values([3], dtype="int64")])
            module.case(name, function, [values([3]), values([3], seed=2, dtype="int64")], gradient=False)
    module.error("F.smoothL1Loss", F.smooth_l1_loss, [x, y], beta=-1.0)
    module.error("F.huberLoss", F.huber_loss, [x, y], delta=0.0)
    module.error("F.huberLoss", F.huber_loss, [x, y], delta=-1.0)


def record_binary(module):
    p, t, x = values([3, 4], 0.05, 0.95), values([3, 4], 0, 1, seed=2), values([3, 4], -4, 4, seed=3)
    row, column, each = exact([4], [1.0, 0.5, 2.0, 3.0], tracked=False), exact([3, 1], [1.0, 0.5, 2.0], tracked=False), values([3, 4], 0.5, 3, seed=4)
    each.tracked = False
    bce, logits = F.binary_cross_entropy, F.binary_cross_entropy_with_logits
    for reduction in reductions:
        for target in (t, values([4, 3], 0, 1, seed=2, via=transposed)):
            module.case("F.binaryCrossEntropy", bce, [p, target], reduction=reduction)
            module.case("F.binaryCrossEntropyWithLogits", logits, [x, target], reduction=reduction)
        for weight in (row, column, each):
            module.case("F.binaryCrossEntropy", bce, [p, t, weight], "$0", "$1", weight="$2", reduction=reduction)
            module.case("F.binaryCrossEntropyWithLogits", logits, [x, t, weight], "$0", "$1", weight="$2", reduction=reduction)
        for pos in (row, exact([1], [2.5], tracked=False), exact([], [2.5], tracked=False), each):
            module.case("F.binaryCrossEntropyWithLogits", logits, [x, t, pos], "$0", "$1", pos_weight="$2", reduction=reduction)
            module.case("F.binaryCrossEntropyWithLogits", logits, [x, t, pos, column], "$0", "$1", weight="$3", pos_weight="$2", reduction=reduction)
        edges = exact([6], [0.0, 1.0, 0.0, 1.0, 0.5, 1e-30])
        module.case("F.binaryCrossEntropy", bce, [edges, exact([6], [0.0, 1.0, 1.0, 0.0, 1.0, 1.0], tracked=False)], reduction=reduction, gradient=False)
        far = exact([6], [800.0, -800.0, 100.0, -100.0, 0.0, 40.0])
        module.case("F.binaryCrossEntropyWithLogits", logits, [far, exact([6], [1.0, 1.0, 0.0, 0.0, 0.5, 1.0])], reduction=reduction, second=False)
        module.case("F.binaryCrossEntropyWithLogits", logits, [far, exact([6], [1.0, 1.0, 0.0, 0.0, 0.5, 1.0]), exact([1], [3.0], tracked=False)], "$0", "$1", pos_weight="$2", reduction=reduction, second=False)
        module.case("F.binaryCrossEntropyWithLogits", logits, [exact([3], [nan, inf, -inf]), exact([3], [1.0, 1.0, 0.0])], reduction=reduction, gradient=False)
        module.case("F.binaryCrossEntropyWithLogits", logits, [exact([0], []), exact([0], [])], reduction=reduction, gradient=False)
        module.case("F.binaryCrossEntropy", bce, [exact([0], []), exact([0], [])], reduction=reduction, gradient=False)
    module.case("F.binaryCrossEntropy", bce, [values([], 0.1, 0.9), values([], 0, 1, seed=2)])
    module.case("F.binaryCrossEntropyWithLogits", logits, [values([]), values([], 0, 1, seed=2)])
    for name, function in (("F.binaryCrossEntropy", bce), ("F.binaryCrossEntropyWithLogits", logits)):
        module.error(name, function, [p, values([4], 0, 1)])
        module.error(name, function, [p, values([3, 1], 0, 1)])
        module.error(name, function, [p, values([12], 0, 1)])
        module.error(name, function, [p, t, values([3])], "$0", "$1", weight="$2")
        module.error(name, function, [p, t], reduction="average")
    module.error("F.binaryCrossEntropy", bce, [p, exact([3, 4], [0, 1] * 6, "int64")])
    module.error("F.binaryCrossEntropy", bce, [exact([2], [0.5, 1.5]), exact([2], [1.0, 0.0])])
    module.error("F.binaryCrossEntropy", bce, [exact([2], [-0.5, 0.5]), exact([2], [1.0, 0.0])])
    module.error("F.binaryCrossEntropy", bce, [exact([2], [nan, 0.5]), exact([2], [1.0, 0.0])])
    module.error("F.binaryCrossEntropyWithLogits", logits, [x, t, values([3])], "$0", "$1", pos_weight="$2")


def record_divergence(module):
    x, t = values([3, 4], -3, 0), values([3, 4], 0.1, 1, seed=2)
    for reduction in (*reductions, "batchmean"):
        for target in (t, values([4, 3], 0.1, 1, seed=2, via=transposed), values([4], 0.1, 1, seed=3)):
            module.case("F.klDiv", F.kl_div, [x, target], reduction=reduction)
        module.case("F.klDiv", F.kl_div, [x, values([3, 4], -3, 0, seed=2)], reduction=reduction, log_target=True)
        module.case("F.klDiv", F.kl_div, [x, exact([3, 4], [0.0, 1.0, 0.5] * 4, tracked=False)], reduction=reduction)
        module.case("F.klDiv", F.kl_div, [exact([3], [-inf, -1.0, nan]), exact([3], [0.5, 0.0, 0.25])], reduction=reduction, gradient=False)
    module.error("F.klDiv", F.kl_div, [values([3]), values([3], dtype="int64")])
    module.error("F.klDiv", F.kl_div, [x, values([3], 0.1, 1)])
    module.error("F.klDiv", F.kl_div, [x, t], reduction="average")


def record_margins(module):
    a, b, c = values([3, 4]), values([3, 4], seed=2), values([3, 4], seed=3)
    sign = exact([3], [1.0, -1.0, -1.0], tracked=False)
    for reduction in reductions:
        for margin in (0.0, 0.3, -0.9):
            module.case("F.cosineEmbeddingLoss", F.cosine_embedding_loss, [a, b, sign], margin=margin, reduction=reduction)
            module.case("F.marginRankingLoss", F.margin_ranking_loss, [values([3], seed=4), values([3], seed=5), sign], margin=margin, reduction=reduction)
        module.case("F.cosineEmbeddingLoss", F.cosine_embedding_loss, [a, b, exact([3], [1, -1, 1], "int64")], reduction=reduction)
        module.case("F.cosineEmbeddingLoss", F.cosine_embedding_loss, [values([4]), values([4], seed=2), exact([], [-1.0], tracked=False)], margin=-0.5, reduction=reduction)
        module.case("F.cosineEmbeddingLoss", F.cosine_embedding_loss, [exact([2, 2], [0.0, 0.0, 1.0, 1.0]), exact([2, 2], [1.0, 2.0, 0.0, 0.0]), exact([2], [1.0, -1.0], tracked=False)], reduction=reduction, gradient=False)
        for options in ({}, {"margin": 0.5}, {"p": 1.0}, {"p": 3.0, "margin": 4.0}, {"swap": True, "margin": 3.0}, {"eps": 0.01}):
            module.case("F.tripletMarginLoss", F.triplet_margin_loss, [a, b, c], reduction=reduction, **options)
        module.case("F.tripletMarginLoss", F.triplet_margin_loss, [values([4]), values([4], seed=2), values([4], seed=3)], reduction=reduction)
        module.case("F.tripletMarginLoss", F.triplet_margin_loss, [a, values([1, 4], seed=2), c], reduction=reduction)
        module.case("F.tripletMarginLoss", F.triplet_margin_loss, [values([4, 3], via=transposed), b, c], reduction=reduction, margin=2.0)
    module.error("F.cosineEmbeddingLoss", F.cosine_embedding_loss, [a, b, values([2])])
    module.error("F.cosineEmbeddingLoss", F.cosine_embedding_loss, [a, b, values([])])
    module.error("F.cosineEmbeddingLoss", F.cosine_embedding_loss, [values([4]), values([4]), values([4])])
    module.error("F.cosineEmbeddingLoss", F.cosine_embedding_loss, [a, values([3, 5]), sign])
    module.error("F.tripletMarginLoss", F.triplet_margin_loss, [a, b, values([4])])
    module.error("F.tripletMarginLoss", F.triplet_margin_loss, [a, b, values([3, 5])])
    module.error("F.tripletMarginLoss", F.triplet_margin_loss, [a, b, c], margin=-1.0)
    module.error("F.tripletMarginLoss", F.triplet_margin_loss, [a, b, c], margin=0.0)
    module.error("F.marginRankingLoss", F.margin_ranking_loss, [a, b, values([4])])


def record_distances(module):
    specs = [values([3, 4]), values([4, 3], seed=2, via=transposed), values([3, 4, 2], seed=3, via=[("select", 2, 1)])]
    for spec in specs:
        for arguments in ((), (1.0,), (3.0, 0), (float("inf"), 1), (2.0, -1)):
            second = not arguments or arguments[0] not in (1.0, float("inf"))
            module.case("F.normalize", F.normalize, [spec], *arguments, second=second)
        other = values([3, 4], seed=6)
        for arguments in ((), (0,), (-1,)):
            module.case("F.cosineSimilarity", F.cosine_similarity, [spec, other], *arguments)
        for arguments in ((), (1.0,), (3.0,)):
            module.case("F.pairwiseDistance", F.pairwise_distance, [spec, other], *arguments)
        module.case("F.pairwiseDistance", F.pairwise_distance, [spec, other], keepdim=True)
        module.case("F.pairwiseDistance", F.pairwise_distance, [spec, other], eps=0.1)
    zero = exact([2, 3], [0.0, 0.0, 0.0, 3.0, 0.0, 4.0])
    module.case("F.normalize", F.normalize, [zero], second=False)
    module.case("F.normalize", F.normalize, [zero], eps=10.0, second=False)
    module.case("F.cosineSimilarity", F.cosine_similarity, [zero, values([2, 3])], gradient=False)
    module.case("F.cosineSimilarity", F.cosine_similarity, [values([2, 3]), values([2, 3], seed=2)], eps=5.0, second=False)
    module.case("F.cosineSimilarity", F.cosine_similarity, [values([2, 3, 4]), values([3, 4], seed=2)], 2)
    module.case("F.cosineSimilarity", F.cosine_similarity, [values([2, 3]), values([1, 3], seed=2)])
    module.case("F.cosineSimilarity", F.cosine_similarity, [values([3]), values([3], seed=2)], 0)
    module.case("F.pairwiseDistance", F.pairwise_distance, [values([4]), values([4], seed=2)])
    module.case("F.pairwiseDistance", F.pairwise_distance, [values([3, 4]), values([4], seed=2)])
    module.error("F.normalize", F.normalize, [values([3])])
    module.error("F.normalize", F.normalize, [values([2, 3], dtype="int64")])
    module.error("F.cosineSimilarity", F.cosine_similarity, [values([2, 3]), values([2, 4])])
    module.error("F.cosineSimilarity", F.cosine_similarity, [values([3]), values([3])])
    module.error("F.pairwiseDistance", F.pairwise_distance, [values([2, 3]), values([2, 4])])


def record_classes(module):
    x, weight = values([2, 3, 2, 2], -3, 3), exact([3], [0.5, 2.0, 1.0], tracked=False)
    target, shares = exact([2, 2, 2], [0, 2, 1, 1, 2, 0, 0, 1], "int64"), values([2, 3, 2, 2], 0, 1, seed=2)
    holes = exact([2, 2, 2], [0, -100, 1, 1, -100, 0, 0, 1], "int64")
    for reduction in reductions:
        for indices in (target, holes):
            module.case("F.crossEntropy", F.cross_entropy, [x, indices], reduction=reduction)
            module.case("F.crossEntropy", F.cross_entropy, [x, indices, weight], "$0", "$1", weight="$2", reduction=reduction, label_smoothing=0.2)
            module.case("F.nllLoss", F.nll_loss, [x, indices, weight], "$0", "$1", weight="$2", reduction=reduction)
        module.case("F.crossEntropy", F.cross_entropy, [x, target], reduction=reduction, ignore_index=1, label_smoothing=0.1)
        module.case("F.crossEntropy", F.cross_entropy, [x, shares], reduction=reduction)
        module.case("F.crossEntropy", F.cross_entropy, [x, shares, weight], "$0", "$1", weight="$2", reduction=reduction, label_smoothing=0.2)
        module.case("F.crossEntropy", F.cross_entropy, [values([3]), values([3], 0, 1, seed=2)], reduction=reduction)
        module.case("F.crossEntropy", F.cross_entropy, [values([3]), exact([], [2], "int64"), weight], "$0", "$1", weight="$2", reduction=reduction)
        module.case("F.nllLoss", F.nll_loss, [values([3], -3, 0), exact([], [2], "int64")], reduction=reduction)
        far = exact([2, 3], [1000.0, -1000.0, 0.0, -1000.0, 500.0, 1000.0])
        module.case("F.crossEntropy", F.cross_entropy, [far, exact([2], [1, 1], "int64")], reduction=reduction)
    module.error("F.crossEntropy", F.cross_entropy, [x, exact([2, 2], [0, 1, 2, 0], "int64")])
    module.error("F.crossEntropy", F.cross_entropy, [x, values([2, 3, 2], 0, 1)])
    module.error("F.crossEntropy", F.cross_entropy, [x, exact([2, 2, 2], [3] * 8, "int64")])
    module.error("F.crossEntropy", F.cross_entropy, [x, target], label_smoothing=1.5)
    module.error("F.crossEntropy", F.cross_entropy, [x, shares], ignore_index=1)
    module.error("F.crossEntropy", F.cross_entropy, [values([2, 3], dtype="int64"), exact([2], [0, 1], "int64")])
    module.error("F.nllLoss", F.nll_loss, [x, values([2, 2, 2])])
