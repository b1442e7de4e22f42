// SPDX-License-Identifier: Apache-2.0
// Parameter: a tensor that belongs to a module.
#pragma once

#include "weft/Tensor.h"

#include <source_location>
#include <string>

namespace weft::nn {

/// A weight. It is used like any tensor; what depends on Parameters alone is
/// computed once for each set of them, not at every evaluation.
///
/// A parameter that nobody has loaded holds 0, 1, 2, ... in row-major order;
/// the first evaluation that needs it logs a warning that names it.
///
///   nn::Parameter weight({2, 2});      // [[0, 1], [2, 3]], not loaded
///   weight = ones({2, 2});             // loaded
///   weight = ones({3});                // error: parameter weight: shape
///                                      // differs: has [2, 2], got [3]
///   nn::Parameter alpha = tensor(1);   // loaded from the start
class Parameter : public Tensor {
public:
  Parameter() = default;
  /// Not loaded: holds 0, 1, 2, ...
  ///
  /// Errors: a shape that no tensor can have.
  explicit Parameter(
      const Shape &shape, DType dtype = float32,
      std::optional<Device> device = {},
      std::source_location location = std::source_location::current());
  Parameter(const Tensor &value);

  /// Replaces the value; shape and type must be the old ones. An error makes
  /// the parameter carry it.
  Parameter &operator=(const Tensor &value);

  /// A parameter that carries an error, as constructors of modules make them
  /// from arguments that make no sense.
  static Parameter
  failed(Status error,
         std::source_location location = std::source_location::current());

  bool is_loaded() const;

  /// Where the parameter is in its module, `layer3.0.conv2.weight`; empty
  /// outside a module.
  const std::string &path() const;
  void set_path(std::string path);

  /// The same values in another type or on another device. Stays unloaded if
  /// it is.
  Parameter to(DType dtype) const;
  Parameter to(Device device) const;
};

} // namespace weft::nn
