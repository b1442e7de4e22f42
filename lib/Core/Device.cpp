// SPDX-License-Identifier: Apache-2.0
// Devices as text.
#include "weft/Core/Device.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include <limits>
#include <ostream>

namespace weft {

StatusOr<Device> Device::parse(std::string_view text) {
  size_t colon = text.find(':');
  std::string kind = absl::AsciiStrToLower(
      absl::string_view(text.data(), std::min(colon, text.size())));
  if (kind != "cpu" && kind != "gpu")
    return invalid_argument_error(
        absl::StrCat("device: unknown kind: got \"",
                     absl::string_view(text.data(), text.size()),
                     "\", expected cpu or gpu"));

  // There is one CPU; all its cores are that device.
  const int last =
      kind == "cpu" ? 0 : static_cast<int>(std::numeric_limits<int8_t>::max());
  int index = 0;
  if (colon != text.npos) {
    std::string_view digits = text.substr(colon + 1);
    bool is_number =
        !digits.empty() &&
        digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_number ||
        !absl::SimpleAtoi(absl::string_view(digits.data(), digits.size()),
                          &index) ||
        index > last)
      return invalid_argument_error(absl::StrCat(
          "device: bad index: got \"",
          absl::string_view(text.data(), text.size()), "\", expected ",
          last == 0 ? "cpu:0" : absl::StrCat("gpu:0 to gpu:", last)));
  }
  return kind == "cpu" ? Device::cpu() : Device::gpu(index);
}

std::string to_string(Device device) {
  return absl::StrCat(device.is_cpu() ? "cpu:" : "gpu:",
                      static_cast<int>(device.index));
}

std::ostream &operator<<(std::ostream &os, Device device) {
  return os << to_string(device);
}

} // namespace weft
