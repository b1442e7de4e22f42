// SPDX-License-Identifier: Apache-2.0
// Parameters are nodes of their own, so that the compiler can tell them from
// inputs. A path or a new owner makes a new node that shares the elements.
#include "weft/NN/Parameter.h"

#include "lib/Tensor/Record.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Functions.h"
#include "weft/Runtime.h"

#include "runtime/Storage.h"

#include <algorithm>

namespace weft::nn {
namespace {

/// A parameter node with the value of `node`.
NodePtr as_parameter(const Node &node) {
  NodePtr copy;
  {
    std::lock_guard<std::mutex> lock(graph_mutex());
    copy = Node::make(node.kind, node.inputs.size(), node.attributes.ints);
    copy->storage = node.storage;
    std::ranges::copy(node.inputs, copy->inputs.begin());
  }
  // The value may be the result of a run, which another could overwrite.
  if (copy->storage)
    copy->storage->freeze();
  copy->status = node.status;
  copy->attributes.real = node.attributes.real;
  copy->shape = node.shape;
  copy->location = node.location;
  copy->parameter_name = node.parameter_name;
  copy->dtype = node.dtype;
  copy->device = node.device;
  copy->is_parameter = true;
  copy->placeholder = node.placeholder;
  copy->is_unloaded = node.is_unloaded;
  // Until its elements are there, an evaluation must make them on their own:
  // what depends on parameters is kept by the identity of their memory.
  copy->awaits_parameters = !copy->storage && node.status.ok();
  copy->signature = node.signature.load();
  return copy;
}

NodePtr unloaded(const Shape &shape, DType dtype, Device device,
                 std::source_location location) {
  NodePtr node = Node::make(OpKind::leaf, 0);
  node->shape = shape;
  node->dtype = dtype;
  node->device = device;
  node->location = location;
  node->is_parameter = true;
  node->is_unloaded = true;
  node->awaits_parameters = true;
  return node;
}

} // namespace

Parameter::Parameter(const Shape &shape, DType dtype,
                     std::optional<Device> device,
                     std::source_location location) {
  if (Status status = shape_rules::valid("parameter", shape); !status.ok()) {
    *this = failed(std::move(status), location);
    return;
  }
  static_cast<Tensor &>(*this) = Tensor(
      unloaded(shape, dtype, device ? *device : default_device(), location));
}

Parameter::Parameter(const Tensor &value)
    : Tensor(value.node() ? as_parameter(*value.node()) : NodePtr()) {}

Parameter &Parameter::operator=(const Tensor &value) {
  auto differs = [&](const char *what, const std::string &old,
                     const std::string &got) {
    const std::string name = path().empty() ? "" : " " + path();
    // An assignment has no location; what is assigned was made at one.
    return failed(invalid_argument_error("parameter" + name + ": " + what +
                                         " differs: has " + old + ", got " +
                                         got),
                  value.node()->location);
  };
  const bool had_value = node() && ok();
  Parameter replacement(value);
  if (had_value && value.ok() && value.shape() != shape())
    replacement =
        differs("shape", to_string(shape()), to_string(value.shape()));
  else if (had_value && value.ok() && value.dtype() != dtype())
    replacement = differs("type", std::string(name(dtype())),
                          std::string(name(value.dtype())));
  const std::string old_path = path();
  *this = replacement; // of a Parameter: takes the path of the value
  if (!old_path.empty())
    set_path(old_path);
  return *this;
}

Parameter Parameter::failed(Status error, std::source_location location) {
  return Parameter(record::fail(error, location));
}

bool Parameter::is_loaded() const { return node() && !node()->is_unloaded; }

const std::string &Parameter::path() const {
  static const std::string &none = *new std::string;
  return node() && node()->parameter_name ? *node()->parameter_name : none;
}

void Parameter::set_path(std::string path) {
  if (!node() || path == this->path())
    return;
  NodePtr copy = as_parameter(*node());
  copy->parameter_name = std::make_shared<const std::string>(std::move(path));
  static_cast<Tensor &>(*this) = Tensor(std::move(copy));
}

Parameter Parameter::to(DType dtype) const {
  if (!ok() || this->dtype() == dtype)
    return *this;
  Parameter result =
      is_loaded() ? Parameter(cast(*this, dtype))
                  : Parameter(shape(), dtype, device(), node()->location);
  result.set_path(path());
  return result;
}

Parameter Parameter::to(Device device) const {
  if (!ok() || this->device() == device)
    return *this;
  Parameter result =
      is_loaded() ? Parameter(copy(*this, device))
                  : Parameter(shape(), dtype(), device, node()->location);
  result.set_path(path());
  return result;
}

} // namespace weft::nn
