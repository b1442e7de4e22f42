// SPDX-License-Identifier: Apache-2.0
// An ordered map: a list of entries and where each name stands in it.
#include "weft/StateDict.h"

namespace weft {

StateDict::StateDict(std::initializer_list<Entry> entries) {
  for (const auto &[name, tensor] : entries)
    (*this)[name] = tensor;
}

Tensor &StateDict::operator[](std::string_view name) {
  auto [it, is_new] =
      positions_.try_emplace(std::string(name), entries_.size());
  if (is_new)
    entries_.emplace_back(std::string(name), Tensor());
  return entries_[it->second].second;
}

const Tensor *StateDict::find(std::string_view name) const {
  auto it = positions_.find(std::string(name));
  return it == positions_.end() ? nullptr : &entries_[it->second].second;
}

bool StateDict::erase(std::string_view name) {
  auto it = positions_.find(std::string(name));
  if (it == positions_.end())
    return false;
  const size_t position = it->second;
  positions_.erase(it);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(position));
  for (size_t i = position; i < entries_.size(); ++i)
    positions_[entries_[i].first] = i;
  return true;
}

} // namespace weft
