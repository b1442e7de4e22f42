// SPDX-License-Identifier: Apache-2.0
// Module: what layers and nets have in common.
#pragma once

#include "weft/Core/Status.h"
#include "weft/NN/Fields.h"
#include "weft/NN/Parameter.h"
#include "weft/StateDict.h"

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace weft::nn {

struct LoadStateOptions {
  bool strict = true; // a missing or unexpected name is an error
  bool cast = false;  // floating-point values take the parameters' type
};

struct LoadResult {
  std::vector<std::string> missing;    // in the module alone
  std::vector<std::string> unexpected; // in the state alone
};

struct NamedModule;
struct NamedParameter;

/// The base of layers and nets: a value type whose fields are parameters and
/// other modules. Copies share the parameters' elements until one of them
/// replaces a parameter.
///
///   struct Net : nn::Module {
///     nn::Linear fc1{784, 64}, fc2{64, 10};
///     WEFT_FIELDS(fc1, fc2)
///
///     Tensor operator()(const Tensor &x) const { return fc2(relu(fc1(x))); }
///   };
///
///   Net net;
///   net.state_dict()          // fc1.weight, fc1.bias, fc2.weight, fc2.bias
///   net.load_state_dict(*load_safetensors("net.safetensors"))
///
/// A module that nobody changes may be called from many threads at once.
class Module {
public:
  Module() = default;
  Module(const Module &) = default;
  Module(Module &&) = default;
  Module &operator=(const Module &) = default;
  Module &operator=(Module &&) = default;
  virtual ~Module() = default;

  /// All parameters, those of children included, under dotted names in the
  /// order of the fields.
  StateDict state_dict() const;

  /// Replaces the parameters by the tensors of these names: all of them, or
  /// none if there is an error. The `num_batches_tracked` counters that
  /// PyTorch writes for batch norms are accepted and ignored.
  ///
  ///   StatusOr<LoadResult> r = net.load_state_dict(state, {.strict = false});
  ///   r->missing      // {"fc2.bias"}
  ///
  /// Errors, all offenders in one message: a shape or type that differs;
  /// missing and unexpected names, if strict; tensors that carry an error.
  StatusOr<LoadResult> load_state_dict(const StateDict &state,
                                       LoadStateOptions options = {});

  /// The modules among the fields (not their children), those in containers as
  /// `layers.0`.
  std::vector<NamedModule> named_children() const;
  /// The parameters among the fields.
  std::vector<NamedParameter> named_parameters() const;

  /// Casts all floating-point parameters, or moves all parameters.
  void to(DType dtype);
  void to(Device device);

  /// `BatchNorm`
  virtual std::string_view class_name() const { return "Module"; }
  /// Written by WEFT_FIELDS.
  virtual void visit_fields(FieldVisitor & /*visitor*/) {}
};

struct NamedModule {
  std::string name;
  const Module &module;
};
struct NamedParameter {
  std::string name;
  const Parameter &parameter;
};

/// The class, its parameters with shape and type, its children:
///
///   Linear(
///       weight: Parameter = (shape=[2, 2], dtype=float32),
///       bias: Parameter = (shape=[2], dtype=float32),
///   )
std::ostream &operator<<(std::ostream &os, const Module &module);
std::string to_string(const Module &module);

} // namespace weft::nn
