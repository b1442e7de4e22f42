// SPDX-License-Identifier: Apache-2.0
// oneDNN, opened when a graph for the CPU first has a use for it. Declared here
// as far as Weft uses it: building needs none of its headers, and both major
// versions, whose headers exclude each other, are served.
#pragma once

#include "runtime/Plan.h"
#include "runtime/ThreadPool.h"
#include "weft/Core/Status.h"

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

namespace weft::runtime {

class OneDnn {
public:
  /// The library; the same answer every time. WEFT_ONEDNN may name its file, or
  /// say `off`. Errors: `oneDNN: not found: ...` with the loader's reasons,
  /// `oneDNN: WEFT_ONEDNN is off`, `oneDNN: libdnnl.so.2 lacks dnnl_x`.
  static StatusOr<const OneDnn *> get();

  /// Opens `library` anew; what `get` does once.
  static StatusOr<const OneDnn *> open(const std::string &library);

  const std::string &file() const { return file_; }
  const std::string &version() const { return version_; } // 2.6.3

  /// Whether it has instructions for this type on this CPU: float32, and
  /// bfloat16 where there are any.
  bool multiplies(DType dtype) const;

  struct Functions;
  const Functions &functions() const { return *functions_; }

private:
  OneDnn() = default;
  std::string file_, version_;
  const Functions *functions_ = nullptr;
};

/// What tells plans made with one library, or without, from those of another:
/// `oneDNN 2.6.3 from /lib/libdnnl.so.2, ISA: 0x3e7, threads: 2`, or `none`.
std::string oneDnnKey();

/// A primitive of a plan, made by the library. Any number of threads may run it
/// at once.
class LoadedPrimitive {
public:
  /// Fails where the library has nothing better than its reference loops, or
  /// no instructions for the type.
  static StatusOr<std::shared_ptr<const LoadedPrimitive>>
  load(const Primitive &primitive);

  /// Whether it can be loaded, in a fraction of the time.
  static Status check(const Primitive &primitive);
  ~LoadedPrimitive();

  /// The threads that primitives run on, for what runs between them: of two
  /// sets of threads one would sleep and have to be woken each time. Null, for
  /// the pool, in a child process, which has none of them; `callerAlone` inside
  /// a parallel region of the program's.
  static Team *team();

  /// Bytes of the weights in the forms that the primitive reads.
  int64_t packedBytes() const;

  /// The buffers in the order of Primitive::Kind.
  Status run(std::span<void *const> arguments) const;

private:
  enum class Form;
  struct Made; // for a number of threads
  explicit LoadedPrimitive(const Primitive &primitive);
  static std::span<const Form> formsOf(const Primitive &primitive);
  StatusOr<const Made *> madeFor(int threads) const;
  Status makeWinograd(const Made &direct);

  Primitive primitive_;
  mutable std::mutex mutex_;
  mutable std::map<int, std::unique_ptr<Made>> made_;
  std::unique_ptr<Made> winograd_; // for the threads the plan was made for
  size_t winogradAt_ = 0;          // its weights are behind the direct ones
};

} // namespace weft::runtime
