// SPDX-License-Identifier: Apache-2.0
// Plans as bytes. Little-endian, fields in the order of Plan.h; a checksum
// stands in front, and every count and index is checked beside it, because a
// checksum proves nothing about who wrote the file.
#include "runtime/Plan.h"

#include "runtime/TensorMaps.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weft::runtime {
namespace {

constexpr std::string_view kMagic = "WEFTPLN2";

template <typename Visitor, typename Value>
void visit(Visitor &visitor, Value &x);

class Writer {
public:
  template <typename T>
    requires std::is_arithmetic_v<T>
  void operator()(const T &value) {
    bytes_.append(reinterpret_cast<const char *>(&value), sizeof(T));
  }
  template <typename T>
    requires std::is_enum_v<T>
  void operator()(const T &value) {
    (*this)(static_cast<uint8_t>(value));
  }
  void operator()(const std::string &text) {
    (*this)(static_cast<uint64_t>(text.size()));
    bytes_ += text;
  }
  void operator()(const Shape &shape) {
    (*this)(static_cast<uint8_t>(shape.size()));
    for (int64_t size : shape)
      (*this)(size);
  }
  template <typename T> void operator()(const std::vector<T> &list) {
    (*this)(static_cast<uint64_t>(list.size()));
    for (const T &item : list)
      visit(*this, item);
  }

