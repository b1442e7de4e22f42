// SPDX-License-Identifier: Apache-2.0
// weft dump: every stage of a compilation as text.
#include "Command.h"
#include "Examples.h"

#include "weft/Compiler/Compiler.h"

#include <fstream>
#include <sstream>

using namespace llvm;

namespace weft::tools {

static int run();
static Command command("dump", "Print the stages of a compilation", run);
static cl::opt<std::string> input(cl::Positional, cl::Required,
                                  cl::desc("FILE.mlir|EXAMPLE"),
                                  cl::sub(command));
static cl::opt<std::string>
    stage("stage",
          cl::desc("graph, folded, fused, plan, cuda, llvm or all (default: "
                   "fused)"),
          cl::init("fused"), cl::sub(command));
static cl::opt<std::string> targetName(
    "target",
    cl::desc("cpu, cuda or cuda:sm_90a; default: what the stage needs"),
    cl::sub(command));
static cl::opt<bool>
    explainFusion("explain-fusion",
                  cl::desc("Say for every pair that was not fused, why"),
                  cl::sub(command));

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

bool wants(std::initializer_list<StringRef> stages) {
  return is_contained(stages, stage);
}

Status checkOptions(const std::string &target) {
  if (!wants({"graph", "folded", "fused", "plan", "cuda", "llvm", "all"}))
    return invalid_argument_error(
        "--stage: got \"" + stage +
        "\", expected graph, folded, fused, plan, cuda, llvm or all");
  if (stage == "cuda" && !StringRef(target).starts_with("cuda"))
    return invalid_argument_error("--stage=cuda: needs --target=cuda...: got " +
                                  target);
  if (stage == "llvm" && target != "cpu")
    return invalid_argument_error("--stage=llvm: needs --target=cpu: got " +
                                  target);
  return {};
}

Status dump(const std::string &target) {
  bool all = stage == "all", kernels = wants({"all", "cuda", "llvm"});
  StatusOr<compiler::Stages> stages = explainInput(
      input, {.target = target, .kernels = kernels && !explainFusion});
  if (!stages.ok())
    return stages.status();
  if (explainFusion) {
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

} // namespace

static int run() {
  std::string target = targetName.empty() ? defaultTarget(stage) : targetName;
  if (Status status = checkOptions(target); !status.ok())
    return misuse(status);
  return exitCode(dump(target));
}

} // namespace weft::tools
