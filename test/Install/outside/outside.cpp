// SPDX-License-Identifier: Apache-2.0
// A program that Weft shares a process with: it brings its own Abseil and its
// own LLVM, and both compilers work before, after and beside each other.
#include "weft/Functions.h"
#include "weft/NN/Fields.h"
#include "weft/NN/Linear.h"
#include "weft/Tensor.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

#include <iostream>
#include <string>
#include <thread>
#include <vector>

int tripled(int x); // compiled by the program's own LLVM

namespace {

bool expect(bool fact, const char *what) {
  if (!fact)
    std::cout << "outside: wrong: " << what << '\n';
  return fact;
}

struct Net : weft::nn::Module {
  weft::nn::Linear linear{2, 2};
  WEFT_FIELDS(linear)

  weft::Tensor operator()(const weft::Tensor &x) const {
    return weft::relu(linear(x));
  }
};

/// relu([1 2] W^T + b) + offset, with W = [[1, 0], [-1, -1]] and b = [0.5, 0].
bool usesWeft(double offset) {
  Net net;
  weft::StateDict state;
  state["linear.weight"] = weft::tensor({{1.0, 0.0}, {-1.0, -1.0}});
  state["linear.bias"] = weft::tensor({0.5, 0.0});
  auto loaded = net.load_state_dict(state);
  if (!expect(loaded.ok(), "loading"))
    return false;
  auto total = weft::sum(weft::tensor({{1, 2}, {3, 4}}), -1).to_vector<int>();
  if (!expect(total.ok() && *total == std::vector<int>{3, 7}, "a sum"))
    return false;
  weft::Tensor y = net(weft::tensor({{1.0, 2.0}})) + offset;
  auto values = y.to_vector<float>();
  if (!values.ok())
    std::cout << values.status() << '\n';
  float o = static_cast<float>(offset);
  return expect(values.ok() && *values == std::vector<float>{1.5f + o, o},
                "values") &&
         expect(!(weft::tensor({1, 2}) + weft::tensor({1, 2, 3})).status().ok(),
                "error");
}

} // namespace

int main() {
  absl::flat_hash_map<std::string, int> numbers;
  numbers[absl::StrCat("x", 1)] = tripled(14);
  bool ok = expect(numbers["x1"] == 42, "LLVM before Weft");
  ok = usesWeft(0) && ok;

  bool beside = true;
  std::thread other([&] {
    for (int i = 0; i != 5; ++i)
      beside = tripled(i) == 3 * i && beside;
  });
  for (int i = 1; i != 5; ++i)
    ok = usesWeft(i) && ok;
  other.join();
  ok = expect(beside, "LLVM beside Weft") && ok;

  numbers[absl::StrCat("x", 2)] = tripled(5);
  ok = expect(numbers["x2"] == 15, "LLVM after Weft") && ok;
  if (!ok)
    return 1;
  std::cout << "outside: all fine\n";
  return 0;
}
