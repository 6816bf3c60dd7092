// Matrix products. Transposed operands go to the kernel as strides, never as copies.
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel matmulKernel{"matmul"};

void requireProduct(const Call& call, const Tensor& a, const Tensor& b) {
  requireSameDevice(call, a, b);
  if (a.dtype() != b.dtype()) {
    call.fail("dtype", std::string("dtypes differ, ") + nameOf(a.dtype()) + " and " + nameOf(b.dtype()),
              {{"left", nameOf(a.dtype())}, {"right", nameOf(b.dtype())}});
  }
  const DType dtype = a.dtype();
  if (dtype == DType::boolean) {
    call.fail("dtype", "bool matrices are not supported, convert them first, to int64 for example");
  }
}

[[noreturn]] void failInner(const Call& call, const Tensor& a, const Tensor& b) {
  call.fail("shape", "inner sizes differ, " + a.shape().text() + " x " + b.shape().text(),
            {{"left", a.shape().text()}, {"right", b.shape().text()}});
}

void requireDims(const Call& call, int dimsA, int dimsB) {
  if (call.tensor(0).dims() == dimsA && call.tensor(1).dims() == dimsB) return;
  call.fail("shape", "needs " + std::to_string(dimsA) + " x " + std::to_string(dimsB) + " dims, got " +
                         call.tensor(0).shape().text() + " x " + call.tensor(1).shape().text());
}

void multiply(const Tensor& y, const Geometry& yGeometry, const Tensor& a, const Geometry& aGeometry,
              const Tensor& b, const Geometry& bGeometry, const Tensor* bias) {
  if (y.numel() == 0) return;
  if (aGeometry.shape[aGeometry.shape.dims - 1] == 0) {
    // A sum of nothing.
    if (bias) return copyInto(y, *bias);
    return fillWith(y, 0);
  }
  const int64_t integers[] = {0, bias != nullptr};
  Launcher launcher(matmulKernel, y.device());
  launcher.out(y, yGeometry).in(a, aGeometry).in(b, bGeometry);
  if (bias) launcher.in(*bias);
  launcher.run(nullptr, integers);
}

// A vector becomes a matrix of one row (place 0) or one column (place 1).
Geometry asMatrix(const Geometry& x, int place) {
  if (x.shape.dims != 1) return x;
  Geometry matrix;
  matrix.offset = x.offset;
  matrix.shape = place == 0 ? Shape{1, x.shape[0]} : Shape{x.shape[0], 1};
  matrix.strides[place] = x.shape[0] > 0 ? x.shape[0] : 1;
  matrix.strides[1 - place] = x.strides[0];
  return matrix;
}

// Repeats a batch of matrices to other leading dims.
Geometry withBatch(const Geometry& x, const Shape& batch) {
  Shape shape = batch;
  shape.push(x.shape[x.shape.dims - 2]);
  shape.push(x.shape[x.shape.dims - 1]);
  return x.expandedTo(shape);
}

Shape batchOf(const Shape& shape) {
  Shape batch = shape;
  batch.dims -= 2;
  return batch;
}

// beta x + alpha (a b), for the arguments x, a, b, beta, alpha.
Tensor addedTo(const Call& call) {
  const Tensor& x = call.tensor(0);
  requireProduct(call, x, call.tensor(1));
  if (!isFloating(x.dtype())) {
    for (int i = 3; i < 5; i++) {
      if (call.value(i).scalar.isFractional()) {
        call.fail("dtype", call.op.arguments[static_cast<size_t>(i)].name + " must be an integer for " +
                               nameOf(x.dtype()) + " tensors");
      }
    }
  }
  Tensor product = ops::matmul(call.tensor(1), call.tensor(2));
  if (broadcastShapes(call.name(), x.shape(), product.shape()) != product.shape()) {
    call.fail("shape", x.shape().text() + " does not broadcast to " + product.shape().text());
  }
  const double beta = call.number(3), alpha = call.number(4);
  if (alpha != 1) product = product * call.value(4);
  // A beta of 0 drops x and whatever NaN it holds.
  if (beta == 0) return gradMode && x.impl()->wantsGradient() ? product + ops::where(false, x, 0) : product;
  return (beta == 1 ? x : x * call.value(3)) + product;
}

Tensor transposed(const Tensor& x) { return ops::transpose(x, -2, -1); }

}  // namespace

