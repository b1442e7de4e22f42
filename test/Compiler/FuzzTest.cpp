// SPDX-License-Identifier: Apache-2.0
// Damaged module texts: a message or a result, never a crash.
#include "weft/Compiler/Compiler.h"
#include "weft/Transforms/Passes.h"
#include "weft/Transforms/Pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace weft::compiler {
namespace {

namespace fs = std::filesystem;

/// The first function becomes the one that is compiled.
void addModule(std::string text, std::vector<std::string> &modules) {
  const std::string function = "func.func @";
  size_t at = text.find(function);
  if (at == std::string::npos)
    return;
  at += function.size();
  if (text.find("@main(") == std::string::npos)
    text.replace(at, text.find('(', at) - at, "main");
  modules.push_back(std::move(text));
}

/// What stands between `// -----` lines of the lit tests.
std::vector<std::string> modules() {
  std::vector<fs::path> paths;
  for (const char *folder : {"/test/IR", "/test/Transforms"})
    for (const auto &entry :
         fs::directory_iterator(std::string(WEFT_SOURCE_DIR) + folder))
      if (entry.path().extension() == ".mlir")
        paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> modules;
  for (const fs::path &path : paths) {
    std::ifstream file(path);
    std::string module;
    for (std::string line; std::getline(file, line);) {
      if (line.rfind("// -----", 0) == 0)
        addModule(std::exchange(module, {}), modules);
      else if (line.rfind("//", 0) != 0)
        module += line + "\n";
    }
    addModule(module, modules);
  }
  return modules;
}

class Mutator {
public:
  explicit Mutator(std::vector<std::string> seeds) : seeds_(std::move(seeds)) {}

  std::string next() {
    std::string text = pick(seeds_);
    for (size_t n = 1 + random_() % 2; n > 0; --n)
      change(text);
    return text;
  }

private:
  const std::string &pick(const std::vector<std::string> &from) {
    return from[random_() % from.size()];
  }

  void change(std::string &text) {
    if (text.empty())
      return;
    size_t at = random_() % text.size();
    size_t length = std::min<size_t>(1 + random_() % 12, text.size() - at);
    switch (random_() % 9) {
    case 0: // a byte
      text[at] = static_cast<char>(random_());
      break;
    case 1: // cut off
      text.resize(at);
      break;
    case 2: // left out
      text.erase(at, length);
      break;
    case 3: // from somewhere else
      text.replace(at, length, pick(seeds_), 0, length);
      break;
    case 4: // another number
      changeNumber(text, at);
      break;
    case 5: // the same everywhere: what fitted still fits
    case 6:
      changeEverywhere(text, at);
      break;
    default: // a word that means something
      text.replace(at, length % 4, pick(words_));
    }
  }

  void changeEverywhere(std::string &text, size_t at) {
    const char *const sets[] = {"0123456789", "abcdefghijklmnopqrstuvwxyz_"};
    const std::string set = sets[random_() % 2];
    const std::string &fresh = set[0] == '0' ? pick(numbers_) : pick(names_);
    // Where a word begins and ends.
    auto next = [&](size_t from) {
      while (from < text.size() && from > 0 &&
             set.find(text[from - 1]) != std::string::npos)
        ++from;
      size_t begin = std::min(text.find_first_of(set, from), text.size());
      size_t end = std::min(text.find_first_not_of(set, begin), text.size());
      return std::pair(begin, end);
    };
    auto [first, last] = next(at);
    const std::string old = text.substr(first, last - first);
    if (set[0] != '0' &&
        std::find(names_.begin(), names_.end(), old) == names_.end())
      return;
    for (auto [begin, end] = next(0); begin < text.size();) {
      if (text.compare(begin, end - begin, old) == 0) {
        text.replace(begin, end - begin, fresh);
        end = begin + fresh.size();
      }
      std::tie(begin, end) = next(end);
    }
  }

  void changeNumber(std::string &text, size_t at) {
    at = text.find_first_of("0123456789", at);
    if (at == std::string::npos)
      return;
    size_t end = text.find_first_not_of("0123456789", at);
    if (end == std::string::npos)
      end = text.size();
    text.replace(at, end - at, pick(numbers_));
  }

