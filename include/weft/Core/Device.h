// SPDX-License-Identifier: Apache-2.0
// Where a tensor's elements live and where ops on it run.
#pragma once

#include "weft/Core/Status.h"

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace weft {

/// A device: `cpu:0`, `gpu:0`, `gpu:1`, ...
struct Device {
  enum class Kind : uint8_t { cpu, gpu };

  Kind kind = Kind::cpu;
  int8_t index = 0;

  static constexpr Device cpu() { return {Kind::cpu, 0}; }
  static constexpr Device gpu(int index = 0) {
    return {Kind::gpu, static_cast<int8_t>(index)};
  }

  /// Reads `cpu`, `gpu`, `gpu:1`; the kind in any case.
  ///
  ///   Device::parse("GPU:1")   // Device::gpu(1)
  ///   Device::parse("tpu")     // device: unknown kind: got "tpu", expected
  ///                            // cpu or gpu
  static StatusOr<Device> parse(std::string_view text);

  bool is_cpu() const { return kind == Kind::cpu; }
  bool is_gpu() const { return kind == Kind::gpu; }
  friend bool operator==(Device, Device) = default;
};

/// `gpu:0`
std::string to_string(Device device);
std::ostream &operator<<(std::ostream &os, Device device);

} // namespace weft
