// SPDX-License-Identifier: Apache-2.0
// Sequential: modules and functions one after the other.
#pragma once

#include "weft/NN/Module.h"

#include <concepts>
#include <memory>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::nn {

/// A tensor in, a tensor out: a module, a function such as `relu`, a lambda.
template <typename T>
concept Step =
    std::is_invocable_r_v<Tensor, const std::decay_t<T> &, const Tensor &> ||
    std::is_invocable_r_v<Tensor, const std::decay_t<T> &, const Tensor &,
                          std::source_location>;

/// Calls its steps in order. All of them are numbered, functions included, as
/// in PyTorch: parameters are called `0.weight`, `2.weight`.
///
///   Sequential net(Linear(4, 8), relu, Linear(8, 2));
///   net(x)                  // Linear, relu, Linear
///   net.state_dict()        // 0.weight, 0.bias, 2.weight, 2.bias
///
///   Sequential blocks;      // steps only known at run time
///   for (int i = 0; i < depth; ++i)
///     blocks.append(Block(64));
class Sequential : public Module {
public:
  Sequential() = default;
  template <Step... Steps>
    requires(sizeof...(Steps) > 0 &&
             !(std::same_as<std::decay_t<Steps>, Sequential> && ...))
  explicit Sequential(Steps &&...steps) {
    (append(std::forward<Steps>(steps)), ...);
  }
  Sequential(const Sequential &other);
  Sequential(Sequential &&) = default;
  Sequential &operator=(Sequential other) {
    steps_.swap(other.steps_);
    return *this;
  }

  /// Adds a step under its number, or under a name.
  template <Step S> Sequential &append(S &&step) {
    return append(std::to_string(steps_.size()), std::forward<S>(step));
  }
  template <Step S> Sequential &append(std::string name, S &&step) {
    using Concrete = Callable<std::decay_t<S>>;
    steps_.push_back(
        {std::move(name), std::make_unique<Concrete>(std::forward<S>(step))});
    stamp_paths();
    return *this;
  }

  Tensor operator()(const Tensor &x, std::source_location location =
                                         std::source_location::current()) const;

  size_t size() const { return steps_.size(); }
  /// The module at a position; null for a function and beyond the end.
  const Module *module(size_t index) const;
  Module *module(size_t index);

  std::string_view class_name() const override { return "Sequential"; }
  void visit_fields(FieldVisitor &visitor) override;

private:
  struct AnyStep {
    virtual ~AnyStep() = default;
    virtual std::unique_ptr<AnyStep> clone() const = 0;
    virtual Tensor call(const Tensor &x, std::source_location) const = 0;
    virtual Module *module() = 0;
  };
  template <typename T> struct Callable final : AnyStep {
    explicit Callable(T callee) : step(std::move(callee)) {}
    std::unique_ptr<AnyStep> clone() const override {
      return std::make_unique<Callable>(step);
    }
    Tensor call(const Tensor &x, std::source_location location) const override {
      if constexpr (std::is_invocable_v<const T &, const Tensor &,
                                        std::source_location>)
        return step(x, location);
      else
        return step(x);
    }
    Module *module() override {
      if constexpr (std::derived_from<T, Module>)
        return &step;
      else
        return nullptr;
    }
    T step;
  };
  struct NamedStep {
    std::string name;
    std::unique_ptr<AnyStep> step;
  };

  void stamp_paths();

  std::vector<NamedStep> steps_;
};

} // namespace weft::nn
