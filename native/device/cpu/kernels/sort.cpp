// Sorting rows, and finding the k best or the middle of each. Each row is one thread's.
//
// Elements become unsigned keys in the same order (NaN last), each with its index. Short rows are sorted by
// insertion, longer ones by their bytes from the lowest to the highest; both keep the order of equals.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kShort = 40;  // rows up to here are sorted by insertion

template <class Key>
struct Entry {
  Key key;
  uint32_t index;
};

template <int kBytes>
struct KeyType;
template <>
struct KeyType<1> {
  using Type = uint8_t;
};
template <>
struct KeyType<2> {
  using Type = uint16_t;
};
template <>
struct KeyType<4> {
  using Type = uint32_t;
};
template <>
struct KeyType<8> {
  using Type = uint64_t;
};
template <class T>
using KeyOf = typename KeyType<sizeof(T)>::Type;

// Larger for larger x; one key for both zeros, and the largest for every NaN.
template <class T>
inline KeyOf<T> keyOf(T x) {
  using Key = KeyOf<T>;
  constexpr Key kSign = Key(Key(1) << (8 * sizeof(T) - 1));
  if constexpr (kIsFloating<T>) {
    if (isnan_(x)) return Key(~Key(0));
    if (x == T(0)) return kSign;
    const Key bits = __builtin_bit_cast(Key, x);
    return bits & kSign ? Key(~bits) : Key(bits | kSign);
  } else if constexpr (__is_same(T, bool)) {
    return x ? 1 : 0;
  } else {
    return kIsSigned<T> ? Key(static_cast<Key>(x) ^ kSign) : static_cast<Key>(x);
  }
}

// One row of an operand.
template <class T>
struct Row {
  T* at;
  int64_t step, size;
  Row(const Operand& x, int64_t row)
      : at(pointerTo<T>(x) + offsetOf(x, x.dims - 1, row)),
        step(x.strides[x.dims - 1]),
        size(x.sizes[x.dims - 1]) {}
  T& operator[](int64_t k) const { return at[k * step]; }
};

template <class T>
void fillEntries(const Row<T>& x, bool isDescending, Entry<KeyOf<T>>* entries) {
  const KeyOf<T> flip = isDescending ? KeyOf<T>(~KeyOf<T>(0)) : KeyOf<T>(0);
  for (int64_t i = 0; i < x.size; ++i) entries[i] = {KeyOf<T>(keyOf(x[i]) ^ flip), static_cast<uint32_t>(i)};
}

template <class Key>
void insertionSort(Entry<Key>* entries, int64_t count) {
  for (int64_t i = 1; i < count; ++i) {
    const Entry<Key> entry = entries[i];
    int64_t at = i;
    for (; at > 0 && entries[at - 1].key > entry.key; --at) entries[at] = entries[at - 1];
    entries[at] = entry;
  }
}

// Sorts `entries` with the help of as much room; gives back which of the two holds the result.
template <class Key>
Entry<Key>* sortEntries(Entry<Key>* entries, Entry<Key>* room, int64_t count) {
  if (count <= kShort) {
    insertionSort(entries, count);
    return entries;
  }
  uint32_t counts[sizeof(Key)][256] = {};
  for (int64_t i = 0; i < count; ++i) {
    for (size_t byte = 0; byte < sizeof(Key); ++byte)
      ++counts[byte][static_cast<uint8_t>(entries[i].key >> (8 * byte))];
  }
  for (size_t byte = 0; byte < sizeof(Key); ++byte) {
    uint32_t* places = counts[byte];
    if (places[static_cast<uint8_t>(entries[0].key >> (8 * byte))] == static_cast<uint32_t>(count)) continue;
    uint32_t next = 0;
    for (int value = 0; value < 256; ++value) {
      const uint32_t found = places[value];
      places[value] = next;
      next += found;
    }
    for (int64_t i = 0; i < count; ++i)
      room[places[static_cast<uint8_t>(entries[i].key >> (8 * byte))]++] = entries[i];
    Entry<Key>* sorted = room;
    room = entries;
    entries = sorted;
  }
  return entries;
}

// The `count` first entries in order, for few: each other one is compared with the last of the best so far.
template <class T>
void bestEntries(const Row<T>& x, bool isDescending, int64_t count, Entry<KeyOf<T>>* best) {
  using Key = KeyOf<T>;
  const Key flip = isDescending ? Key(~Key(0)) : Key(0);
  int64_t found = 0;
  for (int64_t i = 0; i < x.size; ++i) {
    const Key key = Key(keyOf(x[i]) ^ flip);
    if (found == count && key >= best[count - 1].key) continue;
    int64_t at = found < count ? found++ : count - 1;
    for (; at > 0 && best[at - 1].key > key; --at) best[at] = best[at - 1];
    best[at] = {key, static_cast<uint32_t>(i)};
  }
}

