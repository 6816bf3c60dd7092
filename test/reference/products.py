# Cases of einsum, tensordot and batched sums of products.

import torch

from recorder import Module, exact, values

transposed = [("transpose", 0, 1)]


def einsum(equation, tensors):
    return torch.einsum(equation, *tensors)


def record():
    module = Module("products")
    record_einsum(module)
    record_tensordot(module)
    record_sums(module)
    return [module]


def case(module, equation, *inputs, **options):
    module.case("einsum", einsum, list(inputs), equation, [f"${k}" for k in range(len(inputs))], **options)


def refused(module, equation, *inputs):
    module.error("einsum", einsum, list(inputs), equation, [f"${k}" for k in range(len(inputs))])


def record_einsum(module):
    a, b, turned = values([2, 3]), values([3, 4], seed=2), values([4, 3], seed=3, via=transposed)
    square, cube = values([3, 3], seed=4), values([2, 3, 4], seed=5)
    for equation in ("ij->ji", "ij->", "ij->i", "ij->j", "ij", "ba", "i j -> j i", "...", "...j->j...", "i...->...", "...->...", "ij...->...ji"):
        case(module, equation, a)
    for equation in ("ii", "ii->i", "ii->", "aa->a", "...ii->...i"):
        case(module, equation, square)
    case(module, "iij->j", values([3, 3, 2], seed=6))
    case(module, "iji->j", values([3, 2, 3], seed=6))
    case(module, "iii->i", values([2, 2, 2], seed=6))
    case(module, "i...i->...", values([3, 2, 3], seed=6))
    for equation in ("ij,jk->ik", "ij,jk", "ij,jk->ki", "ij,jk->", "ij,jk->j", "ij,jk->ijk", "ij,jk->kji", "...j,jk->...k", "ij,jk->jki"):
        case(module, equation, a, b)
        case(module, equation, a, turned)
    for equation in ("ij,ij->ij", "ij,ij->", "ij,ij->i", "ij,kj->ik", "ij,kl->ijkl", "ij,kl->il"):
        case(module, equation, a, values([2, 3], seed=7))
    case(module, "i,j->ij", values([3]), values([2], seed=2))
    case(module, "i,i", values([3]), values([3], seed=2))
    case(module, "i,i->i", values([3]), values([3], seed=2))
    case(module, ",i->i", values([]), values([3], seed=2))
    case(module, ",", values([]), values([], seed=2))
    case(module, "->", values([]))
    case(module, "bij,bjk->bik", cube, values([2, 4, 5], seed=6))
    case(module, "bij,bkj->bik", cube, values([2, 5, 4], seed=6))
    case(module, "bhid,bhjd->bhij", values([2, 2, 3, 4]), values([2, 2, 2, 4], seed=2))
    case(module, "...ij,...jk->...ik", values([2, 1, 2, 3]), values([4, 3, 2], seed=2))
    case(module, "...ij,jk->ik...", values([2, 2, 3]), b)
    case(module, "...,...", values([2, 3]), values([3], seed=2))
    case(module, "...i,...i->...", values([2, 1, 3]), values([4, 3], seed=2))
    case(module, "...i,...i->i", values([2, 1, 3]), values([4, 3], seed=2))
    case(module, "ij,ij->ij", values([2, 1]), values([1, 3], seed=2))
    case(module, "ij,jk->ik", values([2, 1]), values([3, 4], seed=2))
    case(module, "ij,ij->i", values([2, 1]), values([2, 3], seed=2))
    case(module, "ij,jk,kl->il", a, b, values([4, 2], seed=8))
    case(module, "ij,jk,kl->jl", a, b, values([4, 2], seed=8))
    case(module, "i,ij,j", values([2], seed=8), a, values([3], seed=9))
    case(module, "bn,anm,bm->ba", values([2, 3]), values([5, 3, 4], seed=2), values([2, 4], seed=3))
    case(module, "aij,bj,aik->bka", cube, values([3, 4], seed=6), values([2, 3, 2], seed=7))
    case(module, "a,b,c,d->dcba", values([2]), values([1], seed=2), values([2], seed=3), values([3], seed=4))
    case(module, "iJ,Jk", a, b)
    case(module, "ij,jk->ik", values([2, 3], -5, 5, dtype="int64"), values([3, 2], -5, 5, seed=2, dtype="int64"))
    case(module, "ij,jk->ik", exact([0, 3], []), b)
    case(module, "ij,jk->ik", exact([2, 0], []), exact([0, 4], []))
    case(module, "ij,kj->k", a, values([4, 3], seed=2))
    refused(module, "ij,jk->ik", a)
    refused(module, "ij->ij", a, b)
    refused(module, "ij,jk->ik", a, values([4, 2]))
    refused(module, "ijk->i", a)
    refused(module, "i->i", a)
    refused(module, "ii->i", a)
    refused(module, "ij->ik", a)
    refused(module, "ij->ii", a)
    refused(module, "i1->i", a)
    refused(module, "i.j->i", a)
    refused(module, "ij......->i", a)
    refused(module, "ij-i", a)
    refused(module, "...ijk->i", a)
    refused(module, "ij->...k", a)
    refused(module, "", a)
    refused(module, "ij,jk->ik", a, values([3, 2], dtype="int64"))


