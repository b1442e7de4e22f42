// SPDX-License-Identifier: Apache-2.0
// Reading and writing safetensors files: named tensors, as PyTorch's and most
// other checkpoints hold them.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Device.h"
#include "weft/Core/Status.h"
#include "weft/StateDict.h"

#include <optional>
#include <string>

namespace weft {

struct LoadOptions {
  /// Floating-point tensors become this floating-point type, each element
  /// rounded once; all others keep theirs.
  std::optional<DType> dtype = {};
  /// Where the tensors go; the default device unless given.
  std::optional<Device> device = {};
};

/// The tensors of a file, in the order of its header.
///
///   StatusOr<StateDict> state = load_safetensors("net.safetensors");
///   if (!state.ok())
///     return state.status();
///   net.load_state_dict(*state);
///
///   load_safetensors("net.safetensors", {.dtype = float16})   // halves
///
/// Nothing is read yet on the CPU: the tensors are the mapped file itself, so
/// the file must not be changed while they live. Replacing it by another file
/// of that name, as `save_safetensors` does, is fine. Tensors that are cast,
/// or that do not lie at a multiple of their element's size, are copied.
///
/// Every type of Weft's can be loaded: F64 F32 F16 BF16 F8_E4M3 I64 I32 I8 U8
/// BOOL; int4 is I8 with `"weft.dtype.<name>": "int4"` in the metadata.
///
/// Errors: not_found or permission_denied if the file cannot be opened;
/// data_loss if it is no safetensors file or is damaged, where the message says
/// which tensor and how (`load_safetensors: net.safetensors: tensors overlap:
/// "a" at 0 to 8 and "b" at 4 to 12`); unimplemented for a tensor of a type
/// that Weft does not have (`... tensor "step" has "U16", expected one of F64
/// ...`); invalid_argument if `dtype` is no floating-point type; what copying
/// to the device reports (`load_safetensors: net.safetensors: gpu: no driver:
/// ...`).
StatusOr<StateDict> load_safetensors(const std::string &path,
                                     LoadOptions options = {});

/// Writes tensors, in their order, after evaluating them together. A file of
/// that name is replaced at once: whoever reads it meanwhile, or after a crash,
/// finds the old or the new one.
///
///   Status s = save_safetensors("net.safetensors", net.state_dict());
///
/// Errors: a tensor's own error; a name that is not UTF-8 or is
/// `__metadata__`; a file that cannot be written (no such folder, no
/// permission, no space).
Status save_safetensors(const std::string &path, const StateDict &state);

} // namespace weft
