// SPDX-License-Identifier: Apache-2.0
#include "runtime/TensorMaps.h"

#include <algorithm>

namespace weft::runtime {

namespace {

constexpr size_t kMaxRank = 5;
// Of CUtensorMapDataType and its neighbours.
constexpr int kInt64 = 5, kFloat16 = 6, kFloat32 = 7, kBfloat16 = 9;
constexpr int kNoInterleave = 0, kNoSwizzle = 0, kSwizzle128 = 3,
              kPromote256 = 3, kZeros = 0;

int codeOf(DType dtype) {
  return dtype == DType::int64     ? kInt64
         : dtype == DType::float16 ? kFloat16
         : dtype == DType::float32 ? kFloat32
                                   : kBfloat16;
}

} // namespace

bool isWellFormed(const TensorMap &map) {
  size_t rank = map.sizes.size(), spatial = rank - 2;
  bool isKnown = map.dtype == DType::float16 || map.dtype == DType::bfloat16 ||
                 map.dtype == DType::float32 || map.dtype == DType::int64;
  if (!isKnown || rank < 2 || rank > kMaxRank || map.strides.size() != rank - 1)
    return false;
  if (!map.isWindow())
    return map.box.size() == rank && map.upper.empty() && map.steps.empty();
  return rank > 2 && map.box.size() == 2 && map.lower.size() == spatial &&
         map.upper.size() == spatial && map.steps.size() == spatial;
}

Status encode(const Driver &driver, const TensorMap &map, void *data,
              EncodedTensorMap &result) {
  const int type = codeOf(map.dtype);
  const int swizzle = map.isSwizzled() ? kSwizzle128 : kNoSwizzle;
  const auto rank = static_cast<unsigned>(map.sizes.size());
  auto *address = static_cast<std::byte *>(data) + map.offset;
  uint64_t sizes[kMaxRank], strides[kMaxRank];
  std::copy(map.sizes.begin(), map.sizes.end(), sizes);
  std::copy(map.strides.begin(), map.strides.end(), strides);
  uint32_t box[kMaxRank], steps[kMaxRank];
  std::copy(map.box.begin(), map.box.end(), box);
  std::fill(steps, steps + kMaxRank, 1u);
  std::copy(map.steps.begin(), map.steps.end(), steps + 1);
  if (!map.isWindow())
    return driver.check(driver.tensorMapEncodeTiled(
                            &result, type, rank, address, sizes, strides, box,
                            steps, kNoInterleave, swizzle, kPromote256, kZeros),
                        "cuTensorMapEncodeTiled");
  return driver.check(driver.tensorMapEncodeIm2col(
                          &result, type, rank, address, sizes, strides,
                          map.lower.data(), map.upper.data(), box[0], box[1],
                          steps, kNoInterleave, swizzle, kPromote256, kZeros),
                      "cuTensorMapEncodeIm2col");
}

} // namespace weft::runtime
