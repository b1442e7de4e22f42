// SPDX-License-Identifier: Apache-2.0
// Primitives of a plan, made and run by oneDNN. Between its convolutions
// tensors lie with their channels last; what lies otherwise is reordered on the
// way in or out.
#include "runtime/Arena.h"
#include "runtime/OneDnnFunctions.h"
#include "runtime/ThreadPool.h"
#include "weft/Runtime.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <pthread.h>
#include <string_view>

namespace weft::runtime {
namespace {

using Functions = OneDnn::Functions;

Status failed(std::string_view call, int status) {
  std::string reason = status == 1   ? "out of memory"
                       : status == 3 ? "it has no such primitive"
                                     : absl::StrCat("status ", status);
  return internal_error(
      absl::StrCat("oneDNN: ", std::string(call), " failed: ", reason));
}

/// How many threads the library's next call may use; said to OpenMP for this
/// thread, and only as long as this lives.
class ThreadCount {
public:
  ThreadCount(const Functions &functions, int count)
      : functions_(functions), before_(functions.getMaxThreads()) {
    functions_.setNumThreads(count);
  }
  ~ThreadCount() { functions_.setNumThreads(before_); }

private:
  const Functions &functions_;
  int before_;
};

/// A child process has none of its parent's threads, and OpenMP would wait for
/// them.
bool isInChild() {
  static bool isChild = false;
  static const bool registered = [] {
    pthread_atfork(nullptr, nullptr, [] { isChild = true; });
    return true;
  }();
  (void)registered;
  return isChild;
}

int libraryThreads() { return isInChild() ? 1 : usableThreads(); }

/// A memory description of Weft's making.
class Layout {
public:
  Layout(const Functions &functions, DType dtype)
      : functions_(&functions),
        type_(dtype == DType::bfloat16 ? dnn::bfloat16 : dnn::float32) {}
  Layout(Layout &&other) noexcept
      : functions_(other.functions_), type_(other.type_),
        bytes_(std::move(other.bytes_)),
        object_(std::exchange(other.object_, nullptr)) {}
  ~Layout() {
    if (object_)
      functions_->layoutDestroy(object_);
  }

  Status set(const Primitive::Operand &operand) {
    auto rank = static_cast<int>(operand.sizes.size());
    const int64_t *sizes = operand.sizes.data();
    const int64_t *strides = operand.strides.data();
    int status = functions_->isV2 ? functions_->layoutInitByStrides(
                                        room(), rank, sizes, type_, strides)
                                  : functions_->layoutCreateWithStrides(
                                        &object_, rank, sizes, type_, strides);
    return status ? failed("dnnl_memory_desc", status) : Status();
  }
  /// The primitive chooses.
  Status setAny(const Primitive::Operand &operand) {
    auto rank = static_cast<int>(operand.sizes.size());
    const int64_t *sizes = operand.sizes.data();
    int status = functions_->isV2
                     ? functions_->layoutInitByTag(room(), rank, sizes, type_,
                                                   dnn::anyLayout)
                     : functions_->layoutCreateWithTag(&object_, rank, sizes,
                                                       type_, dnn::anyLayout);
    return status ? failed("dnnl_memory_desc", status) : Status();
  }

  DnnLayout get() const { return bytes_ ? bytes_.get() : object_; }

private:
  void *room() {
    bytes_ = std::make_unique<std::byte[]>(dnn::layoutBytes);
    return bytes_.get();
  }

  const Functions *functions_;
  int type_;
  std::unique_ptr<std::byte[]> bytes_; // version 2
  void *object_ = nullptr;             // version 3
};

struct Memory {
  int number; // of the argument
  DnnLayout layout;
  void *data;
};

/// A description and, once made, what runs it.
class Unit {
public:
  explicit Unit(const Functions &functions) : functions_(functions) {}
  Unit(const Unit &) = delete;
  Unit &operator=(const Unit &) = delete;
  ~Unit() {
    if (primitive)
      functions_.primitiveDestroy(primitive);
    if (description)
      functions_.descriptionDestroy(description);
  }

  Status make() {
    int status = functions_.primitiveCreate(&primitive, description);
    return status ? failed("dnnl_primitive_create", status) : Status();
  }
  DnnLayout layout(int which) const {
    return functions_.layoutQuery(description, which, 0);
  }
  size_t scratchBytes() const {
    DnnLayout scratch = layout(dnn::scratchpadLayout);
    return scratch ? functions_.layoutBytes(scratch) : 0;
  }
  Status run(std::span<const Memory> memories, void *scratch) const;

