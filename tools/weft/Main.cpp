// SPDX-License-Identifier: Apache-2.0
// The command-line tool: what a compilation does, and what this machine has.
#include "Commands.h"

#include "llvm/Support/CommandLine.h"

#include <cstdio>

using namespace llvm;

static cl::SubCommand
    dumpCommand("dump", "Print the stages of a compilation: FILE.mlir, or an "
                        "example: batchnorm, conv-bn-relu, digits, first");
static cl::SubCommand infoCommand("info",
                                  "Print devices, libraries and the cache");

static cl::opt<std::string> input(cl::Positional, cl::Required,
                                  cl::desc("FILE.mlir|EXAMPLE"),
                                  cl::sub(dumpCommand));
static cl::opt<std::string>
    stage("stage",
          cl::desc("graph, folded, fused, plan, cuda, llvm or all (default: "
                   "fused)"),
          cl::init("fused"), cl::sub(dumpCommand));
static cl::opt<std::string>
    target("target",
           cl::desc("cpu, cuda or cuda:sm_90a; default: what the stage needs"),
           cl::sub(dumpCommand));
static cl::opt<bool>
    explainFusion("explain-fusion",
                  cl::desc("Say for every pair that was not fused, why"),
                  cl::sub(dumpCommand));

/// One line on standard error; the exit code of a tool that failed.
static int report(const weft::Status &status) {
  if (status.ok())
    return 0;
  std::fprintf(stderr, "weft: %s\n", std::string(status.message()).c_str());
  return 1;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv,
                              "Weft, lazy tensors and a compiler\n");
  if (dumpCommand)
    return report(weft::tools::dump(
        input,
        {.stage = stage, .target = target, .explainFusion = explainFusion}));
  if (infoCommand)
    return report(weft::tools::info());
  cl::PrintHelpMessage();
  return 2;
}
