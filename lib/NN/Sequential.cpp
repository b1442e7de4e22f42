// SPDX-License-Identifier: Apache-2.0
// Calling, copying and walking steps of unknown type.
#include "weft/NN/Sequential.h"

namespace weft::nn {

Sequential::Sequential(const Sequential &other) : Module(other) {
  for (const NamedStep &step : other.steps_)
    steps_.push_back({step.name, step.step->clone()});
}

Tensor Sequential::operator()(const Tensor &x,
                              std::source_location location) const {
  Tensor y = x;
  for (const NamedStep &step : steps_)
    y = step.step->call(y, location);
  return y;
}

const Module *Sequential::module(size_t index) const {
  return index < steps_.size() ? steps_[index].step->module() : nullptr;
}

Module *Sequential::module(size_t index) {
  return index < steps_.size() ? steps_[index].step->module() : nullptr;
}

void Sequential::visit_fields(FieldVisitor &visitor) {
  for (const NamedStep &step : steps_)
    if (Module *module = step.step->module())
      visitor.module(step.name, *module);
}

void Sequential::stamp_paths() { detail::StampPaths(*this, nullptr); }

} // namespace weft::nn
