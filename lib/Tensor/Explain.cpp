// SPDX-License-Identifier: Apache-2.0
// What the compiler has to say about a graph, for programs.
#include "weft/Explain.h"

#include "Evaluate.h"

#include "weft/Compiler/Compiler.h"

namespace weft {

StatusOr<Explanation> explain(const std::vector<Tensor> &tensors) {
  std::vector<NodePtr> roots;
  for (const Tensor &tensor : tensors) {
    if (!tensor.ok())
      return tensor.status();
    roots.push_back(tensor.node());
  }
  if (Status status = make_parameters(roots); !status.ok())
    return status;
  StatusOr<compiler::Stages> stages = compiler::explain(roots);
  if (!stages.ok())
    return stages.status();
  std::vector<std::string> kernels;
  for (compiler::KernelText &kernel : stages->kernels)
    kernels.push_back(std::move(kernel.source));
  return Explanation{std::move(stages->graph), std::move(stages->folded),
                     std::move(stages->fused), std::move(kernels),
                     std::move(stages->notes), stages->recordedOps,
                     stages->launches};
}

Statistics statistics() {
  const compiler::Statistics s = compiler::statistics();
  return {s.evaluations,     s.graphsCompiled,  s.graphsLoaded, s.graphsReused,
          s.kernelsCompiled, s.kernelsLaunched, s.prepares};
}

} // namespace weft
