// SPDX-License-Identifier: Apache-2.0
// How a module's one line of fields becomes a walk over its parameters and
// children. Programs need WEFT_FIELDS and `field`; the rest serves them.
#pragma once

#include "weft/NN/Parameter.h"

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

/// Lists the fields of a module, as its last line:
///
///   struct Head : weft::nn::Module {
///     weft::nn::Linear fc, klass;
///     std::vector<Block> blocks;
///     WEFT_FIELDS(fc, field("class", klass), blocks)
///   };
///
/// Fields are parameters, modules, and std::optional, std::unique_ptr,
/// std::vector, std::array and std::map of those, nested to any depth. Names
/// are joined with dots in this order: `fc.weight`, `class.weight`,
/// `blocks.0.conv.weight`. From this line follow `state_dict`, loading,
/// printing and the paths in error messages.
#define WEFT_FIELDS(...)                                                       \
  void visit_fields(::weft::nn::FieldVisitor &weft_visitor) override {         \
    using ::weft::nn::field;                                                   \
    weft_visitor.fields(#__VA_ARGS__, __VA_ARGS__);                            \
  }                                                                            \
  std::string_view class_name() const override {                               \
    return ::weft::nn::detail::class_name(__PRETTY_FUNCTION__);                \
  }                                                                            \
  ::weft::nn::detail::StampPaths weft_stamp_paths{*this,                       \
                                                  &this->weft_stamp_paths};

namespace weft::nn {

class Module;

/// A field under another name than its own.
template <typename T> struct Field {
  std::string_view name;
  T &value;
};
template <typename T> Field<T> field(std::string_view name, T &value) {
  return {name, value};
}

/// Receives the parameters and modules among the fields of a module in the
/// order of the list, those in containers one by one (`layers.0`).
class FieldVisitor {
public:
  virtual void parameter(const std::string &name, Parameter &parameter) = 0;
  virtual void module(const std::string &name, Module &module) = 0;

  /// `names` is the text of the list, which names each of `fields`.
  template <typename... Fields>
  void fields(std::string_view names, Fields &&...fields) {
    (direct(next_name(names), fields), ...);
  }

  template <typename T> void visit(const std::string &name, T &value) {
    if constexpr (std::derived_from<T, Parameter>) {
      parameter(name, value);
    } else if constexpr (std::derived_from<T, Module>) {
      module(name, value);
    } else if constexpr (requires { static_cast<bool>(value), *value; }) {
      if (value)
        visit(name, *value);
    } else if constexpr (requires { typename T::mapped_type; }) {
      for (auto &[key, element] : value)
        visit(join(name, key), element);
    } else if constexpr (requires { value.begin(), value.end(); }) {
      size_t index = 0;
      for (auto &element : value)
        visit(join(name, index++), element);
    } else {
      static_assert(!sizeof(T), "a field is a Parameter, a Module, or a "
                                "container of them");
    }
  }

protected:
  ~FieldVisitor() = default;

  /// Fields at this address or behind are not constructed yet.
  const void *end_ = nullptr;

private:
  template <typename T> void direct(const std::string &name, T &value) {
    if (!end_ || static_cast<const void *>(&value) < end_)
      visit(name, value);
  }
  template <typename T> void direct(const std::string &, Field<T> &field) {
    direct(std::string(field.name), field.value);
  }
  template <typename Key>
  static std::string join(const std::string &name, const Key &key) {
    if constexpr (std::integral<Key>)
      return name + '.' + std::to_string(key);
    else
      return name + '.' + std::string(key);
  }
  /// Cuts the first name off the list.
  static std::string next_name(std::string_view &names);
};

namespace detail {

/// The class in the text of __PRETTY_FUNCTION__ of one of its methods.
std::string_view class_name(std::string_view function);

/// The member behind the fields: once it is constructed, so are they, and can
/// be told their paths. `end` guards against a WEFT_FIELDS that stands before
/// some of its fields.
struct StampPaths {
  StampPaths(Module &module, const void *end);
};

} // namespace detail
} // namespace weft::nn