void forward::matmul(Call& call) {
  const Tensor& a = call.tensor(0);
  const Tensor& b = call.tensor(1);
  requireProduct(call, a, b);
  if (a.dims() == 0 || b.dims() == 0) {
    call.fail("shape", "a scalar is not a matrix, " + a.shape().text() + " x " + b.shape().text());
  }
  Geometry left = asMatrix(a.geometry(), 0);
  Geometry right = asMatrix(b.geometry(), 1);
  const int64_t rows = left.shape[left.shape.dims - 2], inner = left.shape[left.shape.dims - 1];
  const int64_t columns = right.shape[right.shape.dims - 1];
  if (inner != right.shape[right.shape.dims - 2]) failInner(call, a, b);

  const Shape batch = broadcastShapes(call.name(), batchOf(left.shape), batchOf(right.shape));
  Shape shape = batch;
  if (a.dims() > 1) shape.push(rows);
  if (b.dims() > 1) shape.push(columns);
  const Tensor y = emptyTensor(checkedShape(call.name(), shape.list()), a.dtype(), a.device());
  call.outs[0] = y;

  // (..., M, K) x (K, N) is one large product where the leading dims lie evenly in memory.
  Geometry folded;
  const int64_t allRows = batch.numel() * rows;
  if (right.shape.dims == 2 && left.shape.dims > 2 && left.viewAs(Shape{allRows, inner}, &folded)) {
    return multiply(y, Geometry(Shape{allRows, columns}), a, folded, b, right, nullptr);
  }
  Shape full = batch;
  full.push(rows);
  full.push(columns);
  multiply(y, Geometry(full), a, withBatch(left, batch), b, withBatch(right, batch), nullptr);
}
// y = a b: da = dy b^T, db = a^T dy
const Derivative derivative::matmul{
    [](Gradients& d) {
      const int dimsA = d.shape(0).dims, dimsB = d.shape(1).dims;
      Tensor g = d.g();
      if (dimsA == 1) g = ops::unsqueeze(g, dimsB == 1 ? -1 : -2);
      if (dimsB == 1) g = ops::unsqueeze(g, -1);
      if (d.needs(0)) {
        const Tensor b = dimsB == 1 ? ops::unsqueeze(d.tensor(1), 1) : d.tensor(1);
        d.set(0, ops::matmul(g, transposed(b)));
      }
      if (d.needs(1)) {
        const Tensor a = dimsA == 1 ? ops::unsqueeze(d.tensor(0), 0) : d.tensor(0);
        // One product instead of a batch of them where b is one matrix.
        const bool isFolded = dimsA > 2 && dimsB <= 2;
        const Tensor rows =
            isFolded ? ops::reshape(a, Shape{a.numel() / std::max<int64_t>(a.size(-1), 1), a.size(-1)}) : a;
        const Tensor gRows = isFolded ? ops::reshape(g, Shape{rows.size(0), g.size(-1)}) : g;
        const Tensor db = ops::matmul(transposed(rows), gRows);
        d.set(1, dimsB == 1 ? ops::squeeze(db, std::vector<int64_t>{-1}) : db);
      }
    },
    {input(1), input(0)}};

void forward::linear(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& weight = call.tensor(1);
  requireProduct(call, x, weight);
  if (weight.dims() != 2) call.fail("shape", "the weight must have 2 dims, got " + weight.shape().text());
  if (x.dims() == 0 || x.size(-1) != weight.size(1)) failInner(call, x, weight);
  const int64_t columns = weight.size(0);
  const Tensor* bias = call.has(2) ? &call.tensor(2) : nullptr;
  if (bias) {
    requireProduct(call, x, *bias);
    if (bias->shape() != Shape{columns}) {
      call.fail("shape", "the bias must be [" + std::to_string(columns) + "], got " + bias->shape().text());
    }
  }
  Shape shape = x.shape();
  shape[shape.dims - 1] = columns;
  const Tensor y = emptyTensor(checkedShape(call.name(), shape.list()), x.dtype(), x.device());
  call.outs[0] = y;
  const int64_t inner = weight.size(1),
                rows = inner > 0 ? x.numel() / inner : y.numel() / std::max<int64_t>(columns, 1);
  Geometry left;
  Tensor source = x;
  if (!x.geometry().viewAs(Shape{rows, inner}, &left)) {
    source = contiguousCopy(x);
    left = Geometry(Shape{rows, inner});
  }
  Geometry right = weight.geometry();
  std::swap(right.shape[0], right.shape[1]);
  std::swap(right.strides[0], right.strides[1]);
  multiply(y, Geometry(Shape{rows, columns}), source, left, weight, right, bias);
}
// y = x w^T + b: dx = dy w, dw = dy^T x, db = the sum of dy over the rows
const Derivative derivative::linear{
    [](Gradients& d) {
      if (d.needs(0)) d.set(0, ops::matmul(d.g(), d.tensor(1)));
      if (d.needs(1)) {
        const int64_t inner = d.shape(1)[1], columns = d.shape(1)[0];
        const int64_t rows = d.g().numel() / std::max<int64_t>(columns, 1);
        const bool isFlat = d.g().dims() == 2;
        const Tensor g = isFlat ? d.g() : ops::reshape(d.g(), Shape{rows, columns});
        const Tensor x = isFlat ? d.tensor(0) : ops::reshape(d.tensor(0), Shape{rows, inner});
        d.set(1, ops::matmul(transposed(g), x));
      }
      if (d.needs(2)) d.set(2, d.g());
    },
    {input(1), input(0), 0}};

