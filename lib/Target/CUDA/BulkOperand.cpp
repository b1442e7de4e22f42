// SPDX-License-Identifier: Apache-2.0
#include "BulkOperand.h"

#include "MatrixOperand.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

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

std::optional<BulkPart>
BulkPart::match(const LoopNest &nest, const ContractionSide &side,
                const Contraction &contraction, const Stmt &load,
                ArrayRef<Guard> guards, int64_t begin, int64_t end) {
  if (!isLinear(nest, load.expr))
    return std::nullopt;
  BulkPart part;
  part.side_ = side;
  part.load_ = &load;
  part.nest_ = &nest;
  part.begin_ = begin;
  part.end_ = end;
  part.map_.argument = static_cast<int32_t>(load.input);
  part.map_.dtype = ir::toDType(contraction.type);
  // Of the first step of the part.
  part.map_.offset = (valueAtZero(load.expr, nest) +
                      begin * *strideOf(load.expr, nest.sizes.size() - 1)) *
                     part.elementBytes();
  std::optional<int64_t> own = commonStride(nest, load.expr, side.dims),
                         depth = commonStride(nest, load.expr, innerDims(nest));
  bool matches = guards.empty() && own && depth &&
                 part.matchPlain(*own, *depth, contraction);
  if (!matches && !part.matchWindow(contraction, guards))
    return std::nullopt;
  if (!isSupported(part.map_) || !part.reachesTaps())
    return std::nullopt;
  return part;
}

bool BulkPart::matchPlain(int64_t ownStride, int64_t depthStride,
                          const Contraction &contraction) {
  const LoopNest &nest = *nest_;
  if ((depthStride != 1 && ownStride != 1) || ownStride <= 0 ||
      depthStride <= 0)
    return false;
  form_ = depthStride == 1 ? Form::lines : Form::blocks;
  map_.sizes = {nest.numInnerPoints() / nest.sizes.back() * (end_ - begin_),
                side_.extent};
  if (form_ == Form::blocks)
    std::swap(map_.sizes[0], map_.sizes[1]);
  map_.strides = {(form_ == Form::lines ? ownStride : depthStride) *
                  elementBytes()};
  for (unsigned dim : contraction.batch) {
    int64_t stride = *strideOf(load_->expr, dim);
    if (stride == 0)
      continue;
    batch_.push_back(dim);
    map_.sizes.push_back(nest.sizes[dim]);
    map_.strides.push_back(stride * elementBytes());
  }
  return true;
}

