// SPDX-License-Identifier: Apache-2.0
// The process-wide knobs: threads, memory, caches, devices and messages. None
// of them has to be touched; each has a default that suits most programs.
//
// Weft handles no signals, starts no thread before the first use, and may be
// left by `exit()` at any moment. A child of `fork()` may go on using Weft on
// the CPU if no other thread was inside Weft at that moment.
#pragma once

#include "weft/Core/Device.h"
#include "weft/Core/Status.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

/// Sets how many threads a CPU kernel may use, the caller's included. 1 runs
/// everything on the caller's thread and starts none; 0 restores the default,
/// the number of cores this process may use (or the environment variable
/// WEFT_NUM_THREADS). Threads start at first use and sleep when idle.
///
/// Errors: `set_num_threads: must not be negative: got -2`.
///
///   set_num_threads(1);
///   num_threads()         // 1
Status set_num_threads(int count);
int num_threads();

/// Sets the folder that keeps compiled kernels between processes, an absolute
/// path; `nullopt` keeps none. The default is the environment variable
/// WEFT_CACHE_DIR (a relative path there is a warning, and none is kept), else
/// `$XDG_CACHE_HOME/weft`, else `$HOME/.cache/weft`, else none. The folder is
/// made at once when it is given here, else at first use.
///
/// Errors: `set_cache_dir: not an absolute path: got "x"`; a folder that is
/// none, or that others may write to, since its contents are executed.
///
///   set_cache_dir("/var/cache/app/weft");
///   set_cache_dir(std::nullopt);
Status set_cache_dir(std::optional<std::string> folder);
/// The folder in use, made or not; nothing if there is none.
std::optional<std::string> cache_dir();

/// How kernels for a GPU are cut into pieces. Today this is a choice for
/// products and convolutions of 16-bit floats, which run on tensor cores, and
/// for pooling and depthwise convolutions; others have one form.
enum class Tuning : uint8_t {
  /// As a model of the device says: the same kernels, and the same bits, in
  /// every run. Nothing is measured.
  off,
  /// The best few of the model are timed on the device, for 2 s a graph at
  /// most, the largest kernels first.
  fast,
  /// All are timed.
  full,
};

std::string_view name(Tuning tuning);

/// Sets how graphs are tuned that are compiled from now on; `CompileOptions`
/// may say otherwise for one. The default is the environment variable
/// WEFT_TUNING=off|fast|full, else `off`. Kernels that were timed need not be
/// again: the winner is kept with the compiled kernels, in memory and in the
/// folder of `set_cache_dir`, for this GPU and this build of Weft. Which tile
/// wins may differ from machine to machine, and with it the order in which
/// products are summed: the last bits of results.
///
///   set_tuning(Tuning::fast);
///   tuning()              // Tuning::fast
void set_tuning(Tuning tuning);
Tuning tuning();

/// What `matmul`, `linear` and `conv` of float32 compute with. Their inputs and
/// results are float32 either way; other types and other ops have one way.
enum class Float32Precision : uint8_t {
  /// Float32 throughout.
  ieee,
  /// Tensor cores: what is multiplied is rounded to TF32 first, 10 bits of
  /// mantissa and the range of float32, which is an error of up to 2^-11, or
  /// 0.05 %, of each operand. Products are exact then, and added as float32.
  /// Elements that TF32 holds, such as integers up to 2048, lose nothing.
  tf32,
};

std::string_view name(Float32Precision precision);

/// Sets what graphs that are compiled from now on multiply float32 with;
/// `CompileOptions` may say otherwise for one. The default is the environment
/// variable WEFT_FLOAT32_PRECISION=ieee|tf32, else `ieee`. The CPU and GPUs
/// before sm_80 compute as `ieee` says whatever is set, and so do GPUs where no
/// kernel for tensor cores fits a product. PyTorch has the same setting as
/// `torch.backends.cuda.matmul.fp32_precision`.
///
///   set_float32_precision(Float32Precision::tf32);
///   matmul(a, b).eval();       // to some 3 digits
///   float32_precision()        // Float32Precision::tf32
void set_float32_precision(Float32Precision precision);
Float32Precision float32_precision();

/// Whether evaluations may compile.
enum class Compilation : uint8_t { allow, forbid };

std::string_view name(Compilation compilation);

/// Sets whether evaluating a graph that was not compiled before compiles it, or
/// is an error: for programs that shall not be held up once they serve. Graphs
/// found in memory run as before; so do those found in the folder of
/// `set_cache_dir`, since loading is not compiling. `compile()` compiles all
/// the same: it is asked to.
///
/// Error of an evaluation: `eval: relu of float32 [64]: not compiled before,
/// and compiling is forbidden (net.cpp:12)`.
///
///   net(example).eval();              // compiles
///   set_compilation(Compilation::forbid);
///   net(image).eval();                // ok: the same graph
///   relu(net(image)).eval();          // failed_precondition
void set_compilation(Compilation compilation);
Compilation compilation();

enum class LogLevel : uint8_t { debug, info, warning };

std::string_view name(LogLevel level);

/// Receives what Weft has to say: one line, without level and line end. May be
/// called from any thread, from several at once; must not call Weft.
using LogCallback = std::function<void(LogLevel, std::string_view)>;

/// Replaces where messages go; an empty callback restores standard error.
/// Warnings are passed on by default; the environment variable
/// WEFT_LOG=info|debug asks for more.
///
///   set_log_callback([](weft::LogLevel, std::string_view line) {
///     my_log(line);
///   });
void set_log_callback(LogCallback callback);

/// Bytes a device's pool holds.
struct MemoryStats {
  int64_t live = 0;   // handed out
  int64_t peak = 0;   // the largest `live` so far, or since it was reset
  int64_t pooled = 0; // given back and kept for the next request
  int64_t limit = 0;  // on live + pooled; 0: none
};
MemoryStats memory_stats(Device device);

/// Lets `peak` begin anew at what is live now.
///
///   reset_memory_peak(device);
///   executable.run({x});
///   memory_stats(device).peak   // what the run and all beside it needed
void reset_memory_peak(Device device);

/// Limits what the pool takes from the device; 0 lifts the limit. A request
/// beyond it frees pooled memory first and then fails with
/// `out of memory on cpu:0: asked for 4096 bytes, 1024 in use, limit 2048`.
///
/// Errors: `set_memory_limit: must not be negative: got -1`; the errors of
/// `is_usable`.
Status set_memory_limit(Device device, int64_t bytes);

/// Gives all pooled memory of all devices back to the system; on GPUs this
/// waits for work that still uses it.
void trim();

/// Where tensors are made and graphs run unless told otherwise: what
/// `set_default_device` said, else the environment variable WEFT_DEVICE, else
/// `gpu:0` where a GPU can be used, else `cpu:0`. The first call writes one
/// info line: the device, the libraries found, and why it is not the GPU. If
/// WEFT_DEVICE names a device that cannot be used, the error is a warning
/// here, and evaluating anything on that device returns it.
Device default_device();

/// Errors: those of `is_usable`; the default then stays what it was.
///
///   set_default_device(Device::cpu());
Status set_default_device(Device device);

/// Whether kernels can be compiled for and run on `device`; if not, which of
/// the driver, NVRTC and the device failed and where it was looked for.
///
///   is_usable(Device::cpu())    // ok
///   is_usable(Device::gpu(7))   // not_found: gpu:7: no such device: the
///                               // driver reports 1
Status is_usable(Device device);

/// Waits for all work enqueued on `device` by Weft. Reports errors of kernels
/// that have run since the last wait.
Status synchronize(Device device);

} // namespace weft