  std::string take() { return std::move(bytes_); }

private:
  std::string bytes_;
};

class Reader {
public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
    requires std::is_arithmetic_v<T>
  void operator()(T &value) {
    if (!need(sizeof(T)))
      return;
    if constexpr (std::is_same_v<T, bool>)
      value = bytes_.front() != 0;
    else
      std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_.remove_prefix(sizeof(T));
  }
  void operator()(Device::Kind &kind) { enumerator(kind, 2); }
  void operator()(BufferRef::Kind &kind) { enumerator(kind, 5); }
  void operator()(DType &type) { enumerator(type, kNumDTypes); }
  void operator()(Primitive::Kind &kind) { enumerator(kind, 3); }
  void operator()(std::string &text) {
    uint64_t size = 0;
    (*this)(size);
    if (!need(size))
      return;
    text.assign(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
  }
  void operator()(Shape &shape) {
    uint8_t rank = 0;
    (*this)(rank);
    good_ = good_ && rank <= Shape::kMaxRank;
    shape = Shape();
    for (int i = 0; good_ && i < rank; ++i) {
      int64_t size = 0;
      (*this)(size);
      good_ = good_ && size >= 0;
      shape.push_back(size);
    }
  }
  template <typename T> void operator()(std::vector<T> &list) {
    uint64_t count = 0;
    (*this)(count);
    // Each item takes a byte at least: no memory is asked for on the word of
    // a damaged count.
    if (!need(count))
      return;
    list.clear();
    for (uint64_t i = 0; good_ && i < count; ++i)
      visit(*this, list.emplace_back());
  }

  bool good() const { return good_; }
  bool atEnd() const { return good_ && bytes_.empty(); }

private:
  bool need(uint64_t size) {
    good_ = good_ && size <= bytes_.size();
    return good_;
  }
  template <typename T> void enumerator(T &value, int count) {
    uint8_t number = 0;
    (*this)(number);
    good_ = good_ && number < count;
    if (good_)
      value = static_cast<T>(number);
  }

  std::string_view bytes_;
  bool good_ = true;
};

// The fields of each struct, once for both directions.
template <typename Visitor, typename Value>
void visit(Visitor &visitor, Value &x) {
  using T = std::remove_const_t<Value>;
  auto fields = [&](auto &...field) { (visit(visitor, field), ...); };
  if constexpr (std::is_same_v<T, TensorSpec>)
    fields(x.dtype, x.shape, x.bytes, x.partBytes);
  else if constexpr (std::is_same_v<T, BufferRef>)
    fields(x.kind, x.index);
  else if constexpr (std::is_same_v<T, Argument>)
    fields(x.isScalar, x.buffer, x.scalar, x.scalarType);
  else if constexpr (std::is_same_v<T, TensorMap>)
    fields(x.argument, x.dtype, x.offset, x.sizes, x.strides, x.box, x.lower,
           x.upper, x.steps);
  else if constexpr (std::is_same_v<T, Kernel>)
    fields(x.name, x.code, x.source);
  else if constexpr (std::is_same_v<T, Primitive::Operand>)
    fields(x.sizes, x.strides, x.offset);
  else if constexpr (std::is_same_v<T, Primitive>)
    fields(x.kind, x.dtype, x.x, x.w, x.y, x.stride, x.dilation, x.before,
           x.after, x.hasBias, x.isPacked, x.threads);
  else if constexpr (std::is_same_v<T, Launch>)
    fields(x.kernel, x.primitive, x.arguments, x.tensorMaps, x.grid[0],
           x.grid[1], x.grid[2], x.block[0], x.block[1], x.block[2],
           x.sharedBytes, x.startsEarly, x.extent, x.grain);
  else if constexpr (std::is_same_v<T, Copy>)
    fields(x.from, x.to, x.bytes);
  else if constexpr (std::is_same_v<T, Plan>)
    fields(x.device, x.parts, x.inputs, x.prepared, x.outputs, x.scalars,
           x.kernels, x.primitives, x.library, x.launches, x.copies, x.steps,
           x.constants, x.arenaBytes, x.liveBytes);
  else
    visitor(x);
}

template <typename T> bool isIndex(int64_t index, const std::vector<T> &list) {
  return index >= 0 && index < static_cast<int64_t>(list.size());
}

// Offsets are checked against what they point into; how far a kernel reaches
// from there is the compiler's promise.
bool isValid(const BufferRef &ref, const Plan &plan) {
  switch (ref.kind) {
  case BufferRef::Kind::input:
    return isIndex(ref.index, plan.inputs);
  case BufferRef::Kind::prepared:
    return isIndex(ref.index, plan.prepared);
  case BufferRef::Kind::output:
    return isIndex(ref.index, plan.outputs);
  case BufferRef::Kind::arena:
    return ref.index >= 0 && ref.index <= plan.arenaBytes;
  case BufferRef::Kind::constant:
    return ref.index >= 0 &&
           ref.index <= static_cast<int64_t>(plan.constants.size());
  }
  return false;
}

bool isValid(const Primitive::Operand &operand) {
  return operand.offset >= 0 &&
         operand.sizes.size() == operand.strides.size() &&
         std::ranges::all_of(operand.sizes, [](int64_t n) { return n > 0; }) &&
         std::ranges::all_of(operand.strides, [](int64_t n) { return n >= 0; });
}

bool isValid(const Primitive &primitive) {
  const size_t rank = primitive.x.sizes.size();
  if (!isValid(primitive.x) || !isValid(primitive.w) || !isValid(primitive.y) ||
      rank < 2 || rank > Shape::kMaxRank || primitive.y.sizes.size() != rank ||
      primitive.threads < 1 ||
      (primitive.dtype != DType::float32 && primitive.dtype != DType::bfloat16))
    return false;
  if (primitive.kind == Primitive::Kind::matmul)
    return primitive.w.sizes.size() == rank && !primitive.isPacked;
  for (const auto *list : {&primitive.stride, &primitive.dilation,
                           &primitive.before, &primitive.after})
    if (list->size() + 2 != rank)
      return false;
  return primitive.w.sizes.size() == rank ||
         primitive.w.sizes.size() == rank + 1;
}

bool isValid(const Launch &launch, const Plan &plan) {
  if (launch.extent < 0 || launch.grain < 0)
    return false;
  if (launch.primitive < 0 && !isIndex(launch.kernel, plan.kernels))
    return false;
  if (launch.primitive >= 0) {
    if (!isIndex(launch.primitive, plan.primitives))
      return false;
    auto number = static_cast<size_t>(launch.primitive);
    if (launch.arguments.size() != plan.primitives[number].numArguments())
      return false;
    for (const Argument &argument : launch.arguments)
      if (argument.isScalar)
        return false;
  }
  for (const Argument &argument : launch.arguments)
    if (argument.isScalar ? !isIndex(argument.scalar, plan.scalars)
                          : !isValid(argument.buffer, plan))
      return false;
  for (const TensorMap &map : launch.tensorMaps)
    if (!isWellFormed(map) || !isIndex(map.argument, launch.arguments) ||
        launch.arguments[static_cast<size_t>(map.argument)].isScalar)
      return false;
  return true;
}

bool isValid(const Copy &copy, const Plan &plan) {
  return isValid(copy.from, plan) && isValid(copy.to, plan) &&
         copy.bytes >= 0 && copy.bytes <= bytesBehind(copy.from, plan) &&
         copy.bytes <= bytesBehind(copy.to, plan);
}

bool isValid(const Plan &plan) {
  if (plan.arenaBytes < 0 || plan.liveBytes < 0 || plan.parts < 1 ||
      (plan.parts > 1 && plan.device != Device::Kind::cpu))
    return false;
  for (const auto *specs : {&plan.inputs, &plan.prepared, &plan.outputs})
    for (const TensorSpec &spec : *specs)
      if (spec.bytes < 0 || spec.partBytes < 0 ||
          spec.partBytes > spec.bytes / plan.parts)
        return false;
  for (const TensorSpec &spec : plan.prepared)
    if (spec.partBytes != 0)
      return false; // given whole to every part
  // Parts must not write where others do.
  for (const TensorSpec &spec : plan.outputs)
    if (plan.parts > 1 && spec.partBytes == 0)
      return false;
  for (const Primitive &primitive : plan.primitives)
    if (!isValid(primitive))
      return false;
  for (const Launch &launch : plan.launches)
    if (!isValid(launch, plan))
      return false;
  for (const Copy &copy : plan.copies)
    if (!isValid(copy, plan))
      return false;
  for (int64_t step : plan.steps)
    if (step >= 0 ? !isIndex(step, plan.launches)
                  : !isIndex(-1 - step, plan.copies))
      return false;
  return true;
}

} // namespace

int64_t bytesBehind(const BufferRef &ref, const Plan &plan) {
  auto index = static_cast<size_t>(ref.index);
  auto bytesIn = [](const TensorSpec &spec) {
    return spec.partBytes ? spec.partBytes : spec.bytes;
  };
  switch (ref.kind) {
  case BufferRef::Kind::input:
    return bytesIn(plan.inputs[index]);
  case BufferRef::Kind::prepared:
    return bytesIn(plan.prepared[index]);
  case BufferRef::Kind::output:
    return bytesIn(plan.outputs[index]);
  case BufferRef::Kind::arena:
    return plan.arenaBytes - ref.index;
  case BufferRef::Kind::constant:
    return static_cast<int64_t>(plan.constants.size()) - ref.index;
  }
  return 0;
}

size_t Primitive::numArguments() const {
  return kind == Kind::pack ? 2u : 3u + hasBias;
}

std::string serialize(const Plan &plan) {
  Writer writer;
  visit(writer, plan);
  std::string body = writer.take();
  uint64_t checksum = XXH3_64bits(body.data(), body.size());
  std::string result(kMagic);
  result.append(reinterpret_cast<const char *>(&checksum), sizeof(checksum));
  return result + body;
}

bool deserialize(std::string_view bytes, Plan &plan) {
  uint64_t checksum = 0;
  if (bytes.substr(0, kMagic.size()) != kMagic ||
      bytes.size() < kMagic.size() + sizeof(checksum))
    return false;
  std::memcpy(&checksum, bytes.data() + kMagic.size(), sizeof(checksum));
  std::string_view body = bytes.substr(kMagic.size() + sizeof(checksum));
  if (XXH3_64bits(body.data(), body.size()) != checksum)
    return false;
  Plan result;
  Reader reader(body);
  visit(reader, result);
  if (!reader.atEnd() || !isValid(result))
    return false;
  plan = std::move(result);
  return true;
}

} // namespace weft::runtime
