// SPDX-License-Identifier: Apache-2.0
// compileCpu: group, loop nest, schedule, function, object.
#include "weft/Target/CPU/Compile.h"

#include "Emitter.h"
#include "Lowering.h"

#include "lib/Core/Phases.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"

#include <memory>
#include <mutex>

using namespace mlir;

namespace weft {

/// What the ops of the group are called, in order: `conv_add_relu`.
static std::string kernelName(ir::GroupOp group) {
  std::string name;
  for (Operation &op : group.getBody().front().without_terminator()) {
    if (isa<ir::BroadcastOp, ir::ReshapeOp, ir::TransposeOp, ir::ConstantOp,
            ir::SplatOp, ir::CastOp, ir::SliceOp, ir::ResampleOp,
            ir::AsStridedOp>(op))
      continue;
    name += (name.empty() ? "" : "_") + ir::mnemonic(&op).str();
    if (name.size() > 60)
      break;
  }
  return "weft_" + (name.empty() ? "copy" : name);
}

static cpu::Features featuresOf(const CpuTarget &target) {
  auto has = [&](StringRef feature) {
    for (StringRef name : llvm::split(target.features, ','))
      if (name == feature)
        return true;
    return false;
  };
  cpu::Features features;
  if (has("+avx512f") && has("+avx512vl") && has("+avx512bw"))
    features.vectorBits = 512;
  else if (has("+avx2"))
    features.vectorBits = 256;
  features.halfConversions = has("+f16c");
  features.maskedMemory = has("+avx");
  return features;
}

/// The kernel as a function of scf, arith, math and vector ops; fills in how it
/// is launched.
static FailureOr<OwningOpRef<ModuleOp>>
emitKernel(ir::GroupOp group, const CpuTarget &target, MLIRContext &context,
           CpuKernel &kernel, std::string &why) {
  PhaseTimer timer(Phase::emit);
  // Nothing to compute: no nest is needed, and indices of nothing have none.
  bool isEmpty = llvm::all_of(group.getResultTypes(), [](Type type) {
    return cast<ShapedType>(type).getNumElements() == 0;
  });
  if (!group.getBody().front().getOps<ir::AttentionOp>().empty()) {
    why = "weft.attention must be decomposed for this device";
    return failure();
  }
  if (group.getPooling()) {
    why = "weft.maxpool must be in a group of its own for this device";
    return failure();
  }
  FailureOr<LoopNest> nest = LoopNest();
  if (!isEmpty)
    nest = buildLoopNest(group, why);
  if (failed(nest))
    return failure();
  if (isEmpty) {
    nest->sizes = {0};
    nest->numParallel = 1;
  }
  auto inPlace = group->getAttrOfType<DenseI64ArrayAttr>(ir::kInPlaceAttr);
  cpu::Schedule schedule = cpu::chooseSchedule(
      std::move(*nest), featuresOf(target), target.cacheBytes,
      inPlace ? inPlace.asArrayRef() : ArrayRef<int64_t>());

  OpBuilder builder(&context);
  OwningOpRef<ModuleOp> module =
      builder.create<ModuleOp>(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(module->getBody());
  cpu::Signature signature;
  signature.name = kernel.name;
  llvm::append_range(signature.inputs, group.getInputs().getTypes());
  llvm::append_range(signature.outputs, group.getResultTypes());
  cpu::Emitter(builder, schedule, signature).emit();

  kernel.extent = schedule.extent;
  kernel.grain = schedule.grain;
  return module;
}

namespace {

/// Contexts not in use: loading the dialects takes as long as a small kernel
/// takes to lower. One that many kernels have left their constants in is not
/// kept.
class ContextPool {
public:
  struct Entry {
    std::unique_ptr<MLIRContext> context;
    int uses = 0;
  };

  Entry take() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!unused_.empty())
        return unused_.pop_back_val();
    }
    auto context =
        std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
    context->loadDialect<LLVM::LLVMDialect, arith::ArithDialect,
                         cf::ControlFlowDialect, math::MathDialect,
                         scf::SCFDialect, vector::VectorDialect>();
    registerBuiltinDialectTranslation(*context);
    registerLLVMDialectTranslation(*context);
    return {std::move(context), 0};
  }

  void give(Entry entry) {
    constexpr int kUses = 64;
    if (++entry.uses == kUses)
      return;
    std::lock_guard<std::mutex> lock(mutex_);
    unused_.push_back(std::move(entry));
  }

private:
  std::mutex mutex_;
  SmallVector<Entry> unused_;
};

ContextPool &contextPool() {
  static auto *pool = new ContextPool; // never destroyed
  return *pool;
}

} // namespace

static FailureOr<CpuKernel> compileIn(MLIRContext &context, ir::GroupOp group,
                                      const CpuTarget &target, bool keepText,
                                      std::string &why) {
  CpuKernel kernel;
  kernel.name = kernelName(group);
  FailureOr<OwningOpRef<ModuleOp>> module =
      emitKernel(group, target, context, kernel, why);
  if (failed(module))
    return failure();
  {
    PhaseTimer timer(Phase::lower);
    if (failed(cpu::lowerToLLVM(**module))) {
      why = "the kernel cannot be lowered to LLVM";
      return failure();
    }
  }
  PhaseTimer timer(Phase::generate);
  if (failed(cpu::generateCode(**module, target,
                               keepText ? &kernel.llvmIR : nullptr,
                               kernel.object, why)))
    return failure();
  return kernel;
}

FailureOr<CpuKernel> compileCpu(ir::GroupOp group, const CpuTarget &target,
                                bool keepText, std::string &why) {
  // A context of its own: kernels are compiled by several threads at once.
  ContextPool::Entry entry = contextPool().take();
  FailureOr<CpuKernel> kernel =
      compileIn(*entry.context, group, target, keepText, why);
  contextPool().give(std::move(entry));
  return kernel;
}

} // namespace weft
