// SPDX-License-Identifier: Apache-2.0
#include "Run.h"

#include "runtime/ObjectLoader.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;

namespace weft {
namespace {

using Function = void (*)(void *const *, int64_t, int64_t);

/// 64-byte aligned memory with a margin that must stay as it was.
struct Buffer {
  static constexpr int64_t kMargin = 64;
  explicit Buffer(int64_t bytes) : size(bytes) {
    data = static_cast<char *>(
        std::aligned_alloc(64, (bytes + 2 * kMargin + 63) / 64 * 64));
    std::memset(data, 0x5a, bytes + 2 * kMargin);
  }
  Buffer(const Buffer &) = delete;
  ~Buffer() { std::free(data); }
  void *get() { return data + kMargin; }
  bool isIntact() const {
    for (int64_t i = 0; i < kMargin; ++i)
      if (data[i] != 0x5a || data[kMargin + size + i] != 0x5a)
        return false;
    return true;
  }
  char *data;
  int64_t size;
};

struct Buffers {
  std::vector<std::unique_ptr<Buffer>> owned;
  std::vector<void *> pointers;
  void *add(DType dtype, int64_t elements) {
    owned.push_back(std::make_unique<Buffer>(elements * size_in_bytes(dtype)));
    pointers.push_back(owned.back()->get());
    return pointers.back();
  }
};

} // namespace

OneKernel::OneKernel(const std::string &text, const CpuTarget &target,
                     ArrayRef<int64_t> inPlace) {
  context_.loadDialect<ir::WeftDialect, func::FuncDialect>();
  module_ = parseSourceString<ModuleOp>(text, ParserConfig(&context_));
  if (!module_) {
    why_ = "does not parse";
    return;
  }
  outline();
  grouped_->walk([&](ir::GroupOp group) {
    if (!inPlace.empty())
      group->setAttr(ir::kInPlaceAttr,
                     Builder(&context_).getDenseI64ArrayAttr(inPlace));
    FailureOr<CpuKernel> kernel = compileCpu(group, target, true, why_);
    if (succeeded(kernel)) {
      kernel_ = *kernel;
    } else if (why_.empty()) {
      why_ = "failed without a reason";
    }
  });
}

func::FuncOp OneKernel::main() {
  return module_->lookupSymbol<func::FuncOp>("main");
}

/// A copy of the module whose ops lie in one group.
void OneKernel::outline() {
  grouped_ = module_->clone();
  auto function = grouped_->lookupSymbol<func::FuncOp>("main");
  Block &block = function.getBody().front();
  Operation *end = block.getTerminator();
  OpBuilder b(end);
  OperationState state(b.getUnknownLoc(), ir::GroupOp::getOperationName());
  state.addOperands(SmallVector<mlir::Value>(block.getArguments()));
  state.addTypes(end->getOperandTypes());
  state.addRegion()->push_back(new Block);
  auto group = cast<ir::GroupOp>(b.create(state));
  Block &body = group.getBody().front();
  IRMapping map;
  for (BlockArgument argument : block.getArguments())
    map.map(argument, body.addArgument(argument.getType(), argument.getLoc()));
  b.setInsertionPointToEnd(&body);
  for (Operation &op : block)
    if (&op != end && &op != group.getOperation())
      b.clone(op, map);
  SmallVector<mlir::Value> results;
  for (mlir::Value value : end->getOperands())
    results.push_back(map.lookup(value));
  b.create<ir::YieldOp>(b.getUnknownLoc(), results);
  end->setOperands(group.getResults());
}

std::vector<reference::Value> OneKernel::randomArguments(double low,
                                                         double high) {
  std::vector<reference::Value> arguments;
  for (Type type : main().getArgumentTypes()) {
    DType dtype = ir::toDType(getElementTypeOrSelf(type));
    Shape shape = isa<ShapedType>(type) ? ir::toShape(type) : Shape{};
    reference::Value value = reference::zeros(dtype, shape);
    std::uniform_real_distribution<double> real(low, high);
    std::uniform_int_distribution<int64_t> integer(-9, 9);
    for (double &x : value.reals)
      x = reference::roundTo(dtype, real(random_));
    for (int64_t &x : value.ints)
      x = reference::wrap(dtype, dtype == DType::boolean ? integer(random_) > 0
                                                         : integer(random_));
    arguments.push_back(std::move(value));
  }
  return arguments;
}

static Function load(const CpuKernel &kernel,
                     std::shared_ptr<const runtime::LoadedObject> &object) {
  auto loaded = runtime::LoadedObject::load(kernel.object);
  if (!loaded.ok()) {
    ADD_FAILURE() << loaded.status() << "\n" << kernel.llvmIR;
    return nullptr;
  }
  object = *loaded;
  return reinterpret_cast<Function>(object->find(kernel.name));
}

/// By result: the first argument that it may be written over, or -1.
std::vector<int> OneKernel::inPlaceArguments() {
  std::vector<int> places;
  grouped_->walk([&](ir::GroupOp group) {
    for (unsigned result = 0; result < group.getNumResults(); ++result) {
      int place = -1, count = static_cast<int>(group.getInputs().size());
      for (int i = 0; i < count && place < 0; ++i)
        if (!llvm::is_contained(places, i) && group.mayRunInPlace(i, result))
          place = i;
      places.push_back(place);
    }
  });
  return places;
}

std::vector<reference::Value>
OneKernel::run(const std::vector<reference::Value> &arguments, bool isInPlace) {
  std::shared_ptr<const runtime::LoadedObject> object;
  Function function = load(kernel_, object);
  if (!function)
    return {};
  Buffers buffers;
  for (const reference::Value &value : arguments)
    reference::toMemory(value, buffers.add(value.dtype, value.size()));
  for (Type type : main().getResultTypes())
    buffers.add(ir::toDType(getElementTypeOrSelf(type)),
                ir::toShape(type).num_elements());
  if (isInPlace)
    for (auto [i, place] : llvm::enumerate(inPlaceArguments()))
      if (place >= 0)
        buffers.pointers[arguments.size() + i] = buffers.pointers[place];
  int64_t piece = 1;
  for (int64_t begin = 0; begin < kernel_.extent; begin += piece) {
    piece = piece % 5 + 1;
    function(buffers.pointers.data(), begin,
             std::min(begin + piece, kernel_.extent));
  }
  std::vector<reference::Value> results;
  for (auto &buffer : buffers.owned)
    EXPECT_TRUE(buffer->isIntact()) << "writes outside of its buffers";
  for (auto [i, type] : llvm::enumerate(main().getResultTypes()))
    results.push_back(reference::fromMemory(
        ir::toDType(getElementTypeOrSelf(type)), ir::toShape(type),
        buffers.pointers[arguments.size() + i]));
  return results;
}

std::vector<reference::Value>
OneKernel::expect(const std::vector<reference::Value> &arguments) {
  auto results = reference::interpret(main(), arguments);
  if (!results.ok()) {
    ADD_FAILURE() << results.status();
    return {};
  }
  return *results;
}

void checkAgainstReference(const std::string &text, double tolerance,
                           double low, double high, const CpuTarget &target) {
  OneKernel one(text, target);
  ASSERT_TRUE(one.ok()) << one.why() << "\n" << text;
  auto arguments = one.randomArguments(low, high);
  auto expected = one.expect(arguments);
  for (bool isInPlace : {false, true}) {
    SCOPED_TRACE(isInPlace ? "in place" : "");
    auto got = one.run(arguments, isInPlace);
    ASSERT_EQ(expected.size(), got.size());
    for (size_t r = 0; r < expected.size(); ++r) {
      ASSERT_EQ(expected[r].size(), got[r].size());
      for (int64_t i = 0; i < expected[r].size(); ++i) {
        double want = expected[r].at(i), have = got[r].at(i);
        if (want == have || (std::isnan(want) && std::isnan(have)))
          continue;
        double allowed =
            expected[r].isReal() ? tolerance * (1 + std::abs(want)) : 0;
        ASSERT_LE(std::abs(want - have), allowed)
            << "result " << r << " element " << i << ": expected " << want
            << ", got " << have << "\n"
            << text << one.kernel().llvmIR;
      }
    }
  }
}

} // namespace weft
