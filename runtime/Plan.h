// SPDX-License-Identifier: Apache-2.0
// A plan: everything needed to run a compiled graph, and nothing of how it was
// compiled. Plans are values that can be written to disk and read back.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Device.h"
#include "weft/Core/Shape.h"
#include "weft/Core/TensorMap.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weft::runtime {

/// A tensor that enters or leaves a plan.
struct TensorSpec {
  DType dtype = DType::float32;
  Shape shape;
  int64_t bytes = 0; // of the memory it needs; more than dense for strided ones
  int64_t partBytes = 0; // from a part of the batch to the next; 0: not split
};

/// Memory a kernel works on.
struct BufferRef {
  enum class Kind : uint8_t {
    input,    // index into the inputs
    prepared, // index into the outputs of the prepare plan
    output,   // index into the outputs
    arena,    // offset in bytes into the arena
    constant, // offset in bytes into the constants
  };
  Kind kind = Kind::input;
  int64_t index = 0; // or offset
  friend bool operator==(const BufferRef &, const BufferRef &) = default;
};

/// An argument of a kernel: a buffer, or scalar `scalar` of the call.
struct Argument {
  bool isScalar = false;
  BufferRef buffer;
  int32_t scalar = 0; // index into the plan's scalars
  DType scalarType = DType::float32;
};

/// A compiled kernel. CPU: `void name(void *const *args, int64_t begin,
/// int64_t end)` in an ELF object without undefined symbols; args[i] points to
/// the buffer or to the scalar. CUDA: a cubin; buffers are pointers, scalars
/// values. Equal kernels of a graph are one Kernel.
struct Kernel {
  std::string name;
  std::string code;
  std::string source; // CUDA text or empty: for dumps and error messages
};

/// Work that oneDNN does better than a kernel.
struct Primitive {
  enum class Kind : uint8_t {
    conv,   // arguments: x, w, bias if any, y
    matmul, // the same
    pack, // the weights of that conv, in the form in which it reads them: w, y
  };
  struct Operand {
    std::vector<int64_t> sizes, strides; // in elements
    int64_t offset = 0;                  // of the first one
    friend bool operator==(const Operand &, const Operand &) = default;
  };
  Kind kind = Kind::conv;
  DType dtype = DType::float32; // of all operands: float32 or bfloat16
  /// conv: [N, C, ...], [O, C, ...] or [groups, O / groups, C / groups, ...],
  /// [N, O, ...]. matmul: [..., m, k], [..., k, n], [..., m, n]. The bias has
  /// an element for each of O, or n.
  Operand x, w, y;
  std::vector<int64_t> stride, dilation, before, after; // of a conv
  bool hasBias = false;
  bool isPacked = false; // w is what a `pack` has made
  int32_t threads = 1;   // the packed form is for so many

  size_t numArguments() const;
};

/// One launch of a kernel, or of a primitive. GPU: grid, block, dynamic shared
/// memory. CPU: `extent` pieces of work that threads share, at least `grain` to
/// a thread.
struct Launch {
  int32_t kernel = 0;
  int32_t primitive = -1; // index, or -1: a kernel
  std::vector<Argument> arguments;
  std::vector<TensorMap> tensorMaps; // parameters behind the arguments
  uint32_t grid[3] = {1, 1, 1};
  uint32_t block[3] = {1, 1, 1};
  uint32_t sharedBytes = 0;
  bool startsEarly = false; // waits itself for the launch before it
  int64_t extent = 1;
  int64_t grain = 1;
};

/// A copy of a whole buffer (a result that is an input or another result).
struct Copy {
  BufferRef from, to;
  int64_t bytes = 0;
};

/// Launches in order. All of them run once for each of `parts` of a batch, in
/// memory of their own, on inputs and outputs that begin `partBytes` further.
/// `steps[i] >= 0` is launch i, `-1 - i` is copy i.
struct Plan {
  Device::Kind device = Device::Kind::cpu;
  int32_t parts = 1; // more than one on the CPU alone
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> prepared;
  std::vector<TensorSpec> outputs;
  std::vector<DType> scalars; // how each scalar of the call is passed
  std::vector<Kernel> kernels;
  std::vector<Primitive> primitives;
  /// oneDnnKey() if the library was asked for any, or found missing; the plan
  /// serves no other.
  std::string library;
  std::vector<Launch> launches;
  std::vector<Copy> copies;
  std::vector<int32_t> steps;
  std::string constants;
  int64_t arenaBytes = 0; // of one part
  int64_t liveBytes = 0; // sum of all intermediate values, had none been reused
};

/// Bytes of `plan` between `ref` and the end of what it points into, or of the
/// part of it.
int64_t bytesBehind(const BufferRef &ref, const Plan &plan);

/// The bytes of a plan, and back. Reading checks every index against its
/// bounds: a damaged file gives nothing.
std::string serialize(const Plan &plan);
bool deserialize(std::string_view bytes, Plan &plan);

} // namespace weft::runtime
