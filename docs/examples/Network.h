// SPDX-License-Identifier: Apache-2.0
// What the programs of the example networks have in common: their arguments,
// weights and inputs from files or seeded, and what they report.
#pragma once

#include "weft/Weft.h"

#include <iostream>
#include <optional>
#include <string>

namespace network {

/// --weights FILE.safetensors  --input FILE.npy  --output FILE.npy
/// --batch N  --dtype float32|float16|bfloat16
struct Arguments {
  std::optional<std::string> weights, input, output;
  int64_t batch = 1;
  weft::DType dtype = weft::float32;
  bool help = false; // --help
};
/// Errors: an argument that is none of these, or has no value; with the usage.
weft::StatusOr<Arguments> parse(int argc, char **argv);
/// `usage: mlp [--weights FILE.safetensors] ...`
std::string usage(const char *program);

/// Evenly distributed elements; equal seeds give equal elements. Errors: more
/// of them than there is memory for.
weft::StatusOr<weft::Tensor> random(const weft::Shape &shape, unsigned seed,
                                    double mean = 0, double deviation = 1);
/// Fills every parameter so that values keep their size from layer to layer.
weft::Status randomize(weft::nn::Module &net, unsigned seed);

/// Weights from the file, or random ones; then in the type asked for.
weft::Status load(weft::nn::Module &net, const Arguments &arguments);
/// The input file, which must have this shape, or a random input; in the type
/// asked for.
weft::StatusOr<weft::Tensor> input(const Arguments &arguments,
                                   const weft::Shape &shape);
/// Runs once, writes the output file if one is asked for, then says how long
/// the first run and later ones took.
weft::Status run(const weft::Executable &executable, const weft::Tensor &input,
                 const Arguments &arguments);

/// All of it: `sizes` are those of an input without the batch.
template <typename Net>
weft::Status program(Net net, const weft::Shape &sizes, int argc, char **argv) {
  weft::StatusOr<Arguments> arguments = parse(argc, argv);
  if (!arguments.ok())
    return arguments.status();
  if (arguments->help)
    return std::cout << usage(*argv) << '\n', weft::Status();
  if (weft::Status status = load(net, *arguments); !status.ok())
    return status;
  weft::Shape shape = {arguments->batch};
  for (int64_t size : sizes)
    shape.push_back(size);
  weft::StatusOr<weft::Executable> executable =
      weft::compile(net, {{arguments->dtype, shape}});
  if (!executable.ok())
    return executable.status();
  weft::StatusOr<weft::Tensor> x = input(*arguments, shape);
  if (!x.ok())
    return x.status();
  return run(*executable, *x, *arguments);
}

/// The exit code of a program that ended with `status`.
int exit_code(const weft::Status &status);

} // namespace network