  DnnObject description = nullptr, primitive = nullptr;

private:
  const Functions &functions_;
};

constexpr size_t kMostMemories = 5;

Status Unit::run(std::span<const Memory> memories, void *scratch) const {
  std::array<DnnArgument, kMostMemories> arguments;
  size_t count = 0;
  int status = 0;
  auto add = [&](const Memory &memory) {
    if (status)
      return;
    arguments[count].number = memory.number;
    status = functions_.memoryCreate(&arguments[count].memory, memory.layout,
                                     functions_.engine, memory.data);
    count += !status;
  };
  for (const Memory &memory : memories)
    add(memory);
  if (scratchBytes())
    add({dnn::scratchpad, layout(dnn::scratchpadLayout), scratch});
  if (!status)
    status =
        functions_.primitiveExecute(primitive, functions_.stream,
                                    static_cast<int>(count), arguments.data());
  for (size_t i = 0; i < count; ++i)
    functions_.memoryDestroy(arguments[i].memory);
  return status ? failed("dnnl_primitive_execute", status) : Status();
}

/// Scratch memory is the caller's, so that several threads may run a primitive
/// at once.
class Attributes {
public:
  explicit Attributes(const Functions &functions) : functions_(functions) {}
  ~Attributes() {
    if (object)
      functions_.attributesDestroy(object);
  }

  Status set() {
    int status = functions_.attributesCreate(&object);
    if (!status)
      status = functions_.setScratchpadMode(object, dnn::userScratchpad);
    return status ? failed("dnnl_primitive_attr", status) : Status();
  }

  DnnObject object = nullptr;

private:
  const Functions &functions_;
};

/// Dense, with the last axis innermost.
Primitive::Operand rowMajor(Primitive::Operand operand) {
  int64_t stride = 1;
  for (size_t axis = operand.sizes.size(); axis-- > 0;) {
    operand.strides[axis] = stride;
    stride *= operand.sizes[axis];
  }
  return operand;
}

/// Dense, with axis 1 innermost.
Primitive::Operand channelsLast(Primitive::Operand operand) {
  int64_t stride = 1;
  const size_t rank = operand.sizes.size();
  for (size_t i = 0; i < rank; ++i) {
    size_t axis = i == 0 ? 1 : i + 1 == rank ? 0 : rank - i;
    operand.strides[axis] = stride;
    stride *= operand.sizes[axis];
  }
  return operand;
}

} // namespace

// ---- making -----------------------------------------------------------------

/// Everything that depends on the number of threads.
struct LoadedPrimitive::Made {
  Made(const Functions &functions, DType dtype)
      : functions(functions), xGiven(functions, dtype),
        wGiven(functions, dtype), yGiven(functions, dtype), x(functions, dtype),
        w(functions, dtype), y(functions, dtype), bias(functions, dtype),
        main(functions), packed(functions), xIn(functions), wIn(functions),
        yOut(functions) {}

  static StatusOr<std::unique_ptr<Made>>
  begin(const OneDnn &dnn, const Primitive &primitive, int threads);
  Status start(const Primitive &primitive, int threads, bool moves);
  Status describe(const Primitive &primitive, Unit &unit);
  Status describeConv(const Primitive &primitive, const Attributes &attributes,
                      Unit &unit);
  Status describeMatmul(const Attributes &attributes, Unit &unit);
  Status makeReorder(Unit &unit, DnnLayout from, DnnLayout to);
  Status makeReorders(const Primitive &primitive);
  size_t reserve(size_t bytes);

  const Functions &functions;
  Layout xGiven, wGiven, yGiven; // as the plan has them
  Layout x, w, y, bias;          // as the primitive wants them
  Unit main;
  Unit packed;         // for as many threads as the weights are packed for
  Unit xIn, wIn, yOut; // reorders; not made where nothing is moved
  size_t scratchBytes = 0, scratchAt = 0, xAt = 0, wAt = 0, yAt = 0;