template <class T>
void write(const Row<T>& x, const Entry<KeyOf<T>>* entries, int64_t count, const Row<T>& values,
           const Row<int64_t>& indices) {
  for (int64_t k = 0; k < count; ++k) {
    values[k] = x[entries[k].index];
    indices[k] = entries[k].index;
  }
}

// body(T(), row, room for two rows of entries) for each row of x.
template <class Body>
void forRows(const Operand& x, const Body& body) {
  const int64_t size = x.sizes[x.dims - 1];
  if (size == 0) return;
  withAny(x.dtype, [&](auto zero) {
    using Pair = Entry<KeyOf<decltype(zero)>>;
    parallel(elements(x) / size, most<int64_t>(1, kGrain / 16 / size), [&](int64_t begin, int64_t end) {
      auto* room = static_cast<Pair*>(scratch(0, 2 * static_cast<size_t>(size) * sizeof(Pair)));
      for (int64_t row = begin; row < end; ++row) body(zero, row, room);
    });
  });
}

// values, indices int64, x: [rows..., N]
void sort(const Call& call, const void*) {
  const Operand& x = call.operands[2];
  const bool isDescending = call.integers[0] != 0;
  forRows(x, [&](auto zero, int64_t row, auto* room) {
    using T = decltype(zero);
    const Row<T> from(x, row);
    fillEntries(from, isDescending, room);
    write(from, sortEntries(room, room + from.size, from.size), from.size, Row<T>(call.operands[0], row),
          Row<int64_t>(call.operands[1], row));
  });
}

// values, indices int64: [rows..., k]; x: [rows..., N]
void topk(const Call& call, const void*) {
  const Operand& x = call.operands[2];
  const bool isDescending = call.integers[0] != 0;
  const int64_t count = call.operands[0].sizes[call.operands[0].dims - 1];
  forRows(x, [&](auto zero, int64_t row, auto* room) {
    using T = decltype(zero);
    const Row<T> from(x, row);
    auto* best = room;
    if (count <= 64 && count < from.size / 2) {
      bestEntries(from, isDescending, count, best);
    } else {
      fillEntries(from, isDescending, room);
      best = sortEntries(room, room + from.size, from.size);
    }
    write(from, best, count, Row<T>(call.operands[0], row), Row<int64_t>(call.operands[1], row));
  });
}

// values, indices int64: [rows..., 1]; x: [rows..., N]
void median(const Call& call, const void*) {
  const Operand& x = call.operands[2];
  forRows(x, [&](auto zero, int64_t row, auto* room) {
    using T = decltype(zero);
    const Row<T> from(x, row);
    fillEntries(from, false, room);
    auto* sorted = sortEntries(room, room + from.size, from.size);
    int64_t middle = (from.size - 1) / 2;
    // NaN stand last, in their order: the first of them wins.
    if (isnan_(from[sorted[from.size - 1].index])) {
      middle = from.size - 1;
      while (middle > 0 && isnan_(from[sorted[middle - 1].index])) --middle;
    }
    write(from, sorted + middle, 1, Row<T>(call.operands[0], row), Row<int64_t>(call.operands[1], row));
  });
}

// order int64 [N]: the rows of x [N, C] contiguous in the order of their first elements that differ. Merged
// runs, so that equal rows keep their order.
void sortRows(const Call& call, const void*) {
  const Operand& x = call.operands[1];
  const int64_t count = x.sizes[0], width = x.sizes[1];
  int64_t* order = pointerTo<int64_t>(call.operands[0]);
  auto* room = static_cast<int64_t*>(scratch(0, static_cast<size_t>(count) * sizeof(int64_t)));
  for (int64_t i = 0; i < count; ++i) order[i] = i;
  withAny(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* values = pointerTo<T>(x);
    const auto isBehind = [&](int64_t a, int64_t b) {
      for (int64_t i = 0; i < width; ++i) {
        const auto first = keyOf(values[a * width + i]), second = keyOf(values[b * width + i]);
        if (first != second) return first > second;
      }
      return false;
    };
    for (int64_t run = 1; run < count; run *= 2) {
      for (int64_t start = 0; start < count; start += 2 * run) {
        const int64_t middle = least(start + run, count), end = least(start + 2 * run, count);
        int64_t left = start, right = middle;
        for (int64_t to = start; to < end; ++to) {
          const bool takesRight = left == middle || (right < end && isBehind(order[left], order[right]));
          room[to] = takesRight ? order[right++] : order[left++];
        }
      }
      __builtin_memcpy(order, room, static_cast<size_t>(count) * sizeof(int64_t));
    }
  });
}

const Kernel kKernels[] = {
    {"sort", kAll, sort, nullptr},
    {"topk", kAll, topk, nullptr},
    {"median", kAll, median, nullptr},
    {"sortRows", kAll, sortRows, nullptr},
};

}  // namespace

extern const KernelTable sortKernels;
const KernelTable sortKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
