// SPDX-License-Identifier: Apache-2.0
// Named tensors in an order: the parameters of a module, the contents of a
// checkpoint.
#pragma once

#include "weft/Tensor.h"

#include <initializer_list>
#include <iosfwd>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weft {

/// An ordered map from names to tensors. New names go to the end; replacing a
/// tensor keeps its place.
///
///   StateDict state = net.state_dict();
///   state["fc.bias"] = zeros({10});
///   for (const auto &[name, tensor] : state)
///     std::cout << name << ": " << tensor.shape() << '\n';
class StateDict {
public:
  using Entry = std::pair<std::string, Tensor>;

  StateDict() = default;
  StateDict(std::initializer_list<Entry> entries);

  /// The tensor called `name`, made if there is none.
  Tensor &operator[](std::string_view name);
  /// Null if there is none.
  const Tensor *find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name); }
  /// Whether there was one.
  bool erase(std::string_view name);

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  /// In order. The names are not to be changed.
  std::vector<Entry>::const_iterator begin() const { return entries_.begin(); }
  std::vector<Entry>::const_iterator end() const { return entries_.end(); }

private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> positions_;
};

/// `{`, a line `    name: tensor(...),` for each, `}`.
std::ostream &operator<<(std::ostream &os, const StateDict &state);
std::string to_string(const StateDict &state);

} // namespace weft
