// SPDX-License-Identifier: Apache-2.0
#include "BulkOperand.h"

#include "MatrixOperand.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

static constexpr int64_t kElementBytes = 2;
static constexpr int64_t kAlignment = 16; // of addresses, strides, in bytes

/// Fewer bits for a corner and a tap the more spatial dims there are.
static int64_t cornerLimit(size_t spatialDims) {
  return int64_t{1} << (spatialDims <= 1 ? 15 : spatialDims == 2 ? 7 : 4);
}

bool isSupported(const TensorMap &map) {
  auto isStride = [](int64_t stride) {
    return stride > 0 && stride % kAlignment == 0 && stride < int64_t{1} << 40;
  };
  auto isSize = [](int64_t size) {
    return size > 0 && size <= int64_t{1} << 31;
  };
  // A step of a window, and a corner of its positions.
  int64_t limit = cornerLimit(map.lower.size());
  auto isStep = [](int64_t step) { return step <= 8; };
  auto isCorner = [&](int64_t corner) {
    return corner >= -limit && corner < limit;
  };
  return map.offset >= 0 && map.offset % kAlignment == 0 &&
         map.sizes.size() <= 5 && llvm::all_of(map.strides, isStride) &&
         llvm::all_of(map.sizes, isSize) && llvm::all_of(map.steps, isStep) &&
         llvm::all_of(map.lower, isCorner) && llvm::all_of(map.upper, isCorner);
}

// ---- matching ---------------------------------------------------------------

std::optional<BulkOperand> BulkOperand::match(const LoopNest &nest,
                                              const ContractionSide &side,
                                              const Contraction &contraction) {
  const Stmt &load = nest.stmts[side.stmt];
  if (load.kind != Stmt::Kind::load || side.dims.empty() ||
      nest.innerSizes().empty() || !isLinear(nest, load.expr))
    return std::nullopt;
  BulkOperand operand;
  operand.side_ = side;
  operand.load_ = &load;
  operand.nest_ = &nest;
  operand.map_.argument = static_cast<int32_t>(load.input);
  operand.map_.dtype = ir::toDType(contraction.type);
  operand.map_.offset = valueAtZero(load.expr, nest) * kElementBytes;
  std::optional<int64_t> own = commonStride(nest, load.expr, side.dims),
                         depth = commonStride(nest, load.expr, innerDims(nest));
  bool matches = load.guards.empty() && own && depth &&
                 operand.matchPlain(nest, *own, *depth, contraction);
  if (!matches && !operand.matchWindow(nest, contraction))
    return std::nullopt;
  if (!isSupported(operand.map_) || !operand.reachesTaps())
    return std::nullopt;
  return operand;
}

bool BulkOperand::matchPlain(const LoopNest &nest, int64_t ownStride,
                             int64_t depthStride,
                             const Contraction &contraction) {
  if ((depthStride != 1 && ownStride != 1) || ownStride <= 0 ||
      depthStride <= 0)
    return false;
  form_ = depthStride == 1 ? Form::lines : Form::blocks;
  map_.sizes = {nest.numInnerPoints(), side_.extent};
  if (form_ == Form::blocks)
    std::swap(map_.sizes[0], map_.sizes[1]);
  map_.strides = {(form_ == Form::lines ? ownStride : depthStride) *
                  kElementBytes};
  for (unsigned dim : contraction.batch) {
    int64_t stride = *strideOf(load_->expr, dim);
    if (stride == 0)
      continue;
    batch_.push_back(dim);
    map_.sizes.push_back(nest.sizes[dim]);
    map_.strides.push_back(stride * kElementBytes);
  }
  return true;
}

