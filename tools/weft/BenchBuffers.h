// SPDX-License-Identifier: Apache-2.0
// Sets of buffers that calls rotate through, so that no call finds its operands
// in a cache.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Device.h"
#include "weft/Core/Shape.h"
#include "weft/Core/Status.h"
#include "weft/Tensor.h"

#include "runtime/Storage.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace weft::tools {

/// Numbers between -2 and 2 that look random and are exact in every float type
/// of 16 bits: element `i` of input `input`.
double benchElement(size_t input, int64_t i);

/// How far rounding to a floating-point type may move a normal number, as a
/// part of it.
double roundingOf(DType dtype);

/// The type whose bits are multiplied in a product: TF32 has those of float16.
DType multipliedAs(DType dtype, Device device);

/// A tensor whose elements `element` gives by their number.
Tensor benchTensor(const Shape &shape, DType dtype, Device device,
                   const std::function<double(int64_t i)> &element);

struct BenchBuffers {
  /// As many sets as exceed the device's last cache four times over, at least
  /// two, as far as memory allows. Inputs hold `benchElement`s.
  static StatusOr<BenchBuffers> make(Device device, DType dtype,
                                     const std::vector<Shape> &inputs,
                                     const Shape &output, bool quick);

  size_t sets() const { return outputs.size(); }
  void *output(int64_t call) const {
    return outputs[static_cast<size_t>(call) % sets()]->data();
  }
  const std::vector<void *> &inputsOf(int64_t call) const {
    return inputs[static_cast<size_t>(call) % sets()];
  }

  std::vector<std::vector<void *>> inputs; // of each set
  std::vector<std::shared_ptr<runtime::Storage>> outputs, memory;
  int64_t bytes = 0; // of an output
};

/// Bytes of the last cache before the memory of `device`.
StatusOr<int64_t> lastCacheBytes(Device device);

} // namespace weft::tools