  DnnLayout wWanted() const { return main.layout(dnn::weightsLayout); }
};

/// Room in the memory of a run.
size_t LoadedPrimitive::Made::reserve(size_t bytes) {
  size_t at = scratchBytes;
  scratchBytes += (bytes + 63) / 64 * 64;
  return at;
}

Status LoadedPrimitive::Made::describeConv(const Primitive &primitive,
                                           const Attributes &attributes,
                                           Unit &unit) {
  std::vector<int64_t> dilation = primitive.dilation;
  for (int64_t &d : dilation)
    --d; // the library counts what lies between two taps
  DnnLayout b = primitive.hasBias ? bias.get() : nullptr;
  const auto &stride = primitive.stride, &before = primitive.before,
             &after = primitive.after;
  if (!functions.isV2) {
    int status = functions.convDescription(
        &unit.description, functions.engine, dnn::forwardInference, dnn::direct,
        x.get(), w.get(), b, y.get(), stride.data(), dilation.data(),
        before.data(), after.data(), attributes.object);
    return status ? failed("dnnl_convolution_forward", status) : Status();
  }
  auto operation = std::make_unique<std::byte[]>(dnn::operationBytes);
  int status = functions.convInit(
      operation.get(), dnn::forwardInference, dnn::direct, x.get(), w.get(), b,
      y.get(), stride.data(), dilation.data(), before.data(), after.data());
  if (!status)
    status = functions.descriptionCreate(&unit.description, operation.get(),
                                         attributes.object, functions.engine,
                                         nullptr);
  return status ? failed("dnnl_convolution_forward", status) : Status();
}

Status LoadedPrimitive::Made::describeMatmul(const Attributes &attributes,
                                             Unit &unit) {
  DnnLayout b = bias.get();
  if (!functions.isV2) {
    int status = functions.matmulDescription(&unit.description,
                                             functions.engine, x.get(), w.get(),
                                             b, y.get(), attributes.object);
    return status ? failed("dnnl_matmul", status) : Status();
  }
  auto operation = std::make_unique<std::byte[]>(dnn::operationBytes);
  int status =
      functions.matmulInit(operation.get(), x.get(), w.get(), b, y.get());
  if (!status)
    status = functions.descriptionCreate(&unit.description, operation.get(),
                                         attributes.object, functions.engine,
                                         nullptr);
  return status ? failed("dnnl_matmul", status) : Status();
}

/// Reference loops are slower than Weft's own.
static Status refuseReference(const Functions &functions, const Unit &unit) {
  const char *name = "";
  functions.descriptionQuery(unit.description, dnn::implementationName, 0,
                             &name);
  if (std::string_view(name).starts_with("ref") ||
      std::string_view(name).starts_with("gemm:ref"))
    return internal_error(
        absl::StrCat("oneDNN: has only reference loops: ", name));
  return {};
}

Status LoadedPrimitive::Made::describe(const Primitive &primitive, Unit &unit) {
  Attributes attributes(functions);
  Status status = attributes.set();
  if (status.ok())
    status = primitive.kind == Primitive::Kind::matmul
                 ? describeMatmul(attributes, unit)
                 : describeConv(primitive, attributes, unit);
  if (status.ok())
    status = refuseReference(functions, unit);
  return status;
}

Status LoadedPrimitive::Made::makeReorder(Unit &unit, DnnLayout from,
                                          DnnLayout to) {
  Attributes attributes(functions);
  Status status = attributes.set();
  if (!status.ok() || functions.layoutEqual(from, to))
    return status;
  int failure =
      functions.reorderDescription(&unit.description, from, functions.engine,
                                   to, functions.engine, attributes.object);
  return failure ? failed("dnnl_reorder", failure) : unit.make();
}

Status LoadedPrimitive::Made::makeReorders(const Primitive &primitive) {
  const bool packs = primitive.kind == Primitive::Kind::pack;
  DnnLayout weights =
      packed.description ? packed.layout(dnn::weightsLayout) : wGiven.get();
  Status status;
  if (!primitive.isPacked || packed.description)
    status = makeReorder(wIn, weights, wWanted());
  if (packs || !status.ok())
    return status;
  status = makeReorder(xIn, xGiven.get(), x.get());
  if (status.ok())
    status = makeReorder(yOut, y.get(), yGiven.get());
  if (!status.ok())
    return status;
  size_t most = main.scratchBytes();
  for (const Unit *unit : {&xIn, &wIn, &yOut})
    if (unit->primitive)
      most = std::max(most, unit->scratchBytes());
  scratchAt = reserve(most);
  if (xIn.primitive)
    xAt = reserve(functions.layoutBytes(x.get()));
  if (wIn.primitive)
    wAt = reserve(functions.layoutBytes(wWanted()));
  if (yOut.primitive)
    yAt = reserve(functions.layoutBytes(y.get()));
  return {};
}

static Primitive::Operand biasOf(const Primitive &primitive) {
  const Primitive::Operand &y = primitive.y;
  if (primitive.kind != Primitive::Kind::matmul)
    return {{y.sizes[1]}, {1}};
  Primitive::Operand bias{std::vector<int64_t>(y.sizes.size(), 1),
                          std::vector<int64_t>(y.sizes.size(), y.sizes.back())};
  bias.sizes.back() = y.sizes.back();
  bias.strides.back() = 1;
  return bias;
}

/// Without instructions for a type the library computes with another.
static Status refuseType(const OneDnn &dnn, const Primitive &primitive) {
  return dnn.multiplies(primitive.dtype)
             ? Status()
             : internal_error(absl::StrCat("oneDNN: this CPU multiplies no ",
                                           std::string(name(primitive.dtype))));
}

/// The library counts in 32 bits here and there, and divides by what overflows.
static Status refuseLarge(const Primitive &primitive) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  bool isLarge = false;
  for (const Primitive::Operand *operand :
       {&primitive.x, &primitive.w, &primitive.y}) {
    int64_t room = kMost;
    for (int64_t size : operand->sizes)
      room /= size;
    isLarge |= room == 0;
  }
  for (const auto *list : {&primitive.stride, &primitive.dilation,
                           &primitive.before, &primitive.after})
    for (int64_t number : *list)
      isLarge |= number > kMost;
  return isLarge ? internal_error("oneDNN: not asked for 2^31 elements or more")
                 : Status();
}

