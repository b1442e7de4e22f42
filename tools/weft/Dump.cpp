// SPDX-License-Identifier: Apache-2.0
// weft dump: every stage of a compilation as text.
#include "Command.h"
#include "Examples.h"
#include "InputFile.h"

#include "weft/Compiler/Compiler.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace weft::tools {

static int run();
static Command command("dump", "Print the stages of a compilation", run);
static cl::opt<std::string>
    input(cl::Positional,
          cl::desc("FILE.mlir|batchnorm|conv-bn-relu|digits|first"),
          cl::sub(command));
static cl::opt<std::string>
    stage("stage", cl::value_desc("stage"),
          cl::desc("One of\n"
                   "  trace      as recorded or read, before any pass\n"
                   "  graph      in canonical form\n"
                   "  folded     batch norms folded, parameters prepared\n"
                   "  fused      one group a kernel (the default)\n"
                   "  plan       groups with their memory\n"
                   "  cuda       the kernels' CUDA text\n"
                   "  ptx        the kernels' PTX, by NVRTC\n"
                   "  resources  registers, spills, shared memory, by NVRTC\n"
                   "  llvm       the kernels' LLVM IR\n"
                   "  all        what the target has, without NVRTC"),
          cl::init("fused"), cl::sub(command));
static cl::opt<std::string>
    targetName("target", cl::value_desc("target"),
               cl::desc("cpu, cuda or cuda:sm_90a; default: what the stage "
                        "needs, else cpu"),
               cl::sub(command));
static cl::opt<std::string> folder("o", cl::value_desc("folder"),
                                   cl::desc("Write a file a stage or kernel"),
                                   cl::sub(command));
static cl::opt<std::string>
    graph("graph", cl::value_desc("format"),
          cl::desc("Print @main, fused, as a graph: dot, for Graphviz"),
          cl::sub(command));
static cl::opt<bool>
    explainFusion("explain-fusion",
                  cl::desc("Say for every pair that was not fused, why"),
                  cl::sub(command));

namespace {

constexpr StringLiteral kStages[] = {"trace", "graph", "folded", "fused",
                                     "plan",  "cuda",  "ptx",    "resources",
                                     "llvm",  "all"};

bool isFor(const char *target) {
  bool isCpu = StringRef(target) == "cpu";
  return isCpu ? stage == "llvm"
               : is_contained({"cuda", "ptx", "resources"}, stage);
}

/// What the stage is compiled for unless the user says.
std::string target() {
  if (!targetName.empty())
    return targetName;
  return isFor("cuda") ? "cuda" : "cpu";
}

/// Each of them says what is printed.
Status checkOneOutput() {
  SmallVector<StringRef> given;
  for (const cl::Option *option :
       {static_cast<cl::Option *>(&stage), static_cast<cl::Option *>(&graph),
        static_cast<cl::Option *>(&explainFusion)})
    if (option->getNumOccurrences() > 0)
      given.push_back(option->ArgStr);
  if (given.size() < 2)
    return {};
  return invalid_argument_error("dump: got --" + join(given, " and --") +
                                ", expected one of them");
}

Status checkOptions() {
  if (input.empty())
    return invalid_argument_error("dump: expected a file that ends in .mlir, " +
                                  exampleNames());
  if (Status status = checkOneOutput(); !status.ok())
    return status;
  if (!is_contained(kStages, stage))
    return invalid_argument_error(
        "--stage: got \"" + stage + "\", expected " +
        join(std::begin(kStages), std::end(kStages), ", "));
  if (graph.getNumOccurrences() > 0 && graph != "dot")
    return invalid_argument_error("--graph: got \"" + graph +
                                  "\", expected dot");
  bool isCuda = StringRef(target()).starts_with("cuda");
  if (isFor("cuda") && !isCuda)
    return invalid_argument_error("--stage=" + stage +
                                  ": needs --target=cuda...: got " + target());
  if (isFor("cpu") && isCuda)
    return invalid_argument_error("--stage=" + stage +
                                  ": needs --target=cpu: got " + target());
  return compiler::checkTarget(target());
}

StatusOr<compiler::Stages> explain() {
  bool stopsAtGroups = explainFusion || !graph.empty();
  compiler::ExplainOptions options{
      .target = target(),
      .kernels =
          !stopsAtGroups && (stage == "all" || isFor("cuda") || isFor("cpu")),
      .ptx = stage == "ptx",
      .resources = stage == "resources"};
  if (StringRef(input).ends_with(".mlir")) {
    StatusOr<std::string> text = readFile(input);
    if (!text.ok())
      return text.status();
    return compiler::explain(*text, input.getValue(), options);
  }
  StatusOr<std::vector<Tensor>> tensors = example(input);
  if (!tensors.ok())
    return tensors.status();
  std::vector<NodePtr> roots;
  for (const Tensor &tensor : *tensors)
    roots.push_back(tensor.node());
  return compiler::explain(roots, options);
}

/// The files that were asked for.
std::vector<compiler::StageFile> chosen(const compiler::Stages &stages) {
  if (explainFusion)
    return {{"", "not-fused.txt", join(stages.fusionReasons, "\n") + "\n"}};
  if (!graph.empty())
    return {{"", "fused.dot", stages.fusedDot}};
  std::vector<compiler::StageFile> files = compiler::filesOf(stages);
  if (stage != "all")
    llvm::erase_if(files, [](auto &file) { return file.stage != stage; });
  return files;
}

Status dump() {
  StatusOr<compiler::Stages> stages = explain();
  if (!stages.ok())
    return stages.status();
  std::vector<compiler::StageFile> files = chosen(*stages);
  if (!folder.empty())
    return compiler::writeFiles(files, folder);
  for (const compiler::StageFile &file : files) {
    if (files.size() > 1)
      print("// ---- " + file.name + " ----");
    print(file.text);
  }
  return {};
}

} // namespace

static int run() {
  if (Status status = checkOptions(); !status.ok())
    return misuse(status);
  return exitCode(dump());
}

} // namespace weft::tools