  std::mt19937 random_{1};
  std::vector<std::string> seeds_;
  const std::vector<std::string> numbers_ = {
      "0",  "1",    "2",     "3",          "4",
      "8",  "9",    "16",    "64",         "255",
      "-1", "1024", "65536", "4294967296", "9223372036854775807",
      "?",  "*",    "1.5e9", "0x7FC00000", "99999999999999999999"};
  const std::vector<std::string> names_ = {
      "f",   "si",     "bf",    "i",    "add",     "mul",  "exp",
      "sum", "max",    "sqrt",  "less", "relu",    "sub",  "div",
      "min", "argmax", "where", "cast", "softmax", "conv", "pow",
      "fma", "over",   "by",    "to",   "equal",   "neg"};
  const std::vector<std::string> words_ = {"tensor<2x3xf32>",
                                           "tensor<f32>",
                                           "tensor<0xf32>",
                                           "tensor<*xf32>",
                                           "tensor<?xf32>",
                                           "f32",
                                           "f16",
                                           "i1",
                                           "i4",
                                           "si8",
                                           "index",
                                           "complex<f32>",
                                           "vector<4xf32>",
                                           "array<i64: ",
                                           "dense<",
                                           "weft.add",
                                           "weft.matmul",
                                           "weft.reshape",
                                           "weft.broadcast",
                                           "weft.sum",
                                           "weft.group",
                                           "weft.yield",
                                           "func.func",
                                           "return",
                                           "{weft.parameter}",
                                           "@main",
                                           "%0",
                                           "%x",
                                           "->",
                                           "<",
                                           ">",
                                           "{",
                                           "}",
                                           "(",
                                           ")",
                                           "[",
                                           "]",
                                           ","};
};

/// WEFT_TEST_MUTATIONS asks for another number of texts.
int numMutations() {
  const char *wanted = std::getenv("WEFT_TEST_MUTATIONS");
  return wanted ? std::atoi(wanted) : 2000;
}

/// WEFT_TEST_KEEP names a file for the text at hand, which a crash leaves
/// behind.
void keep(const std::string &text) {
  if (const char *file = std::getenv("WEFT_TEST_KEEP"))
    std::ofstream(file) << text;
}

TEST(Fuzz, DamagedModulesAreErrorsOrCompile) {
  const int count = numMutations();
  std::vector<std::string> whole;
  for (const std::string &text : modules())
    if (explain(text, "whole.mlir", {.target = "cuda:sm_90a"}).ok())
      whole.push_back(text);
  EXPECT_GT(whole.size(), 50u);
  Mutator mutator(whole);
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    std::string text = mutator.next();
    keep(text);
    auto stages = explain(text, "damaged.mlir", {.target = "cuda:sm_90a"});
    if (stages.ok())
      stages = explain(text, "damaged.mlir", {.target = "cpu"});
    if (stages.ok())
      continue;
    ++refused;
    EXPECT_NE(stages.status().code(), StatusCode::internal)
        << stages.status() << "\n"
        << text;
  }
  EXPECT_GT(refused, count / 3);
  EXPECT_LT(refused, count);
}

TEST(Fuzz, AnyPassOnDamagedModules) {
  registerWeftPasses();
  registerPipelines();
  mlir::DialectRegistry registry;
  registry.insert<ir::WeftDialect, mlir::func::FuncDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler silence(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  Mutator mutator(modules());
  int parsed = 0;
  for (int i = 0; i < numMutations(); ++i) {
    std::string text = mutator.next();
    // MLIR's parser crashes at some damaged lists of indices.
    if (text.find("sparse<") != std::string::npos)
      continue;
    keep(text);
    mlir::OwningOpRef<mlir::ModuleOp> module =
        mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      continue;
    ++parsed;
    for (const char *pipeline :
         {"func.func(weft-fold-batch-norm)",
          "func.func(weft-fold-into-weights)", "func.func(weft-decompose)",
          "func.func(weft-sink-reshapes)", "func.func(weft-assign-layout)",
          "weft-hoist-parameters", "func.func(weft-fuse)",
          "func.func(weft-plan-memory)", "weft-pipeline"}) {
      keep(std::string("// ") + pipeline + "\n" + text);
      mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
      mlir::PassManager passes(&context);
      ASSERT_TRUE(succeeded(mlir::parsePassPipeline(pipeline, passes)));
      (void)passes.run(*copy);
    }
  }
  EXPECT_GT(parsed, numMutations() / 20);
}

} // namespace
} // namespace weft::compiler
