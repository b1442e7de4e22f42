// SPDX-License-Identifier: Apache-2.0
// Another client of LLVM in the same process: compiles x * 3 through the shared
// LLVM library and calls it.
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"

#include <memory>

int tripled(int x) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("outside", *context);
  llvm::IRBuilder<> builder(*context);
  auto *function = llvm::Function::Create(
      llvm::FunctionType::get(builder.getInt32Ty(), {builder.getInt32Ty()},
                              false),
      llvm::Function::ExternalLinkage, "tripled", *module);
  builder.SetInsertPoint(llvm::BasicBlock::Create(*context, "", function));
  builder.CreateRet(
      builder.CreateMul(function->getArg(0), builder.getInt32(3)));

  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit) {
    llvm::consumeError(jit.takeError());
    return -1;
  }
  if (llvm::Error error = (*jit)->addIRModule(
          llvm::orc::ThreadSafeModule(std::move(module), std::move(context)))) {
    llvm::consumeError(std::move(error));
    return -1;
  }
  auto address = (*jit)->lookup("tripled");
  if (!address) {
    llvm::consumeError(address.takeError());
    return -1;
  }
  return address->toPtr<int(int)>()(x);
}
