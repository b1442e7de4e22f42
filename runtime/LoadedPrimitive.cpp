// SPDX-License-Identifier: Apache-2.0
// Primitives of a plan, made and run by oneDNN. Between its convolutions
// tensors lie with their channels last; what lies otherwise is reordered on the
// way in or out.
#include "runtime/Arena.h"
#include "runtime/OneDnnObjects.h"
#include "runtime/OpenMp.h"
#include "runtime/ThreadPool.h"
#include "weft/Runtime.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

namespace weft::runtime {
namespace {

using Functions = OneDnn::Functions;

/// Whether this thread is inside a parallel region of the program's own, whose
/// threads share the work. In a region of only one, OpenMP would start further
/// threads anew for every loop.
bool isInRegion() {
  StatusOr<const OneDnn *> dnn = OneDnn::get();
  return dnn.ok() && (*dnn)->functions().getLevel() > 0;
}

/// A child process has none of its parent's threads.
int libraryThreads() {
  return isOpenMpOfParent() || isInRegion() ? 1 : usableThreads();
}

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

/// How an operation is asked of the library.
enum class LoadedPrimitive::Form {
  direct,   // a convolution; its operands have their channels last
  winograd, // the same with fewer products; the library says how operands lie
  asGiven,  // a matmul that reads its operands as they lie
  moved,    // one whose operands are moved into rows first
};

/// Everything that depends on the number of threads.
struct LoadedPrimitive::Made {
  Made(const Functions &functions, DType dtype)
      : functions(functions), xGiven(functions, dtype),
        wGiven(functions, dtype), yGiven(functions, dtype), x(functions, dtype),
        w(functions, dtype), y(functions, dtype), bias(functions, dtype),
        main(functions), packed(functions), xIn(functions), wIn(functions),
        yOut(functions) {}

  static StatusOr<std::unique_ptr<Made>> begin(const OneDnn &dnn,
                                               const Primitive &primitive,
                                               int threads,
                                               std::span<const Form> forms);
  Status finish(const Primitive &primitive);
  Status start(const Primitive &primitive, int threads, Form form);
  Status describe(const Primitive &primitive, Unit &unit);
  Status describeConv(const Primitive &primitive, const Attributes &attributes,
                      Unit &unit);
  Status describeMatmul(const Attributes &attributes, Unit &unit);
  Status describeReorder(Unit &unit, DnnLayout from, DnnLayout to);
  Status makeReorder(Unit &unit, DnnLayout from, DnnLayout to);
  Status makeReorders(const Primitive &primitive);
  size_t reserve(size_t bytes);
  Status pack(const Primitive &primitive, void *w, void *result) const;
  Status run(const Primitive &primitive, std::span<void *const> arguments,
             void *w, bool &isDone) const;

  const Functions &functions;
  Form form = Form::direct;
  Layout xGiven, wGiven, yGiven; // as the plan has them
  Layout x, w, y, bias;          // as the primitive is asked for
  Unit main;
  Unit packed;         // for as many threads as the weights are packed for
  Unit xIn, wIn, yOut; // reorders; not made where nothing is moved
  size_t scratchBytes = 0, scratchAt = 0, xAt = 0, wAt = 0, yAt = 0;

