// Sorting on a device, for kernels that need it: kernels/merge.cpp.
#pragma once

#include "kernel.h"

namespace descent::gpu {

// What is sorted is one number ("u64"), or a key with its place ("wide"); no two are equal.
enum class EntryKind { narrow, wide };
EntryKind entriesFor(DType dtype);
inline size_t bytesOf(EntryKind kind) { return kind == EntryKind::narrow ? 8 : 16; }
inline const char* nameOf(EntryKind kind) { return kind == EntryKind::narrow ? "u64" : "wide"; }

// Rows up to here are sorted in place and need no room.
constexpr i64 kSortedInPlace = 1024;
// Sorts each of `rows` rows of `count` entries from the smallest to the largest; `room` is as large. Gives
// whichever of the two holds the result.
Memory sortEntries(GpuDevice& device, EntryKind kind, Memory entries, Memory room, i64 rows, i64 count);
// The same, where only the first `kept` of each row are wanted: `count` becomes how far apart rows are in the
// result, at least `kept`.
Memory sortFirst(GpuDevice& device, EntryKind kind, Memory entries, Memory room, i64 rows, i64& count,
                 i64 kept);

}  // namespace descent::gpu
