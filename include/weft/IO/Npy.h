// SPDX-License-Identifier: Apache-2.0
// Reading and writing .npy files: one array, as NumPy stores it.
#pragma once

#include "weft/Core/Status.h"
#include "weft/IO/Safetensors.h"
#include "weft/Tensor.h"

#include <string>

namespace weft {

/// The array of a file: f8 f4 f2 i8 i4 i1 u1 b1, versions 1 to 3 of the format,
/// both orders of the elements.
///
///   numpy.save("x.npy", numpy.arange(6).reshape(2, 3))   # in Python
///   load_npy("x.npy")->shape()                           // [2, 3]
///
/// Like `load_safetensors` it maps the file where it can, and takes the same
/// options.
///
/// Errors: not_found or permission_denied if the file cannot be opened;
/// data_loss if it is no .npy file or is damaged; unimplemented for types that
/// Weft does not have, structured arrays and big-endian ones; what copying to
/// the device reports (`load_npy: x.npy: gpu: no driver: ...`).
StatusOr<Tensor> load_npy(const std::string &path, LoadOptions options = {});

/// Writes a tensor, after evaluating it. A file of that name is replaced at
/// once, as by `save_safetensors`.
///
///   Status s = save_npy("x.npy", x);
///
/// Errors: the tensor's own; bfloat16, float8 and int4, which NumPy does not
/// have (`save_npy: x.npy: NumPy has no such type: got bfloat16, cast first,
/// to float32`); a file that cannot be written.
Status save_npy(const std::string &path, const Tensor &tensor);

} // namespace weft