bool BulkPart::matchWindow(const Contraction &contraction,
                           ArrayRef<Guard> guards) {
  const LoopNest &nest = *nest_;
  unsigned channels = nest.sizes.size() - 1;
  if (contraction.batches != 1 || strideOf(load_->expr, channels) != 1 ||
      (end_ - begin_) % tileDepth() != 0)
    return false;
  form_ = Form::window;
  map_.sizes = {end_ - begin_};
  SmallVector<unsigned> taps = innerDims(nest);
  taps.pop_back();
  // The outermost dim counts images, unless it has taps.
  SmallVector<unsigned> spatial(side_.dims);
  auto guardOf = [&](unsigned dim) {
    return llvm::find_if(guards, [&](const Guard &guard) {
      return guard.expr.isFunctionOfDim(dim);
    });
  };
  if (spatial.size() > 1 && guardOf(spatial[0]) == guards.end()) {
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
    if (const Guard *guard = guardOf(dim); guard != guards.end()) {
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
    map_.offset -= lower * stride * elementBytes();
    map_.sizes.push_back(size);
    map_.strides.push_back(stride * elementBytes());
    map_.lower.push_back(static_cast<int32_t>(lower));
    map_.upper.push_back(
        static_cast<int32_t>(lower + (nest.sizes[dim] - 1) * step - size + 1));
    map_.steps.push_back(static_cast<int32_t>(step));
    lastStride = stride * size;
    axes_.push_back(axis);
  }
  if (axes_.empty() || axes_.size() > 3 || numGuards != guards.size() ||
      numTaps != taps.size())
    return false;
  map_.sizes.push_back(images_ >= 0 ? nest.sizes[images_] : 1);
  map_.strides.push_back(
      (images_ >= 0 ? *strideOf(load_->expr, images_) : lastStride) *
      elementBytes());
  return true;
}

/// Whether an instruction can name all taps of a window.
bool BulkPart::reachesTaps() const {
  return llvm::all_of(axes_, [&](const Axis &axis) {
    int64_t last =
        axis.tap < 0 ? 0 : (nest_->sizes[axis.tap] - 1) * axis.dilation;
    return last < 2 * cornerLimit(axes_.size());
  });
}

namespace {
/// What a sum reads in a part of the steps of k.
struct Reading {
  const Stmt *load;
  SmallVector<Guard> guards; // that hold for some rows only
  int64_t begin, end;
};
} // namespace

/// The range of the innermost dim in which `guard` holds, if it depends on
/// nothing else.
static std::optional<std::pair<int64_t, int64_t>>
rangeOfDepth(const LoopNest &nest, const Guard &guard) {
  unsigned deepest = nest.sizes.size() - 1;
  for (unsigned i = 0; i <= deepest; ++i)
    if (strideOf(guard.expr, i) != (i == deepest ? 1 : 0))
      return std::nullopt;
  int64_t first = valueAtZero(guard.expr, nest);
  return std::pair(guard.low - first, guard.high - first);
}

/// Adds what statement `id` is for steps [begin, end) of k: a load, or choices
/// between loads, each below a step. False if it is something else.
static bool findReadings(const LoopNest &nest, int id, int64_t begin,
                         int64_t end, int64_t tileDepth,
                         SmallVector<Reading> &readings) {
  const Stmt &stmt = nest.stmts[id];
  if (stmt.kind == Stmt::Kind::load) {
    Reading reading{&stmt, {}, begin, end};
    llvm::copy_if(stmt.guards, std::back_inserter(reading.guards),
                  [&](const Guard &guard) {
                    auto range = rangeOfDepth(nest, guard);
                    return !range || range->first > begin ||
                           range->second < end;
                  });
    readings.push_back(std::move(reading));
    return true;
  }
  if (stmt.kind != Stmt::Kind::select || stmt.guards.size() != 1)
    return false;
  auto range = rangeOfDepth(nest, stmt.guards[0]);
  return range && range->first <= begin && range->second > begin &&
         range->second < end && range->second % tileDepth == 0 &&
         findReadings(nest, stmt.operands[0], begin, range->second, tileDepth,
                      readings) &&
         findReadings(nest, stmt.operands[1], range->second, end, tileDepth,
                      readings);
}

std::optional<BulkOperand> BulkOperand::match(const LoopNest &nest,
                                              const ContractionSide &side,
                                              const Contraction &contraction) {
  const int64_t tileDepth = matrixDepth(contraction.type);
  SmallVector<Reading> readings;
  if (side.dims.empty() || nest.innerSizes().empty() ||
      nest.numInnerPoints() == 0 ||
      !findReadings(nest, side.stmt, 0, nest.sizes.back(), tileDepth, readings))
    return std::nullopt;
  // Steps are counted through all dims of k, parts along the innermost.
  if (readings.size() > 1 &&
      (nest.innerSizes().size() > 1 || nest.numInnerPoints() % tileDepth != 0))
    return std::nullopt;
  BulkOperand operand;
  operand.side_ = side;
  for (const Reading &reading : readings) {
    auto part = BulkPart::match(nest, side, contraction, *reading.load,
                                reading.guards, reading.begin, reading.end);
    if (!part || (readings.size() > 1 && !part->isAlongDepth()))
      return std::nullopt;
    operand.parts_.push_back(*std::move(part));
  }
  return operand;
}

// ---- text -------------------------------------------------------------------

void BulkPart::declare(KernelPrinter &p, int64_t extent, StringRef name) {
  extent_ = extent;
  int64_t lines = form_ == Form::blocks ? tileDepth() : extent;
  map_.box.assign(
      {static_cast<int32_t>(tileDepth()), static_cast<int32_t>(lines)});
  if (form_ != Form::window)
    map_.box.resize(map_.sizes.size(), 1);
  name_ = p.addTensorMap(name, map_);
}

static std::string asInt(const Twine &text) {
  return ("static_cast<int>(" + text + ")").str();
}

/// Where a step of k lies in a part.
static std::string within(std::string depth, int64_t begin) {
  return begin == 0 ? depth : depth + " - " + std::to_string(begin);
}

void BulkPart::copy(KernelPrinter &p, StringRef position, StringRef depth,
                    StringRef destination, StringRef barrier,
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
  std::string own = asInt(position), step = within(asInt(depth), begin_);
  if (form_ == Form::lines)
    return start(destination, step + ", " + own);
  p.openLoop("i", extent_ / tileDepth(), /*unrolled=*/true);
  start(destination + " + i * " + Twine(tileDepth() * kMatrixLineBytes),
        own + " + i * " + Twine(tileDepth()) + ", " + step);
  p.close();
}

void BulkPart::copyWindow(KernelPrinter &p, StringRef depth,
                          StringRef destination, StringRef barrier,
                          const llvm::SmallBitVector &used) const {
  p.open("");
  p.line("const int step = " + depth + ";");
  p.splitPosition("step", nest_->numParallel, nest_->innerSizes(), used);
  std::string at = within(asInt(p.dims[nest_->sizes.size() - 1]), begin_), taps;
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

void BulkOperand::declare(KernelPrinter &p, int64_t extent, StringRef name,
                          StringRef position) {
  position_ = position.str();
  for (BulkPart &part : parts_)
    part.declare(p, extent, name);
}

void BulkOperand::locate(KernelPrinter &p,
                         const llvm::SmallBitVector &used) const {
  p.line("const " + p.indexType() + " " + position_ + " = first_" + position_ +
         ";");
  if (llvm::any_of(parts_, [](auto &part) { return part.isWindow(); }))
    p.splitDims(position_, side_.dims, used);
}

void BulkOperand::copy(KernelPrinter &p, StringRef depth, StringRef destination,
                       StringRef barrier,
                       const llvm::SmallBitVector &used) const {
  for (const BulkPart &part : parts_) {
    bool isFirst = &part == parts_.begin(), isLast = &part == &parts_.back();
    std::string below =
        isLast ? "" : ("if (" + depth + " < " + Twine(part.end()) + ")").str();
    if (parts_.size() > 1)
      p.open((isFirst ? "" : isLast ? "else" : "else ") + below);
    part.copy(p, position_, depth, destination, barrier, used);
    if (parts_.size() > 1)
      p.close();
  }
}

} // namespace weft::cuda
