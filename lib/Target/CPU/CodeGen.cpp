// SPDX-License-Identifier: Apache-2.0
// From the LLVM dialect to an ELF object in memory.
#include "Lowering.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/ModuleTranslation.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

#include <fstream>
#include <map>
#include <mutex>
#include <thread>

using namespace mlir;

namespace weft {

int64_t reportedCacheBytes() {
  int64_t largest = 0;
  for (int index = 0; index < 5; ++index) {
    std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" +
                       std::to_string(index) + "/size");
    int64_t kibibytes = 0;
    if (file >> kibibytes)
      largest = std::max(largest, kibibytes << 10);
  }
  return largest;
}

/// What this program may expect to find again in the largest cache. A virtual
/// machine is told of the whole cache of its host, which it shares with others:
/// a core counts for no more than cores usually have.
static int64_t cacheShare() {
  constexpr int64_t kUsual = int64_t(16) << 20, kOfCore = int64_t(4) << 20;
  int64_t reported = reportedCacheBytes();
  if (reported == 0)
    return kUsual;
  return std::min<int64_t>(reported,
                           kOfCore * std::thread::hardware_concurrency());
}

const CpuTarget &CpuTarget::host() {
  static const CpuTarget target = [] {
    CpuTarget host;
    host.cpu = llvm::sys::getHostCPUName().str();
    llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
    // Halves are computed with as f32. Were they a type of the processor's,
    // LLVM would have no stores of them that bypass the cache.
    features["avx512fp16"] = false;
    std::vector<std::string> names;
    for (auto &feature : features)
      names.push_back((feature.second ? "+" : "-") + feature.first().str());
    llvm::sort(names);
    host.features = llvm::join(names, ",");
    host.cacheBytes = cacheShare();
    return host;
  }();
  return target;
}

namespace cpu {

static std::unique_ptr<llvm::TargetMachine>
createMachine(const CpuTarget &target, std::string &why) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  std::string triple = llvm::sys::getProcessTriple();
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, why);
  if (!found)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict; // no contraction
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

namespace {

/// Code generators not in use. One takes longer to make than a small kernel to
/// compile, most of it for finding out what the processor can do.
class MachinePool {
public:
  std::unique_ptr<llvm::TargetMachine> take(const CpuTarget &target,
                                            std::string &why) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      auto &unused = unused_[target.key()];
      if (!unused.empty())
        return unused.pop_back_val();
    }
    return createMachine(target, why);
  }
  void give(const CpuTarget &target,
            std::unique_ptr<llvm::TargetMachine> machine) {
    std::lock_guard<std::mutex> lock(mutex_);
    unused_[target.key()].push_back(std::move(machine));
  }

private:
  std::mutex mutex_;
  std::map<std::string, SmallVector<std::unique_ptr<llvm::TargetMachine>>>
      unused_;
};

MachinePool &machinePool() {
  static auto *pool = new MachinePool; // never destroyed
  return *pool;
}

} // namespace

LogicalResult generateCode(ModuleOp module, const CpuTarget &target,
                           std::string *text, std::string &object,
                           std::string &why) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(module, context, "weft");
  if (!code) {
    why = "the kernel has no translation to LLVM IR";
    return failure();
  }
  std::unique_ptr<llvm::TargetMachine> machine =
      machinePool().take(target, why);
  if (!machine)
    return failure();
  code->setTargetTriple(machine->getTargetTriple().str());
  code->setDataLayout(machine->createDataLayout());
  if (text) {
    llvm::raw_string_ostream os(*text);
    code->print(os, nullptr);
  }
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, nullptr,
                                   llvm::CodeGenFileType::ObjectFile)) {
    why = "the code generator writes no object files for this processor";
    return failure();
  }
  passes.run(*code);
  object.assign(bytes.begin(), bytes.end());
  machinePool().give(target, std::move(machine));
  return success();
}

} // namespace cpu
} // namespace weft
