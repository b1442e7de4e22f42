// SPDX-License-Identifier: Apache-2.0
// Runs passes on .mlir files: what lit tests and curious readers use.
//
//   weft-opt graph.mlir --weft-pipeline=until=fused
#include "weft/IR/Dialect.h"
#include "weft/Transforms/Passes.h"
#include "weft/Transforms/Pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::registerTransformsPasses();
  weft::registerWeftPasses();
  weft::registerPipelines();
  mlir::DialectRegistry registry;
  registry.insert<weft::ir::WeftDialect, mlir::func::FuncDialect>();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Weft optimizer driver\n", registry));
}
