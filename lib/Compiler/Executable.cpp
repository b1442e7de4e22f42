// SPDX-License-Identifier: Apache-2.0
#include "Executable.h"

#include "BuildId.h"
#include "DumpFolder.h"
#include "Kernels.h"

#include "weft/Runtime.h"

#include "lib/Core/Phases.h"

#include "runtime/DiskCache.h"
#include "runtime/Gpu.h"
#include "runtime/Log.h"
#include "runtime/OneDnn.h"
#include "runtime/StreamOrder.h"

#include <algorithm>
#include <chrono>

namespace weft::compiler {

Counters &counters() {
  static Counters counters;
  return counters;
}

// ---- making -----------------------------------------------------------------

static void logPlan(const char *how, const CompiledProgram &program,
                    std::chrono::steady_clock::time_point start) {
  using runtime::log;
  if (!runtime::logEnabled(LogLevel::info))
    return;
  const runtime::Plan &plan = program.main;
  log(LogLevel::info,
      std::string("graph ") + how + " in " + runtime::millisecondsSince(start) +
          "; launches: " + std::to_string(plan.launches.size()));
  log(LogLevel::debug,
      "plan; kernels: " + std::to_string(plan.kernels.size()) +
          ", bytes of intermediate values: " + std::to_string(plan.arenaBytes) +
          " (without reuse: " + std::to_string(plan.liveBytes) +
          "), bytes of constants: " + std::to_string(plan.constants.size()) +
          ", launches to prepare parameters: " +
          std::to_string(program.prepare.launches.size()));
}

/// Whether a program read from disk takes only inputs that there are.
static bool takesInputsOf(const CompiledProgram &compiled,
                          const ProgramSource &source) {
  auto exists = [&](int32_t number) {
    return number >= 0 && static_cast<size_t>(number) < source.numInputs;
  };
  return std::ranges::all_of(compiled.mainInputs, exists) &&
         std::ranges::all_of(compiled.prepareInputs, exists);
}

/// The library that a program was compiled with or found missing (oneDnnKey);
/// empty if it has no use for one.
static std::string libraryOf(const CompiledProgram &compiled) {
  for (const runtime::Plan *plan : {&compiled.main, &compiled.prepare})
    if (!plan->library.empty())
      return plan->library;
  return "";
}

/// Whether all kernels are machine code. PTX stands in while the compiler at
/// hand does not know the device; a newer one will, so PTX is not kept.
static bool isMachineCode(const CompiledProgram &compiled) {
  for (const runtime::Plan *plan : {&compiled.main, &compiled.prepare})
    for (const runtime::Kernel &kernel : plan->kernels)
      if (!isMachineCode(kernel.code))
        return false;
  return true;
}

/// A program on disk. Where the library matters there is one for each that was
/// at hand, with it or without, on so many threads: they live side by side.
/// That it matters is what the disk has under the key without a library, so
/// that no other graph opens one.
class StoredProgram {
public:
  StoredProgram(const ProgramSource &source, const Target &target)
      : source_(source) {
    static const std::string *build = new std::string(buildId());
    if (!build->empty())
      disk_ = runtime::diskCache();
    key_ = "plan " + *build + "\n" + target.key() + "\n" + source.key;
  }

  std::optional<CompiledProgram> load() const {
    // Who wants to see what compilers do has them run.
    if (!disk_ || dumpFolder())
      return std::nullopt;
    auto start = std::chrono::steady_clock::now();
    CompiledProgram loaded;
    std::optional<std::string> bytes = disk_->get(key_);
    if (bytes == kPerLibrary)
      bytes = disk_->get(keyWith(runtime::oneDnnKey()));
    if (!bytes || !deserialize(*bytes, loaded) ||
        !takesInputsOf(loaded, source_))
      return std::nullopt;
    logPlan("loaded from disk", loaded, start);
    return loaded;
  }

  void store(const CompiledProgram &compiled) const {
    if (!disk_ || !isMachineCode(compiled))
      return;
    const std::string library = libraryOf(compiled);
    if (!library.empty())
      disk_->put(key_, kPerLibrary);
    disk_->put(keyWith(library), serialize(compiled));
  }

private:
  static constexpr std::string_view kPerLibrary = "one for each library";

  std::string keyWith(const std::string &library) const {
    return library.empty() ? key_ : key_ + "\n" + library;
  }