/// Layouts and descriptions: what the library says before it writes code.
/// A convolution, or a matmul that `moves`, reads data that are reordered
/// first.
Status LoadedPrimitive::Made::start(const Primitive &primitive, int threads,
                                    bool moves) {
  const bool isMatmul = primitive.kind == Primitive::Kind::matmul;
  auto wanted = [&](const Primitive::Operand &operand) {
    return !isMatmul ? channelsLast(operand)
           : moves   ? rowMajor(operand)
                     : operand;
  };
  Status status;
  auto then = [&](auto &&next) {
    if (status.ok())
      status = next();
  };
  then([&] { return xGiven.set(primitive.x); });
  then([&] { return wGiven.set(primitive.w); });
  then([&] { return yGiven.set(primitive.y); });
  then([&] { return x.set(wanted(primitive.x)); });
  then([&] {
    return isMatmul && !moves ? w.set(primitive.w) : w.setAny(primitive.w);
  });
  then([&] { return y.set(wanted(primitive.y)); });
  if (primitive.hasBias)
    then([&] { return bias.set(biasOf(primitive)); });
  if (primitive.isPacked && threads != primitive.threads) {
    ThreadCount count(functions, primitive.threads);
    then([&] { return describe(primitive, packed); });
  }
  ThreadCount count(functions, threads);
  then([&] { return describe(primitive, main); });
  return status;
}

/// Operands of a matmul are read as they lie where the library can.
StatusOr<std::unique_ptr<LoadedPrimitive::Made>>
LoadedPrimitive::Made::begin(const OneDnn &dnn, const Primitive &primitive,
                             int threads) {
  Status status = refuseType(dnn, primitive);
  if (status.ok())
    status = refuseLarge(primitive);
  if (!status.ok())
    return status;
  for (bool moves : {false, true}) {
    auto made = std::make_unique<Made>(dnn.functions(), primitive.dtype);
    status = made->start(primitive, threads, moves);
    if (status.ok())
      return made;
    if (primitive.kind != Primitive::Kind::matmul)
      break;
  }
  return status;
}

StatusOr<const LoadedPrimitive::Made *>
LoadedPrimitive::madeFor(int threads) const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<Made> &slot = made_[threads];
  if (slot)
    return slot.get();
  StatusOr<const OneDnn *> dnn = OneDnn::get();
  if (!dnn.ok())
    return dnn.status();
  ThreadCount count((*dnn)->functions(), threads);
  auto begun = Made::begin(**dnn, primitive_, threads);
  if (!begun.ok())
    return begun.status();
  std::unique_ptr<Made> &made = *begun;
  Status status;
  if (primitive_.kind != Primitive::Kind::pack)
    status = made->main.make();
  if (status.ok())
    status = made->makeReorders(primitive_);
  if (!status.ok())
    return status;
  slot = std::move(made);
  return slot.get();
}