  // As the primitive has them.
  DnnLayout xWanted() const { return main.layout(dnn::sourceLayout); }
  DnnLayout wWanted() const { return main.layout(dnn::weightsLayout); }
  DnnLayout yWanted() const { return main.layout(dnn::destinationLayout); }
};

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// Room in the memory of a run.
size_t LoadedPrimitive::Made::reserve(size_t bytes) {
  size_t at = scratchBytes;
  scratchBytes += aligned(bytes);
  return at;
}

Status LoadedPrimitive::Made::describeConv(const Primitive &primitive,
                                           const Attributes &attributes,
                                           Unit &unit) {
  std::vector<int64_t> dilation = primitive.dilation;
  for (int64_t &d : dilation)
    --d; // the library counts what lies between two taps
  const int algorithm = form == Form::winograd ? dnn::winograd : dnn::direct;
  DnnLayout b = primitive.hasBias ? bias.get() : nullptr;
  const auto &stride = primitive.stride, &before = primitive.before,
             &after = primitive.after;
  if (!functions.isV2) {
    int status = functions.convDescription(
        &unit.description, functions.engine, dnn::forwardInference, algorithm,
        x.get(), w.get(), b, y.get(), stride.data(), dilation.data(),
        before.data(), after.data(), attributes.object);
    return status ? failedCall("dnnl_convolution_forward", status) : Status();
  }
  auto operation = std::make_unique<std::byte[]>(dnn::operationBytes);
  int status = functions.convInit(
      operation.get(), dnn::forwardInference, algorithm, x.get(), w.get(), b,
      y.get(), stride.data(), dilation.data(), before.data(), after.data());
  if (!status)
    status = functions.descriptionCreate(&unit.description, operation.get(),
                                         attributes.object, functions.engine,
                                         nullptr);
  return status ? failedCall("dnnl_convolution_forward", status) : Status();
}

Status LoadedPrimitive::Made::describeMatmul(const Attributes &attributes,
                                             Unit &unit) {
  DnnLayout b = bias.get();
  if (!functions.isV2) {
    int status = functions.matmulDescription(&unit.description,
                                             functions.engine, x.get(), w.get(),
                                             b, y.get(), attributes.object);
    return status ? failedCall("dnnl_matmul", status) : Status();
  }
  auto operation = std::make_unique<std::byte[]>(dnn::operationBytes);
  int status =
      functions.matmulInit(operation.get(), x.get(), w.get(), b, y.get());
  if (!status)
    status = functions.descriptionCreate(&unit.description, operation.get(),
                                         attributes.object, functions.engine,
                                         nullptr);
  return status ? failedCall("dnnl_matmul", status) : Status();
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

/// Nothing where the two are equal.
Status LoadedPrimitive::Made::describeReorder(Unit &unit, DnnLayout from,
                                              DnnLayout to) {
  Attributes attributes(functions);
  Status status = attributes.set();
  if (!status.ok() || functions.layoutEqual(from, to))
    return status;
  int failure =
      functions.reorderDescription(&unit.description, from, functions.engine,
                                   to, functions.engine, attributes.object);
  return failure ? failedCall("dnnl_reorder", failure) : Status();
}

Status LoadedPrimitive::Made::makeReorder(Unit &unit, DnnLayout from,
                                          DnnLayout to) {
  Status status = describeReorder(unit, from, to);
  return status.ok() && unit.description ? unit.make() : status;
}

Status LoadedPrimitive::Made::makeReorders(const Primitive &primitive) {
  const bool packs = primitive.kind == Primitive::Kind::pack;
  DnnLayout weights =
      packed.description ? packed.layout(dnn::weightsLayout) : wGiven.get();
  Status status;
  if (!primitive.isPacked || packed.description)
    status = makeReorder(wIn, weights, wWanted());
  if (status.ok() && !packs)
    status = makeReorder(xIn, xGiven.get(), xWanted());
  if (status.ok() && !packs)
    status = makeReorder(yOut, yWanted(), yGiven.get());
  if (!status.ok())
    return status;
  size_t most = packs ? 0 : main.scratchBytes();
  for (const Unit *unit : {&xIn, &wIn, &yOut})
    if (unit->primitive)
      most = std::max(most, unit->scratchBytes());
  scratchAt = reserve(most);
  if (packs)
    return {};
  if (xIn.primitive)
    xAt = reserve(functions.layoutBytes(xWanted()));
  if (wIn.primitive)
    wAt = reserve(functions.layoutBytes(wWanted()));
  if (yOut.primitive)
    yAt = reserve(functions.layoutBytes(yWanted()));
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

/// Whether Winograd's way to convolve is worth asking for, beside the direct
/// one: of windows of 3x3 that are next to each other it makes tiles of the
/// result, in the sums and differences of which fewer products are needed. It
/// works on blocks of channels, which operands are moved into. Its weights are
/// computed, which pays where that is done once and many pixels use them.
/// Measured: faster from 32 channels and 4 million multiply-adds on; weights
/// for 49 pixels of 512 channels take as long as 250 runs with them gain.
static bool gainsFromWinograd(const Primitive &primitive) {
  constexpr int64_t kFewestChannels = 32, kFewestPixels = 128,
                    kFewestProducts = 4'000'000;
  auto areAll = [](const std::vector<int64_t> &numbers, int64_t number) {
    return std::ranges::all_of(numbers, [&](int64_t n) { return n == number; });
  };
  const std::vector<int64_t> &w = primitive.w.sizes, &y = primitive.y.sizes;
  const bool isPacked =
      primitive.isPacked || primitive.kind == Primitive::Kind::pack;
  if (w.size() != 4 || y.size() != 4)
    return false;
  const int64_t pixels = y[0] * y[2] * y[3];
  return isPacked && primitive.dtype == DType::float32 && w[2] == 3 &&
         w[3] == 3 && areAll(primitive.stride, 1) &&
         areAll(primitive.dilation, 1) &&
         std::min(w[0], w[1]) >= kFewestChannels && pixels >= kFewestPixels &&
         w[0] * w[1] * 9 * pixels >= kFewestProducts;
}

/// Layouts and descriptions: what the library says before it writes code.
Status LoadedPrimitive::Made::start(const Primitive &primitive, int threads,
                                    Form wantedForm) {
  form = wantedForm;
  auto ask = [&](Layout &layout, const Primitive::Operand &operand) {
    switch (form) {
    case Form::direct:
      return layout.set(channelsLast(operand));
    case Form::winograd:
      return layout.setAny(operand);
    case Form::asGiven:
      return layout.set(operand);
    case Form::moved:
      return layout.set(rowMajor(operand));
    }
    return Status();
  };
  Status status;
  auto then = [&](auto &&next) {
    if (status.ok())
      status = next();
  };
  then([&] { return xGiven.set(primitive.x); });
  then([&] { return wGiven.set(primitive.w); });
  then([&] { return yGiven.set(primitive.y); });
  then([&] { return ask(x, primitive.x); });
  then([&] {
    return form == Form::asGiven ? w.set(primitive.w) : w.setAny(primitive.w);
  });
  then([&] { return ask(y, primitive.y); });
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

/// In the first of `forms` that the library has.
StatusOr<std::unique_ptr<LoadedPrimitive::Made>>
LoadedPrimitive::Made::begin(const OneDnn &dnn, const Primitive &primitive,
                             int threads, std::span<const Form> forms) {
  Status status = refuseType(dnn, primitive);
  if (status.ok())
    status = refuseLarge(primitive);
  if (!status.ok())
    return status;
  for (Form form : forms) {
    auto made = std::make_unique<Made>(dnn.functions(), primitive.dtype);
    status = made->start(primitive, threads, form);
    if (status.ok())
      return made;
  }
  return status;
}

/// Has the library write code.
Status LoadedPrimitive::Made::finish(const Primitive &primitive) {
  Status status;
  if (primitive.kind != Primitive::Kind::pack)
    status = main.make();
  if (status.ok())
    status = makeReorders(primitive);
  return status;
}

std::span<const LoadedPrimitive::Form>
LoadedPrimitive::formsOf(const Primitive &primitive) {
  static constexpr Form kConv[] = {Form::direct},
                        kMatmul[] = {Form::asGiven, Form::moved};
  if (primitive.kind == Primitive::Kind::matmul)
    return kMatmul;
  return kConv;
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
  auto made = Made::begin(**dnn, primitive_, threads, formsOf(primitive_));
  if (!made.ok())
    return made.status();
  if (Status status = (*made)->finish(primitive_); !status.ok())
    return status;
  slot = *std::move(made);
  return slot.get();
}

/// Beside the direct form, if it gains, the library has it, also for weights
/// that lie as these do, and it works in no more memory than large caches have.
Status LoadedPrimitive::makeWinograd(const Made &direct) {
  constexpr size_t kMostBytes = size_t{64} << 20;
  StatusOr<const OneDnn *> dnn = OneDnn::get();
  if (!dnn.ok() || !gainsFromWinograd(primitive_))
    return dnn.status();
  static constexpr Form kForms[] = {Form::winograd};
  const Functions &functions = (*dnn)->functions();
  ThreadCount count(functions, primitive_.threads);
  auto made = Made::begin(**dnn, primitive_, primitive_.threads, kForms);
  if (!made.ok())
    return {};
  const Unit &main = (*made)->main;
  const size_t bytes = main.scratchBytes() +
                       functions.layoutBytes((*made)->xWanted()) +
                       functions.layoutBytes((*made)->yWanted());
  Unit packing(functions);
  if (bytes > kMostBytes ||
      !(*made)
           ->describeReorder(packing, (*made)->wGiven.get(), (*made)->wWanted())
           .ok())
    return {};
  if (Status status = (*made)->finish(primitive_); !status.ok())
    return status;
  winograd_ = *std::move(made);
  winogradAt_ = aligned(direct.functions.layoutBytes(direct.wWanted()));
  return {};
}

Status LoadedPrimitive::check(const Primitive &primitive) {
  StatusOr<const OneDnn *> dnn = OneDnn::get();
  if (!dnn.ok())
    return dnn.status();
  return Made::begin(**dnn, primitive, primitive.threads, formsOf(primitive))
      .status();
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
  if (Status status = loaded->makeWinograd(**made); !status.ok())
    return status;
  return std::shared_ptr<const LoadedPrimitive>(std::move(loaded));
}

Team *LoadedPrimitive::team() {
  StatusOr<const OneDnn *> dnn = OneDnn::get();
  if (!dnn.ok() || isOpenMpOfParent())
    return nullptr;
  return isInRegion() ? callerAlone : (*dnn)->functions().team;
}

int64_t LoadedPrimitive::packedBytes() const {
  StatusOr<const Made *> direct = madeFor(primitive_.threads);
  if (!direct.ok())
    return 0;
  auto bytesOf = [](const Made &made) {
    return made.functions.layoutBytes(made.wWanted());
  };
  return static_cast<int64_t>(winograd_ ? winogradAt_ + bytesOf(*winograd_)
                                        : bytesOf(**direct));
}

// ---- running ----------------------------------------------------------------

static void *startOf(void *argument, const Primitive::Operand &operand,
                     DType dtype) {
  return static_cast<std::byte *>(argument) +
         operand.offset * size_in_bytes(dtype);
}

/// Whether the numbers in memory are of one order: none is infinite, NaN, or
/// more than 1024 times as large as they are on average. What Winograd's sums
/// of differences lose is a part of the largest number of a tile, and would
/// matter to windows of smaller ones beside it.
static bool areAlike(const void *memory, size_t bytes) {
  constexpr int64_t kGrain = 1 << 15, kLanes = 16;
  constexpr double kMost = 1024;
  const auto *numbers = static_cast<const float *>(memory);
  const auto count = static_cast<int64_t>(bytes / sizeof *numbers);
  std::mutex mutex;
  double largest = 0, sum = 0;
  parallelFor(
      count / kLanes, kGrain / kLanes,
      [&](int64_t begin, int64_t end) {
        float most[kLanes] = {}, sums[kLanes] = {};
        for (int64_t i = begin * kLanes; i < end * kLanes; i += kLanes)
          for (int64_t k = 0; k < kLanes; ++k) {
            const float size = std::fabs(numbers[i + k]);
            most[k] = most[k] > size ? most[k] : size;
            sums[k] += size;
          }
        std::lock_guard<std::mutex> lock(mutex);
        for (int64_t k = 0; k < kLanes; ++k) {
          largest = std::max<double>(largest, most[k]);
          sum += sums[k];
        }
      },
      LoadedPrimitive::team());
  // Not so where the sum is NaN.
  return largest * static_cast<double>(count) <= kMost * sum &&
         std::isfinite(largest);
}

/// Whether none of the numbers in a result is infinite or NaN.
static bool areFinite(const void *numbers, size_t bytes) {
  constexpr int64_t kGrain = 1 << 15;
  constexpr uint32_t kExponent = 0x7f800000, kOne = 0x00800000;
  const auto *bits = static_cast<const uint32_t *>(numbers);
  std::atomic<uint32_t> all{0};
  parallelFor(
      static_cast<int64_t>(bytes / sizeof *bits), kGrain,
      [&](int64_t begin, int64_t end) {
        uint32_t carried = 0; // out of an exponent of ones
        for (int64_t i = begin; i < end; ++i)
          carried |= (bits[i] & kExponent) + kOne;
        all.fetch_or(carried, std::memory_order_relaxed);
      },
      LoadedPrimitive::team());
  return !(all & (kExponent + kOne));
}

Status LoadedPrimitive::Made::pack(const Primitive &primitive, void *w,
                                   void *result) const {
  w = startOf(w, primitive.w, primitive.dtype);
  if (!wIn.primitive) {
    std::memcpy(result, w, functions.layoutBytes(wWanted()));
    return {};
  }
  Arena arena;
  if (Status status = arena.allocate(static_cast<int64_t>(scratchBytes));
      !status.ok())
    return status;
  const Memory memories[] = {{dnn::source, wGiven.get(), w},
                             {dnn::destination, wWanted(), result}};
  return wIn.run(memories, arena.data() + scratchAt);
}

/// With weights `w`. Winograd's form computes nothing that is not finite, and
/// nothing of data that it loses too much of: then the work is not done.
Status LoadedPrimitive::Made::run(const Primitive &primitive,
                                  std::span<void *const> arguments, void *w,
                                  bool &isDone) const {
  Arena arena;
  Status status = arena.allocate(static_cast<int64_t>(scratchBytes));
  if (!status.ok())
    return status;
  std::byte *scratch = arena.data();
  void *room = scratch + scratchAt;
  auto move = [&](const Unit &unit, DnnLayout from, void *source, DnnLayout to,
                  void *target) {
    const Memory memories[] = {{dnn::source, from, source},
                               {dnn::destination, to, target}};
    if (status.ok())
      status = unit.run(memories, room);
    return target;
  };
  void *x = startOf(arguments[0], primitive.x, primitive.dtype),
       *result = arguments.back();
  void *y = yOut.primitive ? scratch + yAt : result;
  if (xIn.primitive)
    x = move(xIn, xGiven.get(), x, xWanted(), scratch + xAt);
  if (wIn.primitive)
    w = move(wIn,
             packed.description ? packed.layout(dnn::weightsLayout)
                                : wGiven.get(),
             w, wWanted(), scratch + wAt);
  isDone =
      form != Form::winograd || areAlike(x, functions.layoutBytes(xWanted()));
  if (!status.ok() || !isDone)
    return status;
  Memory memories[4] = {{dnn::source, xWanted(), x},
                        {dnn::weights, wWanted(), w},
                        {dnn::destination, yWanted(), y}};
  size_t numMemories = 3;
  if (primitive.hasBias)
    memories[numMemories++] = {dnn::bias, bias.get(), arguments[2]};
  status = main.run({memories, numMemories}, room);
  isDone =
      form != Form::winograd || areFinite(y, functions.layoutBytes(yWanted()));
  if (yOut.primitive && isDone)
    move(yOut, yWanted(), y, yGiven.get(), result);
  return status;
}

Status LoadedPrimitive::run(std::span<void *const> arguments) const {
  const bool packs = primitive_.kind == Primitive::Kind::pack;
  const int usable = libraryThreads();
  // What is packed is packed for the threads the plan was made for.
  StatusOr<const Made *> found = madeFor(packs ? primitive_.threads : usable);
  if (!found.ok())
    return found.status();
  const Made &made = **found;
  ThreadCount count(made.functions, usable);
  auto *packed = static_cast<std::byte *>(arguments[1]);
  if (packs) {
    Status status = made.pack(primitive_, arguments[0], packed);
    if (status.ok() && winograd_)
      status = winograd_->pack(primitive_, arguments[0], packed + winogradAt_);
    return status;
  }
  bool isDone = false;
  if (winograd_ && usable == primitive_.threads) {
    Status status =
        winograd_->run(primitive_, arguments, packed + winogradAt_, isDone);
    // The direct form needs less memory.
    if (status.code() != StatusCode::resource_exhausted &&
        (!status.ok() || isDone))
      return status;
  }
  void *w = primitive_.isPacked
                ? packed
                : startOf(packed, primitive_.w, primitive_.dtype);
  return made.run(primitive_, arguments, w, isDone);
}

} // namespace weft::runtime
