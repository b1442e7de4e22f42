// SPDX-License-Identifier: Apache-2.0
// What the digits example shows: images as text, and what Weft did.
#pragma once

#include "weft/Weft.h"

#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

/// The folder of weights and images: where this was built, or WEFT_DIGITS_DIR.
inline std::string data(const std::string &file) {
  const char *folder = std::getenv("WEFT_DIGITS_DIR");
  return std::string(folder ? folder : WEFT_DIGITS) + "/" + file;
}

class Stopwatch {
public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - start_)
        .count();
  }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

inline int fail(const weft::Status &status) {
  std::cerr << status << '\n';
  return EXIT_FAILURE;
}

/// Prints what may be asked: an answer, or a refusal of what was asked.
inline int usage(bool is_answer) {
  (is_answer ? std::cout : std::cerr)
      << "usage: digits [--explain]\n"
         "Classifies 450 handwritten digits; --explain prints the graph at "
         "every stage and a kernel.\n";
  return is_answer ? EXIT_SUCCESS : EXIT_FAILURE;
}

/// The first `count` images side by side, each above the digit that was read.
inline void show_images(const weft::Tensor &images, const weft::Tensor &digits,
                        size_t count) {
  const auto pixels = images.to_vector<float>();
  const auto read = digits.to_vector<int32_t>();
  if (!pixels.ok() || !read.ok())
    return;
  const std::string shades = " .:-=+*#%@";
  for (size_t row = 0; row < 8; ++row) {
    for (size_t image = 0; image < count; ++image) {
      for (size_t column = 0; column < 8; ++column) {
        const float value = (*pixels)[(image * 8 + row) * 8 + column];
        std::cout << std::string(2, shades[static_cast<size_t>(value * 9)]);
      }
      std::cout << "  ";
    }
    std::cout << '\n';
  }
  for (size_t image = 0; image < count; ++image)
    std::cout << "       " << (*read)[image] << "          ";
  std::cout << "\n\n";
}

/// One line for each batch norm: what became of its scale.
inline void show_folding(const std::vector<std::string> &notes) {
  auto has = [&](const std::string &text) {
    for (const std::string &note : notes)
      if (note.find(text) != std::string::npos)
        return true;
    return false;
  };
  for (const std::string &note : notes) {
    const size_t is = note.find(" is a scale");
    const bool goes_on =
        is != std::string::npos && has(note.substr(0, is) + ": scale folded");
    if (!goes_on && note.find(": shift folded") == std::string::npos)
      std::cout << "  " << note << '\n';
  }
}

/// Which way the first result came, what for, and how long later ones take.
inline void report(double first_ms,
                   const std::function<weft::Tensor()> &evaluate) {
  const weft::Statistics done = weft::statistics();
  std::cout << "first result after " << first_ms << " ms on "
            << weft::default_device() << ", "
            << (done.graphs_compiled
                    ? std::to_string(done.kernels_compiled) +
                          " kernels compiled (cold)"
                    : std::string("kernels loaded from the cache (warm)"))
            << '\n';

  // The first time without accuracy is another graph: compiled or loaded too.
  if (!evaluate().to_vector<float>().ok())
    return;
  constexpr int kTimes = 10;
  Stopwatch stopwatch;
  for (int i = 0; i < kTimes; ++i)
    if (!evaluate().to_vector<float>().ok())
      return;
  std::cout << "each evaluation after that "
            << stopwatch.milliseconds() / kTimes << " ms\n";

  const auto explanation = weft::explain({evaluate()});
  if (!explanation.ok())
    return;
  std::cout << explanation->recorded_ops << " recorded ops became "
            << explanation->launches << " kernel launches\n";
  show_folding(explanation->notes);
}

/// The graph before folding, after folding, after fusion, and one kernel.
inline void explain_stages(const weft::Tensor &tensor) {
  const auto stages = weft::explain({tensor});
  if (!stages.ok()) {
    std::cerr << stages.status() << '\n';
    return;
  }
  std::cout << "\n---- as recorded\n"
            << stages->graph
            << "\n---- batch norms folded, parameters hoisted\n"
            << stages->folded << "\n---- fused: a kernel for each group\n"
            << stages->fused;
  if (!stages->kernels.empty())
    std::cout << "\n---- the first kernel\n" << stages->kernels.front();
}
