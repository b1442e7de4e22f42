// SPDX-License-Identifier: Apache-2.0
// A compiled program as bytes, for the disk cache.
#include "Codegen.h"

#include <cstring>

namespace weft::compiler {
namespace {

void appendBytes(std::string &out, std::string_view bytes) {
  uint64_t size = bytes.size();
  out.append(reinterpret_cast<const char *>(&size), sizeof(size));
  out.append(bytes);
}

bool takeBytes(std::string_view &in, std::string_view &bytes) {
  uint64_t size;
  if (in.size() < sizeof(size))
    return false;
  std::memcpy(&size, in.data(), sizeof(size));
  in.remove_prefix(sizeof(size));
  if (in.size() < size)
    return false;
  bytes = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

std::string_view bytesOf(const std::vector<int32_t> &numbers) {
  return {reinterpret_cast<const char *>(numbers.data()),
          numbers.size() * sizeof(int32_t)};
}

bool numbersOf(std::string_view bytes, std::vector<int32_t> &numbers) {
  if (bytes.size() % sizeof(int32_t) != 0)
    return false;
  numbers.resize(bytes.size() / sizeof(int32_t));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return true;
}

} // namespace

std::string serialize(const CompiledProgram &program) {
  std::string out;
  appendBytes(out, runtime::serialize(program.main));
  appendBytes(out, runtime::serialize(program.prepare));
  appendBytes(out, bytesOf(program.mainInputs));
  appendBytes(out, bytesOf(program.prepareInputs));
  return out;
}

bool deserialize(std::string_view bytes, CompiledProgram &program) {
  std::string_view main, prepare, mainInputs, prepareInputs;
  return takeBytes(bytes, main) && takeBytes(bytes, prepare) &&
         takeBytes(bytes, mainInputs) && takeBytes(bytes, prepareInputs) &&
         bytes.empty() && runtime::deserialize(main, program.main) &&
         runtime::deserialize(prepare, program.prepare) &&
         numbersOf(mainInputs, program.mainInputs) &&
         numbersOf(prepareInputs, program.prepareInputs) &&
         program.mainInputs.size() == program.main.inputs.size() &&
         program.prepareInputs.size() == program.prepare.inputs.size();
}

} // namespace weft::compiler