bool BulkOperand::matchWindow(const LoopNest &nest,
                              const Contraction &contraction) {
  unsigned channels = nest.sizes.size() - 1;
  if (contraction.batches != 1 || strideOf(load_->expr, channels) != 1 ||
      nest.sizes[channels] % kMatrixDepth != 0)
    return false;
  form_ = Form::window;
  map_.sizes = {nest.sizes[channels]};
  SmallVector<unsigned> taps = innerDims(nest);
  taps.pop_back();
  // The outermost dim counts images, unless it has taps.
  SmallVector<unsigned> spatial(side_.dims);
  auto guardOf = [&](unsigned dim) {
    return llvm::find_if(load_->guards, [&](const Guard &guard) {
      return guard.expr.isFunctionOfDim(dim);
    });
  };
  if (spatial.size() > 1 && guardOf(spatial[0]) == load_->guards.end()) {
    images_ = static_cast<int>(spatial[0]);
    spatial.erase(spatial.begin());
  }
  size_t numGuards = 0, numTaps = 0;
  int64_t lastStride = 0;
  for (unsigned dim : llvm::reverse(spatial)) {
    Axis axis;
    axis.dim = static_cast<int>(dim);
    int64_t stride = *strideOf(load_->expr, dim), step = 1, lower = 0,
            size = nest.sizes[dim];
    if (auto guard = guardOf(dim); guard != load_->guards.end()) {
      ++numGuards;
      if (!isLinear(nest, guard->expr))
        return false;
      step = *strideOf(guard->expr, dim);
      lower = valueAtZero(guard->expr, nest) - guard->low;
      size = guard->high - guard->low;
      if (step <= 0 || stride % step != 0)
        return false;
      stride /= step;
      for (unsigned i = 0; i <= channels; ++i) {
        int64_t other = *strideOf(guard->expr, i);
        if (i == dim || other == 0)
          continue;
        if (axis.tap >= 0 || !llvm::is_contained(taps, i) || other < 0 ||
            *strideOf(load_->expr, i) != other * stride)
          return false;
        axis.tap = static_cast<int>(i);
        axis.dilation = other;
        ++numTaps;
      }
    }
    // What `offset` says lies at position 0, not at the first one.
    map_.offset -= lower * stride * kElementBytes;
    map_.sizes.push_back(size);
    map_.strides.push_back(stride * kElementBytes);
    map_.lower.push_back(static_cast<int32_t>(lower));
    map_.upper.push_back(
        static_cast<int32_t>(lower + (nest.sizes[dim] - 1) * step - size + 1));
    map_.steps.push_back(static_cast<int32_t>(step));
    lastStride = stride * size;
    axes_.push_back(axis);
  }
  if (axes_.empty() || axes_.size() > 3 || numGuards != load_->guards.size() ||
      numTaps != taps.size())
    return false;
  map_.sizes.push_back(images_ >= 0 ? nest.sizes[images_] : 1);
  map_.strides.push_back(
      (images_ >= 0 ? *strideOf(load_->expr, images_) : lastStride) *
      kElementBytes);
  return true;
}

/// Whether an instruction can name all taps of a window.
bool BulkOperand::reachesTaps() const {
  return llvm::all_of(axes_, [&](const Axis &axis) {
    int64_t last =
        axis.tap < 0 ? 0 : (nest_->sizes[axis.tap] - 1) * axis.dilation;
    return last < 2 * cornerLimit(axes_.size());
  });
}

// ---- text -------------------------------------------------------------------

void BulkOperand::declare(KernelPrinter &p, int64_t extent, StringRef name,
                          StringRef position) {
  extent_ = extent;
  position_ = position.str();
  int64_t lines = form_ == Form::blocks ? kMatrixDepth : extent;
  map_.box.assign(
      {static_cast<int32_t>(kMatrixDepth), static_cast<int32_t>(lines)});
  if (form_ != Form::window)
    map_.box.resize(map_.sizes.size(), 1);
  name_ = p.addTensorMap(name, map_);
}

void BulkOperand::locate(KernelPrinter &p,
                         const llvm::SmallBitVector &used) const {
  p.line("const " + p.indexType() + " " + position_ + " = first_" + position_ +
         ";");
  if (form_ == Form::window)
    p.splitDims(position_, side_.dims, used);
}

static std::string asInt(const Twine &text) {
  return ("static_cast<int>(" + text + ")").str();
}

void BulkOperand::copy(KernelPrinter &p, StringRef depth, StringRef destination,
                       StringRef barrier,
                       const llvm::SmallBitVector &used) const {
  if (form_ == Form::window)
    return copyWindow(p, depth, destination, barrier, used);
  std::string batch;
  for (unsigned dim : batch_)
    batch += ", " + asInt(p.dims[dim]);
  auto start = [&](const Twine &to, const Twine &at) {
    p.line("weft::copy_tile(" + to + ", " + name_ + ", {" + at + batch + "}, " +
           barrier + ");");
  };
  std::string own = asInt(position_);
  if (form_ == Form::lines)
    return start(destination, asInt(depth) + ", " + own);
  p.openLoop("i", extent_ / kMatrixDepth, /*unrolled=*/true);
  start(destination + " + i * " + Twine(kMatrixDepth * kMatrixLineBytes),
        own + " + i * " + Twine(kMatrixDepth) + ", " + asInt(depth));
  p.close();
}

void BulkOperand::copyWindow(KernelPrinter &p, StringRef depth,
                             StringRef destination, StringRef barrier,
                             const llvm::SmallBitVector &used) const {
  p.open("");
  p.line("const int step = " + depth + ";");
  p.splitPosition("step", nest_->numParallel, nest_->innerSizes(), used);
  std::string at = asInt(p.dims[nest_->sizes.size() - 1]), taps;
  for (auto [i, axis] : llvm::enumerate(axes_)) {
    at += ", " + asInt(p.dims[axis.dim]);
    if (map_.steps[i] != 1)
      at += " * " + std::to_string(map_.steps[i]);
    if (map_.lower[i] != 0)
      at += " + " + std::to_string(map_.lower[i]);
    std::string tap = axis.tap < 0 ? "0" : p.dims[axis.tap];
    if (axis.dilation > 1)
      tap += " * " + std::to_string(axis.dilation);
    taps += (i > 0 ? ", " : "") + ("static_cast<unsigned short>(" + tap + ")");
  }
  at += ", " + (images_ < 0 ? std::string("0") : asInt(p.dims[images_]));
  p.line("weft::copy_window(" + destination + ", " + name_ + ", {" + at +
         "}, {" + taps + "}, " + barrier + ");");
  p.close();
}

} // namespace weft::cuda
