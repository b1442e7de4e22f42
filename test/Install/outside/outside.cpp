// SPDX-License-Identifier: Apache-2.0
// A program that Weft shares a process with: it brings its own Abseil and its
// own LLVM, and calls both before and after Weft.
#include "weft/Core/Device.h"
#include "weft/Core/Shape.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

#include <iostream>
#include <string>

int tripled(int x); // compiled by the program's own LLVM

namespace {

bool expect(bool fact, const char *what) {
  if (!fact)
    std::cout << "outside: wrong: " << what << '\n';
  return fact;
}

bool usesWeft() {
  weft::StatusOr<weft::Device> device = weft::Device::parse("tpu");
  return expect(to_string(weft::Shape{2, 3}) == "[2, 3]", "shape") &&
         expect(!device.ok() && device.status().code() ==
                                    weft::StatusCode::invalid_argument,
                "error");
}

} // namespace

int main() {
  absl::flat_hash_map<std::string, int> numbers;
  numbers[absl::StrCat("x", 1)] = tripled(14);
  bool ok = expect(numbers["x1"] == 42, "LLVM before Weft");
  ok = usesWeft() && ok;
  numbers[absl::StrCat("x", 2)] = tripled(5);
  ok = expect(numbers["x2"] == 15, "LLVM after Weft") && ok;
  if (!ok)
    return 1;
  std::cout << "outside: all fine\n";
  return 0;
}
