// SPDX-License-Identifier: Apache-2.0
#include "PatchOperand.h"

#include "MatrixOperand.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

// ---- matching ---------------------------------------------------------------

std::optional<PatchOperand> PatchOperand::match(const LoopNest &nest,
                                                const BulkOperand &operand) {
  const BulkPart *window = operand.window();
  if (!window)
    return std::nullopt;
  PatchOperand patch;
  patch.map_ = window->map();
  TensorMap &map = patch.map_;
  ArrayRef<int64_t> inner = nest.innerSizes();
  for (int64_t taps : inner.drop_back())
    patch.tapDims_.push_back({taps, 0});
  static constexpr const char *kNames[] = {"first_x", "first_y", "first_z"};
  int64_t pitch = 1;
  for (auto [i, axis] : llvm::enumerate(window->axes())) {
    int64_t windows = nest.sizes[axis.dim], read = map.sizes[i + 1], reach = 0;
    if (axis.tap >= 0) {
      reach = (nest.sizes[axis.tap] - 1) * axis.dilation;
      patch.tapDims_[axis.tap - nest.numParallel].lines = axis.dilation * pitch;
    }
    int64_t before = -map.lower[i], behind = windows + reach - before - read;
    if (map.steps[i] != 1 || before < 0)
      return std::nullopt;
    int64_t size = std::max(read + std::max(before, behind), windows);
    map.upper[i] = static_cast<int32_t>(size - before - read);
    patch.axes_.push_back({axis.dim, windows, size, pitch, kNames[i]});
    patch.shape_.reach += reach * pitch;
    patch.shape_.positions += (windows - 1) * pitch;
    pitch *= size;
  }
  int64_t images = map.sizes.back();
  patch.axes_.push_back({window->images(), images, 0, pitch, "first_image"});
  patch.shape_.positions += (images - 1) * pitch + 1;
  for (int64_t taps : inner.drop_back())
    patch.taps_ *= taps;
  patch.shape_.steps = patch.taps_ * (inner.back() / kMatrixDepth);
  if (patch.taps_ == 1 || !isSupported(map))
    return std::nullopt;
  return patch;
}

// ---- text -------------------------------------------------------------------

void PatchOperand::declare(KernelPrinter &p, int64_t lines, StringRef name) {
  map_.box = {static_cast<int32_t>(kMatrixDepth), static_cast<int32_t>(lines)};
  name_ = p.addTensorMap(name, map_);
}

void PatchOperand::locate(KernelPrinter &p) const {
  for (const Axis &axis : axes_) {
    std::string position = "first_row";
    if (axis.pitch > 1)
      position += " / " + std::to_string(axis.pitch);
    if (axis.size > 0)
      position += " % " + std::to_string(axis.size);
    p.line("const int " + axis.first + " = static_cast<int>(" + position +
           ");");
  }
}

void PatchOperand::copy(KernelPrinter &p, StringRef chunk,
                        StringRef destination, StringRef barrier) const {
  std::string at = (chunk + " * " + Twine(kMatrixDepth)).str(), taps;
  for (auto [i, axis] : llvm::enumerate(axes_)) {
    at += ", " + axis.first;
    if (i + 1 == axes_.size())
      break;
    if (map_.lower[i] != 0)
      at += " + " + std::to_string(map_.lower[i]);
    taps += i > 0 ? ", 0" : "0";
  }
  p.line("weft::copy_window(" + destination + ", " + name_ + ", {" + at +
         "}, {" + taps + "}, " + barrier + ");");
}

std::string PatchOperand::shift(StringRef tap) const {
  std::string text;
  int64_t inner = taps_;
  for (const Tap &dim : tapDims_) {
    bool isFirst = inner == taps_;
    inner /= dim.count;
    if (dim.count == 1)
      continue;
    text += (text.empty() ? "" : " + ") + tap.str();
    if (inner > 1)
      text += " / " + std::to_string(inner);
    if (!isFirst)
      text += " % " + std::to_string(dim.count);
    text += " * " + std::to_string(dim.lines);
  }
  return text;
}

std::string PatchOperand::depth(StringRef chunk, StringRef tap) const {
  return ("(" + tap + " * " + Twine(chunks()) + " + " + chunk + ") * " +
          Twine(kMatrixDepth))
      .str();
}

} // namespace weft::cuda
