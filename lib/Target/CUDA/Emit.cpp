// SPDX-License-Identifier: Apache-2.0
// Chooses the schedule of a group's loop nest.
#include "weft/Target/CUDA/Emit.h"

#include "KernelPrinter.h"

using namespace mlir;

namespace weft {

/// Whether every result is without elements: there is no index to compute at.
static bool computesNothing(ir::GroupOp group) {
  return llvm::all_of(group.getResultTypes(), [](Type type) {
    return cast<RankedTensorType>(type).getNumElements() == 0;
  });
}

FailureOr<CudaKernel> emitCuda(ir::GroupOp group, const CudaTarget &target,
                               std::string &why) {
  (void)target; // no schedule uses instructions of one architecture yet
  if (computesNothing(group)) {
    LoopNest empty;
    empty.sizes.push_back(0);
    empty.numParallel = 1;
    return cuda::emitGeneral(group, empty);
  }
  FailureOr<LoopNest> nest = buildLoopNest(group, why);
  if (failed(nest))
    return failure();
  bool hasInner = llvm::any_of(nest->stages,
                               [](const Stage &stage) { return stage.inner; });
  if (!hasInner && nest->stages.size() == 1)
    return cuda::emitLoop(group, *nest);
  return cuda::emitGeneral(group, *nest);
}

} // namespace weft