  const ProgramSource &source_;
  std::shared_ptr<runtime::DiskCache> disk_; // null: there is none
  std::string key_;
};

StatusOr<std::shared_ptr<const Executable>>
Executable::load(CompiledProgram program, Device device) {
  PhaseTimer timer(Phase::load);
  auto executable = std::make_shared<Executable>();
  executable->device_ = device;
  auto loaded = runtime::LoadedPlan::load(program.main, device);
  if (!loaded.ok())
    return loaded.status();
  executable->main_ = std::move(*loaded);
  if (!program.prepare.outputs.empty()) {
    loaded = runtime::LoadedPlan::load(program.prepare, device);
    if (!loaded.ok())
      return loaded.status();
    executable->prepare_ = std::move(*loaded);
  }
  // The machine code lives in the loaded plans now.
  for (runtime::Plan *plan : {&program.main, &program.prepare})
    for (runtime::Kernel &kernel : plan->kernels)
      kernel.code.clear();
  executable->program_ = std::move(program);
  return std::shared_ptr<const Executable>(std::move(executable));
}

/// A library's primitives are made for a number of threads, kernels are loaded
/// into one context.
static std::string deviceKey(Device device) {
  return to_string(device) + " " +
         (device.is_cpu()
              ? std::to_string(num_threads())
              : "context " + std::to_string(runtime::contextOf(device)));
}

/// From disk; null if it is not there, or cannot be loaded any more and has to
/// be compiled anew, whatever it was that has changed. There being no memory is
/// no fault of what is on disk.
static OnceMap<Executable>::Result loadStored(const StoredProgram &stored,
                                              Device device, bool &isBroken) {
  std::optional<CompiledProgram> program = stored.load();
  if (!program)
    return std::shared_ptr<const Executable>();
  auto executable = Executable::load(std::move(*program), device);
  isBroken = !executable.ok() &&
             executable.status().code() != StatusCode::resource_exhausted;
  if (isBroken) {
    runtime::log(LogLevel::warning,
                 "a graph on disk is compiled anew: " +
                     std::string(executable.status().message()));
    return std::shared_ptr<const Executable>();
  }
  if (executable.ok())
    ++counters().graphsLoaded;
  return executable;
}

/// From disk, or compiled and put there. A warm process runs neither MLIR nor a
/// kernel compiler, unless it is to show what they do.
static OnceMap<Executable>::Result loadOrCompile(const ProgramSource &source,
                                                 Target target, Device device,
                                                 const Status &refusal) {
  const StoredProgram stored(source, target);
  OnceMap<Executable>::Result loaded = loadStored(stored, device, target.anew);
  if (!loaded.ok() || *loaded)
    return loaded;
  if (!refusal.ok())
    return refusal;
  auto start = std::chrono::steady_clock::now();
  ++counters().graphsCompiled;
  mlir::OwningOpRef<mlir::ModuleOp> module = source.import();
  StatusOr<CompiledProgram> compiled = compileModule(*module, target);
  if (!compiled.ok())
    return compiled.status();
  logPlan("compiled", *compiled, start);
  stored.store(*compiled);
  return Executable::load(std::move(*compiled), device);
}

/// Loads or compiles.
static OnceMap<Executable>::Result makeExecutable(const ProgramSource &source,
                                                  Device device,
                                                  const CompileRules &rules) {
  if (Status status = is_usable(device); !status.ok())
    return status;
  StatusOr<Target> target = Target::of(device, rules.settings);
  if (!target.ok())
    return target.status();
  return loadOrCompile(source, std::move(*target), device, rules.refusal);
}

StatusOr<std::shared_ptr<const Executable>>
executableOf(const ProgramSource &source, Device device,
             const CompileRules &rules) {
  static auto *cache = new OnceMap<Executable>(256); // never destroyed
  bool made = false;
  const auto [tuning, float32Precision] = rules.settings.on(device);
  const std::string key = deviceKey(device) + " " + std::string(name(tuning)) +
                          " " + std::string(name(float32Precision)) + "\n" +
                          source.key;
  auto make = [&] {
    made = true;
    return makeExecutable(source, device, rules);
  };
  OnceMap<Executable>::Result result = cache->find(key);
  if (result.ok() && !*result) {
    // Who may not compile must not fail for others, who may and wait for the
    // same key.
    if (!rules.refusal.ok())
      if (result = make(); !result.ok())
        return result;
    result = cache->get(key, [&] { return *result ? result : make(); });
  }
  if (!made) {
    ++counters().graphsReused;
    runtime::log(LogLevel::debug, "graph found in memory");
  }
  return result;
}

StatusOr<std::shared_ptr<const Executable>>
executableOf(const Program &program, Device device, const CompileRules &rules) {
  std::unique_ptr<mlir::MLIRContext> context;
  auto import = [&] {
    context = makeContext();
    return importProgram(program, context.get());
  };
  return executableOf({keyOf(program), program.inputs.size(), import}, device,
                      rules);
}

// ---- running ----------------------------------------------------------------

StoragePointers pointersTo(const Storages &storages) {
  StoragePointers pointers;
  pointers.reserve(storages.size());
  for (const auto &storage : storages)
    pointers.push_back(storage.get());
  return pointers;
}

static std::vector<void *> addressesOf(const StoragePointers &storages) {
  std::vector<void *> addresses;
  addresses.reserve(storages.size());
  for (const runtime::Storage *storage : storages)
    addresses.push_back(storage->data());
  return addresses;
}

/// Those of the program's inputs that a plan takes.
static StoragePointers select(std::span<runtime::Storage *const> all,
                              const std::vector<int32_t> &numbers) {
  StoragePointers chosen;
  chosen.reserve(numbers.size() + 1); // a run adds what is prepared
  for (int32_t number : numbers)
    chosen.push_back(all[static_cast<size_t>(number)]);
  return chosen;
}

static Status allocate(const std::vector<runtime::TensorSpec> &specs,
                       Device device, runtime::CudaStream stream,
                       Storages &storages) {
  storages.resize(specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    if (storages[i])
      continue;
    auto storage = runtime::Storage::allocate(device, specs[i].bytes, stream);
    if (!storage.ok())
      return storage.status();
    storages[i] = std::move(*storage);
  }
  return {};
}

/// Kernels move 16 bytes at once on a GPU, and stores that bypass the cache are
/// 64 bytes wide on the CPU. Memory of Weft's own allows it; a caller's may
/// not.
static bool isAligned(const runtime::Storage &storage, bool isWritten) {
  auto address = reinterpret_cast<uintptr_t>(storage.data());
  if (storage.device().is_gpu())
    return address % 16 == 0;
  return !isWritten || address % 64 == 0;
}

/// New memory, held by `owners`, for each storage that kernels cannot work on
/// as it lies.
static Status replaceUnaligned(StoragePointers &storages, Storages &owners,
                               bool isWritten, runtime::CudaStream stream) {
  for (runtime::Storage *&storage : storages) {
    if (isAligned(*storage, isWritten))
      continue;
    auto aligned =
        runtime::Storage::allocate(storage->device(), storage->bytes(), stream);
    if (!aligned.ok())
      return aligned.status();
    if (!isWritten)
      if (Status status =
              runtime::copy(**aligned, *storage, storage->bytes(), stream);
          !status.ok())
        return status;
    storage = aligned->get();
    owners.push_back(std::move(*aligned));
  }
  return {};
}

/// Enqueues a plan between the work its buffers wait for and the work that will
/// wait for them.
static Status enqueue(const runtime::LoadedPlan &plan,
                      runtime::Accesses accesses, std::span<void *const> inputs,
                      std::span<void *const> prepared,
                      std::span<void *const> outputs,
                      std::span<const Scalar> scalars) {
  if (accesses.device.is_gpu()) {
    StatusOr<runtime::Gpu *> gpu = runtime::Gpu::get(accesses.device.index);
    if (!gpu.ok())
      return gpu.status();
    accesses.gpu = *gpu;
  }
  if (Status status = accesses.wait(); !status.ok())
    return status;
  // What came before a launch that fails runs all the same.
  Status ran = plan.run(inputs, prepared, outputs, scalars, accesses.stream);
  Status marked = accesses.mark();
  return ran.ok() ? marked : ran;
}

/// Memory of the device's pool for all of `specs`: as one block it goes back
/// there at once, behind the runs that still read it.
static StatusOr<Executable::PreparedValues>
allocateTogether(const std::vector<runtime::TensorSpec> &specs, Device device,
                 runtime::CudaStream stream) {
  constexpr int64_t kAlignment = 256; // as if each came from the pool
  std::vector<int64_t> offsets;
  int64_t bytes = 0;
  for (const runtime::TensorSpec &spec : specs) {
    offsets.push_back(bytes);
    bytes += (spec.bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  auto memory = runtime::Storage::allocate(device, bytes, stream);
  if (!memory.ok())
    return memory.status();
  Executable::PreparedValues values;
  for (int64_t offset : offsets)
    values.data.push_back(static_cast<std::byte *>((*memory)->data()) + offset);
  values.memory = std::move(*memory);
  return values;
}

StatusOr<Executable::PreparedPtr>
Executable::runPrepare(std::span<runtime::Storage *const> inputs,
                       runtime::CudaStream stream) const {
  StatusOr<PreparedValues> allocated =
      allocateTogether(program_.prepare.outputs, device_, stream);
  if (!allocated.ok())
    return allocated.status();
  auto values = std::make_shared<const PreparedValues>(std::move(*allocated));
  Storages owners;
  StoragePointers weights = select(inputs, program_.prepareInputs);
  if (Status status =
          replaceUnaligned(weights, owners, /*isWritten=*/false, stream);
      !status.ok())
    return status;
  ++counters().prepares;
  if (Status status =
          enqueue(*prepare_, {device_, stream, weights, {values->memory.get()}},
                  addressesOf(weights), /*prepared=*/{}, values->data, {});
      !status.ok())
    return status;
  return PreparedPtr(std::move(values));
}

/// What @prepare made of one set of weights; gone as soon as one of them is.
class Executable::Prepared final : public runtime::Derived {
public:
  Prepared(const StoragePointers &weights, PreparedPtr values)
      : values_(std::move(values)) {
    weights_.assign(weights.begin(), weights.end());
  }

  /// Whether `numbers` of `inputs` are the weights. Other memory comes to be
  /// where one was only after that, when there are no values any more.
  bool isMadeOf(std::span<runtime::Storage *const> inputs,
                const std::vector<int32_t> &numbers) const {
    for (size_t i = 0; i < numbers.size(); ++i)
      if (inputs[static_cast<size_t>(numbers[i])] != weights_[i])
        return false;
    return true;
  }
  /// Null once a weight is gone.
  PreparedPtr values() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return values_;
  }
  void release() override {
    std::lock_guard<std::mutex> lock(mutex_);
    values_ = nullptr;
  }

private:
  std::vector<const runtime::Storage *> weights_; // to compare with
  mutable std::mutex mutex_;
  PreparedPtr values_;
};

Executable::PreparedPtr
Executable::findPrepared(std::span<runtime::Storage *const> inputs) const {
  for (auto it = prepared_.begin(); it != prepared_.end(); ++it)
    if ((*it)->isMadeOf(inputs, program_.prepareInputs))
      if (PreparedPtr values = (*it)->values()) {
        prepared_.splice(prepared_.begin(), prepared_, it);
        return values;
      }
  return nullptr;
}

Executable::PreparedPtr
Executable::preparedBefore(std::span<runtime::Storage *const> inputs) const {
  if (!prepare_)
    return nullptr;
  std::unique_lock<std::mutex> lock(preparing_, std::try_to_lock);
  return lock ? findPrepared(inputs) : nullptr;
}

StatusOr<Executable::PreparedPtr>
Executable::prepared(std::span<runtime::Storage *const> inputs,
                     runtime::CudaStream stream) const {
  constexpr size_t kSetsKept = 8;
  if (!prepare_)
    return PreparedPtr();
  std::lock_guard<std::mutex> lock(preparing_);
  if (PreparedPtr known = findPrepared(inputs))
    return known;
  StatusOr<PreparedPtr> values = runPrepare(inputs, stream);
  if (!values.ok())
    return values;
  StoragePointers weights = select(inputs, program_.prepareInputs);
  prepared_.push_front(std::make_shared<Prepared>(weights, *values));
  for (runtime::Storage *weight : weights) {
    weight->freeze();
    weight->addDerived(prepared_.front());
  }
  if (prepared_.size() > kSetsKept)
    prepared_.pop_back();
  return values;
}

Status Executable::run(std::span<runtime::Storage *const> inputs,
                       std::span<const Scalar> scalars, Storages &outputs,
                       runtime::CudaStream stream, PreparedPtr fixed) const {
  StatusOr<PreparedPtr> ready =
      fixed ? std::move(fixed) : prepared(inputs, stream);
  if (!ready.ok())
    return ready.status();
  if (Status status = allocate(program_.main.outputs, device_, stream, outputs);
      !status.ok())
    return status;
  Storages owners;
  StoragePointers sources = select(inputs, program_.mainInputs),
                  targets = pointersTo(outputs);
  for (auto [storages, isWritten] :
       {std::pair(&sources, false), std::pair(&targets, true)})
    if (Status status = replaceUnaligned(*storages, owners, isWritten, stream);
        !status.ok())
      return status;
  const std::vector<void *> from = addressesOf(sources),
                            to = addressesOf(targets);
  std::span<void *const> values;
  if (*ready) {
    sources.push_back((*ready)->memory.get());
    values = (*ready)->data;
  }
  counters().kernelsLaunched +=
      static_cast<int64_t>(program_.main.launches.size());
  if (Status status =
          enqueue(*main_, {device_, stream, std::move(sources), targets}, from,
                  values, to, scalars);
      !status.ok())
    return status;
  for (size_t i = 0; i < targets.size(); ++i)
    if (targets[i] != outputs[i].get())
      if (Status status = runtime::copy(*outputs[i], *targets[i],
                                        targets[i]->bytes(), stream);
          !status.ok())
        return status;
  return {};
}

} // namespace weft::compiler
