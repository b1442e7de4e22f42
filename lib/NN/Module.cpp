// SPDX-License-Identifier: Apache-2.0
// Everything that follows from a module's field list: its state, loading,
// moving and printing.
#include "weft/NN/Module.h"

#include "weft/Functions.h"

#include <functional>
#include <ostream>
#include <unordered_set>

namespace weft::nn {
namespace {

/// Walks the immediate fields. Reading a const module through this is safe from
/// many threads: nothing is changed.
class Walker final : public FieldVisitor {
public:
  using OnParameter = std::function<void(const std::string &, Parameter &)>;
  using OnModule = std::function<void(const std::string &, Module &)>;

  Walker(OnParameter on_parameter, OnModule on_module)
      : on_parameter_(std::move(on_parameter)),
        on_module_(std::move(on_module)) {}

  void parameter(const std::string &name, Parameter &parameter) override {
    on_parameter_(name, parameter);
  }
  void module(const std::string &name, Module &module) override {
    on_module_(name, module);
  }

private:
  OnParameter on_parameter_;
  OnModule on_module_;
};

void walk(Module &module, Walker::OnParameter on_parameter,
          Walker::OnModule on_module) {
  Walker walker(std::move(on_parameter), std::move(on_module));
  module.visit_fields(walker);
}

void walk(const Module &module, Walker::OnParameter on_parameter,
          Walker::OnModule on_module) {
  walk(const_cast<Module &>(module), std::move(on_parameter),
       std::move(on_module));
}

/// Every parameter below `module` with its dotted name.
void walk_all(Module &module, const std::string &prefix,
              const Walker::OnParameter &on_parameter) {
  walk(
      module,
      [&](const std::string &name, Parameter &parameter) {
        on_parameter(prefix + name, parameter);
      },
      [&](const std::string &name, Module &child) {
        walk_all(child, prefix + name + '.', on_parameter);
      });
}

struct Target {
  std::string name;
  Parameter *parameter;
};

std::vector<Target> targets(Module &module) {
  std::vector<Target> all;
  walk_all(module, "", [&](const std::string &name, Parameter &parameter) {
    all.push_back({name, &parameter});
  });
  return all;
}

/// The counters that PyTorch keeps beside the statistics of a batch norm.
bool is_batch_counter(std::string_view name,
                      const std::unordered_set<std::string> &expected) {
  constexpr std::string_view kCounter = "num_batches_tracked";
  if (!name.ends_with(kCounter))
    return false;
  name.remove_suffix(kCounter.size());
  return expected.contains(std::string(name) + "running_mean");
}

/// Collects everything wrong with a state, a line for each.
class Complaints {
public:
  void add(const std::string &line) { text_ += "\n  " + line; }
  void add_list(const char *what, const std::vector<std::string> &names) {
    if (names.empty())
      return;
    std::string line = what;
    for (size_t i = 0; i < names.size(); ++i)
      line += (i ? ", " : " ") + names[i];
    add(line);
  }
  bool empty() const { return text_.empty(); }
  Status status() const {
    return invalid_argument_error(
        "load_state_dict: the state does not fit the module:" + text_);
  }

private:
  std::string text_;
};

std::string describe(const Tensor &tensor) {
  return to_string(tensor.shape()) + " " + std::string(name(tensor.dtype()));
}

void print(const Module &module, const std::string &indent, std::string &out) {
  out += std::string(module.class_name()) + "(\n";
  const std::string inner = indent + "    ";
  walk(
      module,
      [&](const std::string &name, Parameter &parameter) {
        out += inner + name +
               ": Parameter = (shape=" + to_string(parameter.shape()) +
               ", dtype=" + std::string(weft::name(parameter.dtype())) + "),\n";
      },
      [&](const std::string &name, Module &child) {
        out += inner + name + ": Module = ";
        print(child, inner, out);
        out += ",\n";
      });
  out += indent + ")";
}

} // namespace

StateDict Module::state_dict() const {
  StateDict state;
  walk_all(const_cast<Module &>(*this), "",
           [&](const std::string &name, Parameter &parameter) {
             state[name] = parameter;
           });
  return state;
}

StatusOr<LoadResult> Module::load_state_dict(const StateDict &state,
                                             LoadStateOptions options) {
  LoadResult result;
  Complaints complaints;
  std::unordered_set<std::string> expected;
  std::vector<std::pair<Target, Tensor>> changes;
  for (const Target &target : targets(*this)) {
    expected.insert(target.name);
    const Tensor *found = state.find(target.name);
    if (!found) {
      result.missing.push_back(target.name);
      continue;
    }
    Tensor value = *found;
    const Parameter &old = *target.parameter;
    if (!value.ok()) {
      complaints.add(target.name + ": " +
                     std::string(value.status().message()));
      continue;
    }
    if (options.cast && is_floating(value.dtype()) && is_floating(old.dtype()))
      value = cast(value, old.dtype());
    if (old.ok() &&
        (value.shape() != old.shape() || value.dtype() != old.dtype())) {
      complaints.add(target.name + ": has " + describe(old) + ", got " +
                     describe(value));
      continue;
    }
    if (old.ok() && value.device() != old.device())
      value = copy(value, old.device());
    if (!value.ok())
      complaints.add(target.name + ": " +
                     std::string(value.status().message()));
    changes.emplace_back(target, value);
  }
  for (const auto &[name, tensor] : state)
    if (!expected.contains(name) && !is_batch_counter(name, expected))
      result.unexpected.push_back(name);
  if (options.strict) {
    complaints.add_list("missing:", result.missing);
    complaints.add_list("unexpected:", result.unexpected);
  }
  if (!complaints.empty())
    return complaints.status();

  for (auto &[target, value] : changes) {
    *target.parameter = Parameter(value);
    target.parameter->set_path(target.name);
  }
  return result;
}

std::vector<NamedModule> Module::named_children() const {
  std::vector<NamedModule> children;
  walk(
      *this, [](const std::string &, Parameter &) {},
      [&](const std::string &name, Module &child) {
        children.push_back({name, child});
      });
  return children;
}

std::vector<NamedParameter> Module::named_parameters() const {
  std::vector<NamedParameter> parameters;
  walk(
      *this,
      [&](const std::string &name, Parameter &parameter) {
        parameters.push_back({name, parameter});
      },
      [](const std::string &, Module &) {});
  return parameters;
}

void Module::to(DType dtype) {
  for (const Target &target : targets(*this))
    if (is_floating(target.parameter->dtype()) && is_floating(dtype))
      *target.parameter = target.parameter->to(dtype);
}

void Module::to(Device device) {
  for (const Target &target : targets(*this))
    *target.parameter = target.parameter->to(device);
}

std::string to_string(const Module &module) {
  std::string text;
  print(module, "", text);
  return text;
}

std::ostream &operator<<(std::ostream &os, const Module &module) {
  return os << to_string(module);
}

} // namespace weft::nn
