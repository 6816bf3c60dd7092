// Matrix products by what only some devices have: a library of the vendor's, tensor cores. Each is compared
// with the tiled kernel when it is first used, and not used again where they differ. Stands inside the
// namespace of matmul.cpp, below multiplyTiled and joinParts.
#pragma once

// float32 may be rounded to tf32 where the user says so, as PyTorch's allow_tf32.
bool allowsTf32() {
  static const bool allows = [] {
    const char* text = std::getenv("DESCENT_ALLOW_TF32");
    return text && *text && std::string(text) != "0";
  }();
  return allows;
}

int numberOf(DType dtype) { return dtype == DType::float32 ? 0 : dtype == DType::float16 ? 1 : 2; }

// The leading dims as one, evenly stepped; false where they are not.
bool batchStep(const Strided& leading, i64& step) {
  step = leading.dims == 1 ? leading.strides[0] : 0;
  return leading.dims <= 1;
}

bool multiplyByLibrary(GpuDevice& device, const MatmulShape& shape, const MatrixOperands& x) {
  LibraryProduct product;
  product.number = static_cast<MatrixNumber>(numberOf(x.dtype));
  product.allowsTf32 = allowsTf32();
  product.accumulates = shape.accumulate != 0;
  product.hasBias = shape.has_bias != 0;
  if (shape.y_column != 1 && shape.n > 1) return false;
  // A bias along the rows (of a turned product) or with gaps.
  if (product.hasBias && (shape.bias_row != 0 || shape.bias_column != 1 || product.accumulates)) return false;
  if (!batchStep(shape.y, product.yBatch) || !batchStep(shape.a, product.aBatch) ||
      !batchStep(shape.b, product.bBatch))
    return false;
  product.y = x.y;
  product.a = x.a;
  product.b = x.b;
  product.bias = x.bias;
  product.batches = shape.batches;
  product.m = shape.m;
  product.n = shape.n;
  product.k = shape.k;
  product.yRow = shape.y_row;
  product.aRow = shape.a_row;
  product.aColumn = shape.a_column;
  product.bRow = shape.b_row;
  product.bColumn = shape.b_column;
  return device.backend().multiply(product);
}

bool isAligned(const Memory& memory, i64 step, const Strided& leading, DType dtype) {
  const size_t size = sizeOf(dtype);
  bool isEven = memory.offset % 16 == 0 && static_cast<size_t>(step) * size % 16 == 0;
  for (int dim = 0; dim < leading.dims; ++dim)
    isEven = isEven && static_cast<size_t>(leading.strides[dim]) * size % 16 == 0;
  return isEven;
}

// tensorcore.cu, a source of CUDA alone
bool multiplyByTensorCores(GpuDevice& device, MatmulShape shape, const MatrixOperands& x) {
  constexpr i64 kRows = 128, kStages = 4;
  const bool isFloat = x.dtype == DType::float32;
  if ((isFloat && !allowsTf32()) || shape.y_column != 1 || (shape.has_bias && shape.bias_row != 0))
    return false;
  const bool isLeftAlongK = shape.a_column == 1 && shape.a_row != 1;
  const bool isRightAlongK = shape.b_row == 1 && shape.b_column != 1;
  if ((!isLeftAlongK && shape.a_row != 1) || (!isRightAlongK && shape.b_column != 1)) return false;

  ProductShape product{};
  product.y = shape.y;
  product.a = shape.a;
  product.b = shape.b;
  product.batches = shape.batches;
  product.m = shape.m;
  product.n = shape.n;
  product.k = shape.k;
  product.y_row = shape.y_row;
  product.a_step = isLeftAlongK ? shape.a_row : shape.a_column;
  product.b_step = isRightAlongK ? shape.b_column : shape.b_row;
  product.bias_step = shape.bias_column;
  product.accumulate = shape.accumulate;
  product.has_bias = shape.has_bias;
  product.a_is_aligned = isAligned(x.a, product.a_step, shape.a, x.dtype);
  product.b_is_aligned = isAligned(x.b, product.b_step, shape.b, x.dtype);

  const i64 units = factsOf(device).units, depth = 64 / static_cast<i64>(sizeOf(x.dtype));
  product.tile_rows = ceilDivide(shape.m, kRows);
  const auto groups = [&](i64 columns) {
    product.tile_columns = ceilDivide(shape.n, columns);
    return product.tile_rows * product.tile_columns * shape.batches;
  };
  // Wide tiles load less, and need as many groups as there are multiprocessors.
  const bool isWide = !isFloat && groups(256) >= units;
  const i64 columns = isWide ? 256 : 128, count = groups(columns);
  const i64 splits = std::max<i64>(std::min({units / count, shape.k / 256, i64{32}}), 1);
  product.chunk = ceilDivide(ceilDivide(shape.k, splits), depth) * depth;
  product.splits = static_cast<i32>(std::max<i64>(ceilDivide(shape.k, product.chunk), 1));
  if (count * product.splits >= i64{1} << 31) return false;

  const i64 results = shape.batches * shape.m * shape.n;
  const Workspace parts(device, product.splits > 1 ? static_cast<size_t>(product.splits * results) * 4 : 0);
  Variant variant(x.dtype);
  variant.define("LEFT", isLeftAlongK ? "k" : "m")
      .define("RIGHT", isRightAlongK ? "k" : "n")
      .define("WARP_COLUMNS", isWide ? "64" : "32");
  {
    KernelCall call(device, "tensorcore", "tensor_product", variant);
    call.memory(x.y).memory(x.a).memory(x.b);
    shape.has_bias ? call.memory(x.bias) : call.none();
    product.splits > 1 ? call.memory(parts.memory()) : call.none();
    call.value(product)
        .group(256, static_cast<size_t>(kStages * (kRows + columns) * 64))
        .run({count * product.splits, 1, 1});
  }
  if (product.splits > 1) {
    shape.splits = product.splits;
    joinParts(device, shape, x, parts.memory());
  }
  return true;
}

