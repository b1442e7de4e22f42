// SPDX-License-Identifier: Apache-2.0
// Reading what the compiler wrote down for us: the text of a field list, and
// the name of a class in that of one of its methods.
#include "weft/NN/Fields.h"

#include "weft/NN/Module.h"

namespace weft::nn {
namespace {

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

/// Gives every parameter its full path, from the module being constructed down.
class PathStamper final : public FieldVisitor {
public:
  explicit PathStamper(const void *end, std::string prefix = {})
      : prefix_(std::move(prefix)) {
    end_ = end;
  }
  void parameter(const std::string &name, Parameter &parameter) override {
    parameter.set_path(prefix_ + name);
  }
  void module(const std::string &name, Module &module) override {
    PathStamper inner(nullptr, prefix_ + name + '.');
    module.visit_fields(inner);
  }

private:
  std::string prefix_;
};

} // namespace

std::string FieldVisitor::next_name(std::string_view &names) {
  // Commas within parentheses or quotes belong to `field("a", b)`.
  size_t end = 0;
  int depth = 0;
  bool quoted = false;
  for (; end < names.size(); ++end) {
    const char c = names[end];
    if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '(' || c == '<'))
      ++depth;
    else if (!quoted && (c == ')' || c == '>'))
      --depth;
    else if (!quoted && depth == 0 && c == ',')
      break;
  }
  const std::string_view name = trim(names.substr(0, end));
  names.remove_prefix(std::min(end + 1, names.size()));
  return std::string(name);
}

std::string_view detail::class_name(std::string_view function) {
  // virtual std::string_view ns::Outer<int>::Inner::class_name() const
  const size_t method = function.rfind("::class_name(");
  if (method == std::string_view::npos)
    return "Module";
  std::string_view path = function.substr(0, method);
  size_t begin = path.size();
  int depth = 0;
  while (begin > 0) {
    const char c = path[begin - 1];
    if (c == '>' || c == ')')
      ++depth;
    else if (c == '<' || c == '(')
      --depth;
    else if (depth == 0 && (c == ':' || c == ' '))
      break;
    --begin;
  }
  return path.substr(begin);
}

detail::StampPaths::StampPaths(Module &module, const void *end) {
  PathStamper stamper(end);
  module.visit_fields(stamper);
}

} // namespace weft::nn
