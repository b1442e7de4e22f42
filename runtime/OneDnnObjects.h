// SPDX-License-Identifier: Apache-2.0
// Objects of oneDNN that end with their scope, alike for versions 2 and 3.
#pragma once

#include "runtime/OneDnnFunctions.h"

#include <span>
#include <string_view>

namespace weft::runtime {

/// The error of a call: `oneDNN: dnnl_matmul failed: out of memory`.
Status failedCall(std::string_view call, int status);

/// How many threads the library's next call may use; said to OpenMP for this
/// thread, and only as long as this lives.
class ThreadCount {
public:
  ThreadCount(const OneDnn::Functions &functions, int count)
      : functions_(functions), before_(functions.getMaxThreads()) {
    functions_.setNumThreads(count);
  }
  ~ThreadCount() { functions_.setNumThreads(before_); }

private:
  const OneDnn::Functions &functions_;
  int before_;
};

/// A memory description of Weft's making.
class Layout {
public:
  Layout(const OneDnn::Functions &functions, DType dtype)
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

  /// Elements lie as `operand` says.
  Status set(const Primitive::Operand &operand);
  /// The primitive chooses.
  Status setAny(const Primitive::Operand &operand);
  DnnLayout get() const { return bytes_ ? bytes_.get() : object_; }

private:
  void *room();

  const OneDnn::Functions *functions_;
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
  explicit Unit(const OneDnn::Functions &functions) : functions_(functions) {}
  Unit(const Unit &) = delete;
  Unit &operator=(const Unit &) = delete;
  ~Unit() {
    if (primitive)
      functions_.primitiveDestroy(primitive);
    if (description)
      functions_.descriptionDestroy(description);
  }

  Status make();
  DnnLayout layout(int which) const {
    return functions_.layoutQuery(description, which, 0);
  }
  size_t scratchBytes() const;
  /// On up to four memories, and scratch memory of the caller's.
  Status run(std::span<const Memory> memories, void *scratch) const;

  DnnObject description = nullptr, primitive = nullptr;

private:
  const OneDnn::Functions &functions_;
};

/// Scratch memory is the caller's, so that several threads may run a primitive
/// at once.
class Attributes {
public:
  explicit Attributes(const OneDnn::Functions &functions)
      : functions_(functions) {}
  ~Attributes() {
    if (object)
      functions_.attributesDestroy(object);
  }

  Status set();

  DnnObject object = nullptr;

private:
  const OneDnn::Functions &functions_;
};

} // namespace weft::runtime