// A product of numbers that every path rounds alike up to the last bits: sizes are no multiples of a tile.
bool agreesWithTiled(GpuDevice& device, DType dtype, ProductPath path) {
  constexpr i64 kM = 136, kN = 264, kK = 200;
  const size_t size = sizeOf(dtype);
  const auto upload = [&](const Workspace& to, i64 count, u32 seed) {
    std::vector<unsigned char> bytes(static_cast<size_t>(count) * size);
    for (i64 at = 0; at < count; ++at) {
      seed = seed * 1664525 + 1013904223;
      const float value =
          static_cast<float>(static_cast<int>(seed >> 24) % 17 - 8) / 8;  // exact in every type
      u32 bits = 0;
      std::memcpy(&bits, &value, sizeof bits);
      const u16 half = dtype == DType::bfloat16 ? static_cast<u16>(bits >> 16)
                       : value == 0
                           ? u16{0}
                           : static_cast<u16>((bits >> 16 & 0x8000) | (((bits >> 23 & 255) - 112) << 10) |
                                              (bits >> 13 & 0x3ff));
      unsigned char* place = bytes.data() + static_cast<size_t>(at) * size;
      size == 4 ? std::memcpy(place, &bits, 4) : std::memcpy(place, &half, 2);
    }
    device.copyFromHost(to.memory(), bytes.data(), bytes.size());
  };
  const Workspace a(device, kM * kK * size), b(device, kK * kN * size), bias(device, kN * size),
      ys(device, 2 * kM * kN * size);
  upload(a, kM * kK, 1);
  upload(b, kK * kN, 2);
  upload(bias, kN, 3);
  // Every order of the operands.
  for (int order = 0; order < 4; ++order) {
    MatmulShape shape{};
    shape.batches = 1;
    shape.m = kM;
    shape.n = kN;
    shape.k = kK;
    shape.y_row = kN;
    shape.y_column = 1;
    shape.a_row = order & 1 ? 1 : kK;
    shape.a_column = order & 1 ? kM : 1;
    shape.b_row = order & 2 ? 1 : kN;
    shape.b_column = order & 2 ? kK : 1;
    shape.has_bias = 1;
    shape.bias_column = 1;
    MatrixOperands x{dtype, ys.memory(), a.memory(), b.memory(), bias.memory()};
    multiplyTiled(device, shape, x);
    x.y = ys.memory(kM * kN * size);
    const bool runs = path == ProductPath::library ? multiplyByLibrary(device, shape, x)
                                                   : multiplyByTensorCores(device, shape, x);
    if (!runs) continue;
    std::vector<unsigned char> bytes(2 * kM * kN * size);
    device.copyToHost(bytes.data(), ys.memory(), bytes.size());
    const auto at = [&](i64 place) {
      u32 bits = 0;
      u16 half = 0;
      const unsigned char* from = bytes.data() + static_cast<size_t>(place) * size;
      size == 4 ? std::memcpy(&bits, from, 4) : std::memcpy(&half, from, 2);
      if (dtype == DType::bfloat16) bits = static_cast<u32>(half) << 16;
      if (dtype == DType::float16 && half & 0x7fff)
        bits =
            static_cast<u32>(half & 0x8000) << 16 | ((static_cast<u32>(half & 0x7fff) << 13) + (112u << 23));
      float value = 0;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    };
    for (i64 k = 0; k < kM * kN; ++k) {
      // Sums of multiples of 1/64 are exact in float32 in any order: only the last rounding may differ.
      const float wanted = at(k), difference = at(kM * kN + k) - wanted;
      if (!(difference * difference <= 1e-4f * wanted * wanted)) return false;
    }
  }
  return true;
}

bool isTrusted(GpuDevice& device, DType dtype, ProductPath path) {
  ProductPaths& paths = device.productPaths();
  const int number = numberOf(dtype), place = static_cast<int>(path);
  if (paths.isChecked[number][place]) return paths.isTrusted[number][place];
  paths.isChecked[number][place] = true;
  const char* name = path == ProductPath::library ? "the library" : "tensor cores";
  try {
    paths.isTrusted[number][place] = agreesWithTiled(device, dtype, path);
    if (!paths.isTrusted[number][place])
      paths.refusal =
          std::string(name) + " refused: other results than the tiled kernel for " + descent::nameOf(dtype);
  } catch (const DeviceLost&) {
    throw;
  } catch (const Error& error) {
    paths.refusal = std::string(name) + " refused: " + error.what();
  }
  return paths.isTrusted[number][place];
}

// Whether something faster than the tiled kernel did it.
bool multiplyFast(GpuDevice& device, const MatmulShape& shape, const MatrixOperands& x) {
  if (x.dtype != DType::float32 && x.dtype != DType::float16 && x.dtype != DType::bfloat16) return false;
  if (shape.k == 0) return false;
  if (!device.backend().matrixLibrary().empty() && isTrusted(device, x.dtype, ProductPath::library) &&
      multiplyByLibrary(device, shape, x))
    return true;
  const bool isWorthIt = shape.m >= 16 && shape.n >= 16 && shape.k >= 16;
  return isWorthIt && (x.dtype != DType::float32 || allowsTf32()) && hasOwnSource(device, "tensorcore") &&
         isTrusted(device, x.dtype, ProductPath::tensorCores) && multiplyByTensorCores(device, shape, x);
}
