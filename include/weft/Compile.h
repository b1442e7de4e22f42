// SPDX-License-Identifier: Apache-2.0
// Executable: a function compiled ahead of its inputs, for programs that run it
// again and again.
#pragma once

#include "weft/Core/Status.h"
#include "weft/Runtime.h"
#include "weft/Tensor.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

/// What an input will be like. `strides`, in elements, are those of borrowed
/// memory that is not row-major.
struct InputSpec {
  DType dtype = float32;
  Shape shape;
  std::optional<std::vector<int64_t>> strides = {};
};

struct CompileOptions {
  std::optional<Device> device = {}; // the default device unless given
  // Those of the process unless given.
  std::optional<Tuning> tuning = {};
  std::optional<Float32Precision> float32_precision = {};
};

struct RunOptions {
  /// A CUDA stream (CUstream or cudaStream_t) of the caller's; null: Weft's
  /// own. Ignored on the CPU.
  void *stream = nullptr;
};

/// A compiled function. `run` checks its inputs, enqueues, and never compiles.
/// Copies share the code; may be run from several threads at once.
///
/// The order of work on GPU streams: `run` makes the stream it uses wait for
/// whatever Weft has enqueued that still writes its inputs or reads its
/// outputs, and leaves a mark behind its own work, for which every later use of
/// these tensors by Weft waits, on whatever stream. Memory that was borrowed is
/// ordered by the caller up to the call of `run` on the stream given there, and
/// after it by work that the caller enqueues on that stream. Reading back waits
/// for the value alone. The caller's CUDA context stays current.
///
/// While the caller captures the stream, the run goes into his graph, which
/// holds all it works on; he orders the launches of that graph.
class Executable {
public:
  /// Runs into new tensors.
  ///
  ///   StatusOr<std::vector<Tensor>> y = exe.run({image});
  ///
  /// Errors: `run: expects 1 input, got 2`; `run: input 0: shape differs:
  /// expects [1, 3], got [3]`, and the same for type, strides and device.
  StatusOr<std::vector<Tensor>> run(const std::vector<Tensor> &inputs,
                                    RunOptions options = {}) const;
  /// Runs into the memory of `outputs`: borrowed from the caller, or results
  /// of an earlier run.
  ///
  /// Errors: `run: output 0: its memory is that of a parameter or constant`,
  /// also after a result has become one; `run: output 0: overlaps input 0`, or
  /// another output; another type, shape or device than expected.
  Status run(const std::vector<Tensor> &inputs,
             const std::vector<Tensor> &outputs, RunOptions options) const;

  const std::vector<InputSpec> &inputs() const;
  const std::vector<InputSpec> &outputs() const;
  Device device() const;

  struct Impl;
  explicit Executable(std::shared_ptr<const Impl> impl);

private:
  std::shared_ptr<const Impl> impl_;
};

namespace detail {

using Traced = std::function<std::vector<Tensor>(const std::vector<Tensor> &)>;
StatusOr<Executable> compile(const Traced &function,
                             std::vector<InputSpec> inputs,
                             const CompileOptions &options);
Status wrong_arity(size_t inputs);

inline std::vector<Tensor> results(Tensor tensor) {
  return {std::move(tensor)};
}
inline std::vector<Tensor> results(std::vector<Tensor> tensors) {
  return tensors;
}
template <typename... Tensors>
std::vector<Tensor> results(std::tuple<Tensors...> tensors) {
  return std::apply([](auto &...each) { return std::vector<Tensor>{each...}; },
                    tensors);
}
template <typename A, typename B>
std::vector<Tensor> results(std::pair<A, B> tensors) {
  return {tensors.first, tensors.second};
}

template <size_t> using TensorAt = const Tensor &;

template <typename F, size_t... I>
StatusOr<Executable>
compile_arity(const F &function, std::vector<InputSpec> inputs,
              const CompileOptions &options, std::index_sequence<I...>) {
  if constexpr (std::is_invocable_v<const F &, TensorAt<I>...>) {
    if (inputs.size() == sizeof...(I))
      return compile(
          [&](const std::vector<Tensor> &x) {
            return results(function(x[I]...));
          },
          std::move(inputs), options);
  }
  if constexpr (sizeof...(I) > 0)
    return compile_arity(function, std::move(inputs), options,
                         std::make_index_sequence<sizeof...(I) - 1>());
  else
    return wrong_arity(inputs.size());
}

} // namespace detail

/// Calls `function` (a module, a function, a lambda of up to eight tensors, or
/// of one std::vector<Tensor>) once to record it, and compiles what it
/// recorded. It may return a Tensor, a pair, tuple or std::vector of them.
/// Tensors and parameters that it uses besides its inputs are kept as they are
/// now: what runs compute from parameters alone is computed here, and then
/// parameters that nothing else reads are let go. A net that is not needed
/// beside its Executable may be destroyed, so that no weight is kept twice.
///
///   StatusOr<Executable> exe = compile(net, {{uint8, {28, 28, 1}}});
///   if (!exe.ok())
///     return exe.status();
///   exe->run({borrow(pixels, uint8, {28, 28, 1})});
///
/// Errors: parameters that nobody loaded, by name; errors of the recorded
/// tensors; another number of specs than the function takes; compilation;
/// memory for what is computed from parameters.
template <typename F>
StatusOr<Executable> compile(const F &function, std::vector<InputSpec> inputs,
                             const CompileOptions &options = {}) {
  if constexpr (std::is_invocable_v<const F &, const std::vector<Tensor> &>)
    return detail::compile(
        [&](const std::vector<Tensor> &x) {
          return detail::results(function(x));
        },
        std::move(inputs), options);
  else
    return detail::compile_arity(function, std::move(inputs), options,
                                 std::make_index_sequence<8>());
}

} // namespace weft
