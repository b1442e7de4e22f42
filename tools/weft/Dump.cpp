// SPDX-License-Identifier: Apache-2.0
// weft dump: every stage of a compilation as text.
#include "Commands.h"

#include "weft/Compiler/Compiler.h"

#include <cstdio>
#include <fstream>
#include <sstream>

namespace weft::tools {
namespace {

StatusOr<std::string> readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return not_found_error(path + ": cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What the stage is compiled for unless the user says.
std::string defaultTarget(const std::string &stage) {
  return stage == "cuda" ? "cuda" : "cpu";
}

void print(const std::string &text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!text.empty() && text.back() != '\n')
    std::fputc('\n', stdout);
}

void printLines(const std::vector<std::string> &lines) {
  for (const std::string &line : lines)
    print(line);
}

/// With a heading where several stages follow each other.
void printStage(const std::string &name, const std::string &text,
                bool headings) {
  if (headings)
    print("// ---- " + name + " ----");
  print(text);
}

StatusOr<compiler::Stages>
explainInput(const std::string &input,
             const compiler::ExplainOptions &options) {
  if (input.ends_with(".mlir")) {
    StatusOr<std::string> text = readFile(input);
    if (!text.ok())
      return text.status();
    return compiler::explain(*text, input, options);
  }
  StatusOr<std::vector<Tensor>> tensors = example(input);
  if (!tensors.ok())
    return tensors.status();
  std::vector<NodePtr> roots;
  for (const Tensor &tensor : *tensors)
    roots.push_back(tensor.node());
  return compiler::explain(roots, options);
}

} // namespace

Status dump(const std::string &input, const DumpOptions &options) {
  const std::string &stage = options.stage;
  bool all = stage == "all",
       kernels = all || stage == "cuda" || stage == "llvm";
  if (!kernels && stage != "graph" && stage != "folded" && stage != "fused" &&
      stage != "plan")
    return invalid_argument_error(
        "--stage: got \"" + stage +
        "\", expected graph, folded, fused, plan, cuda, llvm or all");
  std::string target =
      options.target.empty() ? defaultTarget(stage) : options.target;
  if (stage == "cuda" && !target.starts_with("cuda"))
    return invalid_argument_error("--stage=cuda: needs --target=cuda...: got " +
                                  target);
  if (stage == "llvm" && target != "cpu")
    return invalid_argument_error("--stage=llvm: needs --target=cpu: got " +
                                  target);
  StatusOr<compiler::Stages> stages = explainInput(
      input, {.target = target, .kernels = kernels && !options.explainFusion});
  if (!stages.ok())
    return stages.status();
  if (options.explainFusion) {
    printLines(stages->fusionReasons);
    return {};
  }
  for (auto [name, text] : {std::pair{"graph", &stages->graph},
                            {"folded", &stages->folded},
                            {"fused", &stages->fused},
                            {"plan", &stages->plan}})
    if (all || stage == name)
      printStage(name, *text, all);
  for (const std::string &kernel : stages->kernels)
    printStage("kernel", kernel, all);
  return {};
}

} // namespace weft::tools