void forward::mm(Call& call) {
  requireDims(call, 2, 2);
  call.outs[0] = ops::matmul(call.tensor(0), call.tensor(1));
}

void forward::bmm(Call& call) {
  requireDims(call, 3, 3);
  if (call.tensor(0).size(0) != call.tensor(1).size(0)) {
    call.fail("shape",
              "batch sizes differ, " + call.tensor(0).shape().text() + " x " + call.tensor(1).shape().text());
  }
  call.outs[0] = ops::matmul(call.tensor(0), call.tensor(1));
}

void forward::mv(Call& call) {
  requireDims(call, 2, 1);
  call.outs[0] = ops::matmul(call.tensor(0), call.tensor(1));
}

void forward::dot(Call& call) {
  requireDims(call, 1, 1);
  call.outs[0] = ops::matmul(call.tensor(0), call.tensor(1));
}

void forward::outer(Call& call) {
  requireDims(call, 1, 1);
  call.outs[0] = ops::unsqueeze(call.tensor(0), 1) * call.tensor(1);
}

void forward::addmm(Call& call) {
  if (call.tensor(1).dims() != 2 || call.tensor(2).dims() != 2) {
    call.fail("shape",
              "needs matrices, got " + call.tensor(1).shape().text() + " x " + call.tensor(2).shape().text());
  }
  call.outs[0] = addedTo(call);
}

void forward::baddbmm(Call& call) {
  const Tensor& a = call.tensor(1);
  const Tensor& b = call.tensor(2);
  if (a.dims() != 3 || b.dims() != 3 || a.size(0) != b.size(0)) {
    call.fail("shape",
              "needs batches of as many matrices, got " + a.shape().text() + " x " + b.shape().text());
  }
  call.outs[0] = addedTo(call);
}

void forward::trace(Call& call) {
  const Tensor& x = call.tensor(0);
  if (x.dims() != 2) call.fail("shape", "needs a matrix, got " + x.shape().text());
  call.outs[0] = ops::sum(ops::diagonal(x));
}

void forward::bilinear(Call& call) {
  const Tensor& a = call.tensor(0);
  const Tensor& b = call.tensor(1);
  const Tensor& weight = call.tensor(2);
  requireProduct(call, a, weight);
  requireProduct(call, b, weight);
  if (weight.dims() != 3) call.fail("shape", "the weight must have 3 dims, got " + weight.shape().text());
  const int64_t outputs = weight.size(0), left = weight.size(1), right = weight.size(2);
  bool fits = a.dims() > 0 && b.dims() == a.dims() && a.size(-1) == left && b.size(-1) == right;
  for (int k = 0; fits && k + 1 < a.dims(); k++) fits = a.size(k) == b.size(k);
  if (!fits) {
    call.fail("shape", a.shape().text() + " and " + b.shape().text() + " do not fit the weight " +
                           weight.shape().text() + ": they must be (..., I) and (..., J) for (N, I, J)");
  }
  Shape shape = a.shape();
  shape[shape.dims - 1] = 1;
  const int64_t rows = shape.numel();
  shape[shape.dims - 1] = outputs;
  // a W first, for all outputs in one product: [rows, I] x [I, N J]
  const Tensor mixed = ops::matmul(
      ops::reshape(a, Shape{rows, left}),
      ops::reshape(ops::permute(weight, std::vector<int64_t>{1, 0, 2}), Shape{left, outputs * right}));
  const Tensor y =
      ops::matmul(ops::reshape(mixed, Shape{rows, outputs, right}), ops::reshape(b, Shape{rows, right, 1}));
  const Tensor flat = ops::reshape(y, shape);
  call.outs[0] = call.has(3) ? flat + call.tensor(3) : flat;
}

}  // namespace descent
