// SPDX-License-Identifier: Apache-2.0
#include "Network.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

using namespace weft;

namespace network {

using Clock = std::chrono::steady_clock;

/// Since the program started, but for what the system does before `main`.
static const Clock::time_point start = Clock::now();

static double millisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin)
      .count();
}

/// Sets what `name` stands for; says what is wrong with it otherwise. `given`
/// is null behind the last argument.
static Status set(Arguments &arguments, std::string_view name,
                  const char *given) {
  constexpr std::string_view kNames[] = {"--weights", "--input", "--output",
                                         "--batch", "--dtype"};
  if (std::ranges::find(kNames, name) == std::end(kNames))
    return invalid_argument_error("got " + std::string(name) +
                                  ", which is no option");
  if (!given)
    return invalid_argument_error(std::string(name) + ": needs a value");
  const std::string_view value = given;
  if (name == "--weights") {
    arguments.weights = value;
  } else if (name == "--input") {
    arguments.input = value;
  } else if (name == "--output") {
    arguments.output = value;
  } else if (name == "--batch") {
    auto [end, error] = std::from_chars(
        value.data(), value.data() + value.size(), arguments.batch);
    if (error != std::errc() || end != value.data() + value.size() ||
        arguments.batch < 1)
      return invalid_argument_error("--batch: got \"" + std::string(value) +
                                    "\", expected a number above 0");
  } else {
    std::optional<DType> dtype = dtype_from_name(value);
    if (dtype != float32 && dtype != float16 && dtype != bfloat16)
      return invalid_argument_error(
          "--dtype: got \"" + std::string(value) +
          "\", expected float32, float16 or bfloat16");
    arguments.dtype = *dtype;
  }
  return {};
}

std::string usage(const char *program) {
  return "usage: " + std::filesystem::path(program).filename().string() +
         " [--weights FILE.safetensors] [--input FILE.npy] [--output FILE.npy]"
         " [--batch N] [--dtype float32|float16|bfloat16]";
}

StatusOr<Arguments> parse(int argc, char **argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--help") {
      arguments.help = true;
      return arguments;
    }
    // argv[argc] is null.
    if (Status status = set(arguments, name, argv[i + 1]); !status.ok())
      return invalid_argument_error(std::string(status.message()) + "\n" +
                                    usage(*argv));
  }
  return arguments;
}

/// Number `i` of a sequence that `seed` chooses, evenly spread over [-1, 1).
/// Any of them can be computed on its own, so that loops over them vectorise.
static float spread(uint64_t seed, uint64_t i) {
  uint64_t x = (seed << 40) + i * 0x9e3779b97f4a7c15; // splitmix64
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return static_cast<float>(static_cast<int32_t>(x >> 32)) * 0x1p-31f;
}

StatusOr<Tensor> random(const Shape &shape, unsigned seed, double mean,
                        double deviation) {
  const auto center = static_cast<float>(mean);
  const auto reach = static_cast<float>(std::sqrt(3.0) * deviation);
  const auto count = static_cast<size_t>(shape.num_elements());
  const std::unique_ptr<float[]> elements(new (std::nothrow) float[count]);
  if (!elements)
    return resource_exhausted_error("no memory for random elements " +
                                    to_string(shape));
  for (size_t i = 0; i < count; ++i)
    elements[i] = center + reach * spread(seed, i);
  return Tensor::from_host<float>({elements.get(), count}, shape);
}

/// The elements of one parameter. Weights of products keep the variance of what
/// they are applied to, relu taken into account (K. He et al., Delving Deep
/// into Rectifiers, 2015).
static StatusOr<Tensor> randomParameter(std::string_view name,
                                        const Shape &shape, unsigned seed) {
  if (name.ends_with("running_var"))
    return random(shape, seed, 1, 0.1);
  if (shape.rank() == 1 && name.ends_with("weight"))
    return random(shape, seed, 1, 0.1);
  if (shape.rank() == 1)
    return random(shape, seed, 0, 0.1);
  const int64_t inputs = shape.num_elements() / shape[0];
  return random(shape, seed, 0, std::sqrt(2.0 / static_cast<double>(inputs)));
}

Status randomize(nn::Module &net, unsigned seed) {
  StateDict state;
  for (const auto &[name, tensor] : net.state_dict()) {
    StatusOr<Tensor> parameter = randomParameter(name, tensor.shape(), seed++);
    if (!parameter.ok())
      return parameter.status();
    state[name] = *parameter;
  }
  return net.load_state_dict(state, {.cast = true}).status();
}

Status load(nn::Module &net, const Arguments &arguments) {
  net.to(arguments.dtype);
  if (!arguments.weights)
    return randomize(net, 1);
  StatusOr<StateDict> state = load_safetensors(*arguments.weights);
  if (!state.ok())
    return state.status();
  return net.load_state_dict(*state, {.cast = true}).status();
}

StatusOr<Tensor> input(const Arguments &arguments, const Shape &shape) {
  StatusOr<Tensor> x =
      arguments.input ? load_npy(*arguments.input) : random(shape, 0);
  if (!x.ok())
    return x;
  if (x->shape() != shape)
    return invalid_argument_error(*arguments.input + ": shape differs: has " +
                                  to_string(x->shape()) + ", expected " +
                                  to_string(shape));
  x = cast(*x, arguments.dtype);
  if (Status status = x->eval(); !status.ok())
    return status;
  return x;
}

Status run(const Executable &executable, const Tensor &input,
           const Arguments &arguments) {
  auto once = [&]() -> StatusOr<Tensor> {
    StatusOr<std::vector<Tensor>> results = executable.run({input});
    if (!results.ok())
      return results.status();
    if (Status status = synchronize(executable.device()); !status.ok())
      return status;
    return results->front();
  };
  StatusOr<Tensor> result = once();
  if (!result.ok())
    return result.status();
  const double first = millisecondsSince(start);
  if (arguments.output) {
    Tensor output = cast(*result, float32);
    if (Status status = save_npy(*arguments.output, output); !status.ok())
      return status;
  }
  std::vector<double> times;
  for (int i = 0; i < 20; ++i) {
    const Clock::time_point begin = Clock::now();
    if (StatusOr<Tensor> again = once(); !again.ok())
      return again.status();
    times.push_back(millisecondsSince(begin));
  }
  std::nth_element(times.begin(), times.begin() + 10, times.end());
  std::cout << to_string(input.shape()) << " -> " << to_string(result->shape())
            << ' ' << name(arguments.dtype) << " on " << executable.device()
            << ": first result " << first << " ms after the start, then "
            << times[10] << " ms a run\n";
  return {};
}

int exit_code(const Status &status) {
  if (status.ok())
    return EXIT_SUCCESS;
  std::cerr << status << '\n';
  return EXIT_FAILURE;
}

} // namespace network
