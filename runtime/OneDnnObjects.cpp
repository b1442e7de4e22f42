// SPDX-License-Identifier: Apache-2.0
#include "runtime/OneDnnObjects.h"

#include "absl/strings/str_cat.h"

#include <array>

namespace weft::runtime {

Status failedCall(std::string_view call, int status) {
  std::string reason = status == 1   ? "out of memory"
                       : status == 3 ? "it has no such primitive"
                                     : absl::StrCat("status ", status);
  return internal_error(
      absl::StrCat("oneDNN: ", std::string(call), " failed: ", reason));
}

void *Layout::room() {
  bytes_ = std::make_unique<std::byte[]>(dnn::layoutBytes);
  return bytes_.get();
}

Status Layout::set(const Primitive::Operand &operand) {
  auto rank = static_cast<int>(operand.sizes.size());
  const int64_t *sizes = operand.sizes.data();
  const int64_t *strides = operand.strides.data();
  int status =
      functions_->isV2
          ? functions_->layoutInitByStrides(room(), rank, sizes, type_, strides)
          : functions_->layoutCreateWithStrides(&object_, rank, sizes, type_,
                                                strides);
  return status ? failedCall("dnnl_memory_desc", status) : Status();
}

Status Layout::setAny(const Primitive::Operand &operand) {
  auto rank = static_cast<int>(operand.sizes.size());
  const int64_t *sizes = operand.sizes.data();
  int status = functions_->isV2
                   ? functions_->layoutInitByTag(room(), rank, sizes, type_,
                                                 dnn::anyLayout)
                   : functions_->layoutCreateWithTag(&object_, rank, sizes,
                                                     type_, dnn::anyLayout);
  return status ? failedCall("dnnl_memory_desc", status) : Status();
}

Status Unit::make() {
  int status = functions_.primitiveCreate(&primitive, description);
  return status ? failedCall("dnnl_primitive_create", status) : Status();
}

size_t Unit::scratchBytes() const {
  DnnLayout scratch = layout(dnn::scratchpadLayout);
  return scratch ? functions_.layoutBytes(scratch) : 0;
}

static constexpr size_t kMostMemories = 5;

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
  return status ? failedCall("dnnl_primitive_execute", status) : Status();
}

Status Attributes::set() {
  int status = functions_.attributesCreate(&object);
  if (!status)
    status = functions_.setScratchpadMode(object, dnn::userScratchpad);
  return status ? failedCall("dnnl_primitive_attr", status) : Status();
}

} // namespace weft::runtime