def record_tensordot(module):
    a, b = values([2, 3, 4]), values([3, 4, 2], seed=2)
    for dims in (2, [[1, 2], [0, 1]], [[2, 1], [1, 0]], [[0], [2]], [[-1], [1]], 0):
        module.case("tensordot", torch.tensordot, [a, b], "$0", "$1", dims)
    module.case("tensordot", torch.tensordot, [a, b])
    module.case("tensordot", torch.tensordot, [values([3, 2], via=transposed), values([4, 3], seed=2, via=transposed)], "$0", "$1", 1)
    module.case("tensordot", torch.tensordot, [values([2]), values([3], seed=2)], "$0", "$1", 0)
    module.case("tensordot", torch.tensordot, [values([2, 3]), values([2, 3], seed=2)], "$0", "$1", [[0, 1], [0, 1]])
    module.case("tensordot", torch.tensordot, [values([2, 1]), values([3, 2], seed=2)], "$0", "$1", [[1], [0]])
    module.error("tensordot", torch.tensordot, [a, b], "$0", "$1", 1)
    module.error("tensordot", torch.tensordot, [a, b], "$0", "$1", [[0], [0]])
    module.error("tensordot", torch.tensordot, [a, b], "$0", "$1", [[0, 1], [2]])
    module.error("tensordot", torch.tensordot, [a, b], "$0", "$1", [[0, 0], [2, 2]])
    module.error("tensordot", torch.tensordot, [a, b], "$0", "$1", [[3], [0]])
    module.error("tensordot", torch.tensordot, [a, b], "$0", "$1", -1)


def record_sums(module):
    a, b, nan = values([2, 3, 4]), values([2, 4, 2], seed=2), float("nan")
    for options in ({}, {"beta": 0.5, "alpha": 2}, {"beta": 0}, {"alpha": 0}):
        for shape in ([2, 3, 2], [3, 2], [2], [1, 1, 2], []):
            module.case("baddbmm", torch.baddbmm, [values(shape, seed=3), a, b], **options)
    module.case("baddbmm", torch.baddbmm, [exact([2], [nan, nan], tracked=False), a, b], beta=0)
    module.case("addmm", torch.addmm, [exact([2], [nan, nan], tracked=False), values([3, 4]), values([4, 2], seed=2)], beta=0)
    module.case("addmm", torch.addmm, [values([2], dtype="int64"), values([3, 4], dtype="int64"), values([4, 2], seed=2, dtype="int64")], beta=2, alpha=3)
    for x in (values([3, 3, 2]), values([2, 2, 3, 2]), values([3])):
        module.error("baddbmm", torch.baddbmm, [x, a, b])
    module.error("baddbmm", torch.baddbmm, [values([2]), a, values([3, 4, 2])])
    module.error("baddbmm", torch.baddbmm, [values([2]), values([3, 4]), values([4, 2])])
    module.error("baddbmm", torch.baddbmm, [values([2], dtype="int64"), a, b])
    module.error("addmm", torch.addmm, [values([2], dtype="int64"), values([3, 4]), values([4, 2], seed=2)])
    module.error("addmm", torch.addmm, [values([3]), values([3, 4]), values([4, 2], seed=2)])
    module.case("outer", torch.outer, [values([3], dtype="int64"), values([2], seed=2)])
    module.case("outer", torch.outer, [values([0]), values([2], seed=2)])
    module.error("outer", torch.outer, [values([3, 1]), values([2])])
    module.case("dot", torch.dot, [values([4], dtype="int64"), values([4], seed=2, dtype="int64")])
    module.case("dot", torch.dot, [values([0]), values([0])])
    module.error("dot", torch.dot, [values([4]), values([4], dtype="int64")])
    module.error("dot", torch.dot, [values([4, 1]), values([4])])
    module.case("mv", torch.mv, [values([4, 3], via=transposed), values([4], seed=2)])
    module.case("mv", torch.mv, [values([3, 0]), values([0])])
    module.error("mv", torch.mv, [values([3, 4]), values([3])])
    module.error("mv", torch.mv, [values([3, 4]), values([4], dtype="int64")])
    module.error("mv", torch.mv, [values([3]), values([3])])