Status LoadedPrimitive::check(const Primitive &primitive) {
  StatusOr<const OneDnn *> dnn = OneDnn::get();
  if (!dnn.ok())
    return dnn.status();
  return Made::begin(**dnn, primitive, primitive.threads).status();
}

LoadedPrimitive::LoadedPrimitive(const Primitive &primitive)
    : primitive_(primitive) {}

LoadedPrimitive::~LoadedPrimitive() = default;

StatusOr<std::shared_ptr<const LoadedPrimitive>>
LoadedPrimitive::load(const Primitive &primitive) {
  std::shared_ptr<LoadedPrimitive> loaded(new LoadedPrimitive(primitive));
  StatusOr<const Made *> made = loaded->madeFor(primitive.threads);
  if (!made.ok())
    return made.status();
  return std::shared_ptr<const LoadedPrimitive>(std::move(loaded));
}

Team *LoadedPrimitive::team() {
  StatusOr<const OneDnn *> dnn = OneDnn::get();
  return dnn.ok() && !isInChild() ? (*dnn)->functions().team : nullptr;
}

int64_t LoadedPrimitive::packedBytes() const {
  StatusOr<const Made *> made = madeFor(primitive_.threads);
  return made.ok() ? static_cast<int64_t>(
                         (*made)->functions.layoutBytes((*made)->wWanted()))
                   : 0;
}

// ---- running ----------------------------------------------------------------

Status LoadedPrimitive::run(std::span<void *const> arguments) const {
  const bool packs = primitive_.kind == Primitive::Kind::pack;
  // What is packed is packed for the threads the plan was made for.
  const int threads = packs ? primitive_.threads : libraryThreads();
  StatusOr<const Made *> found = madeFor(threads);
  if (!found.ok())
    return found.status();
  const Made &made = **found;
  const Functions &functions = made.functions;
  ThreadCount count(functions, libraryThreads());
  Arena arena;
  Status status = arena.allocate(static_cast<int64_t>(made.scratchBytes));
  if (!status.ok())
    return status;
  std::byte *scratch = arena.data();
  void *room = scratch + made.scratchAt;
  auto move = [&](const Unit &unit, DnnLayout from, void *source, DnnLayout to,
                  void *target) {
    const Memory memories[] = {{dnn::source, from, source},
                               {dnn::destination, to, target}};
    if (status.ok())
      status = unit.run(memories, room);
    return target;
  };
  auto start = [&](void *argument, const Primitive::Operand &operand) {
    return static_cast<std::byte *>(argument) +
           operand.offset * size_in_bytes(primitive_.dtype);
  };
  if (packs) {
    void *w = start(arguments[0], primitive_.w);
    if (made.wIn.primitive)
      move(made.wIn, made.wGiven.get(), w, made.wWanted(), arguments[1]);
    else
      std::memcpy(arguments[1], w, functions.layoutBytes(made.wWanted()));
    return status;
  }
  void *x = start(arguments[0], primitive_.x), *result = arguments.back();
  void *w =
      primitive_.isPacked ? arguments[1] : start(arguments[1], primitive_.w);
  void *y = made.yOut.primitive ? scratch + made.yAt : result;
  if (made.xIn.primitive)
    x = move(made.xIn, made.xGiven.get(), x, made.x.get(), scratch + made.xAt);
  if (made.wIn.primitive)
    w = move(made.wIn,
             made.packed.description ? made.packed.layout(dnn::weightsLayout)
                                     : made.wGiven.get(),
             w, made.wWanted(), scratch + made.wAt);
  if (!status.ok())
    return status;
  Memory memories[4] = {{dnn::source, made.x.get(), x},
                        {dnn::weights, made.wWanted(), w},
                        {dnn::destination, made.y.get(), y}};
  size_t numMemories = 3;
  if (primitive_.hasBias)
    memories[numMemories++] = {dnn::bias, made.bias.get(), arguments[2]};
  status = made.main.run({memories, numMemories}, room);
  if (made.yOut.primitive)
    move(made.yOut, made.y.get(), y, made.yGiven.get(), result);
  return status;
}

} // namespace weft::runtime
