// SPDX-License-Identifier: Apache-2.0
// Turns the rows of Ops.td into everything that follows from them.
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/TableGen/Error.h"
#include "llvm/TableGen/Main.h"
#include "llvm/TableGen/Record.h"

using namespace llvm;

namespace {

enum class Generator {
  opKinds,
  functionDecls,
  functionDefs,
  rows,
  cuda,
  scalars,
  oracle
};

cl::opt<Generator> generator(
    cl::desc("What to generate:"),
    cl::values(
        clEnumValN(Generator::opKinds, "gen-op-kinds",
                   "WEFT_OP(mnemonic) for every op that the tracer records"),
        clEnumValN(Generator::functionDecls, "gen-function-decls",
                   "declarations of the C++ functions"),
        clEnumValN(Generator::functionDefs, "gen-function-defs",
                   "definitions of the C++ functions"),
        clEnumValN(Generator::rows, "gen-rows",
                   "WEFT_ROW(...): the columns that C++ code needs"),
        clEnumValN(Generator::cuda, "gen-cuda",
                   "device functions of rows that are no primitives"),
        clEnumValN(Generator::scalars, "gen-scalars",
                   "the rows' bodies as calls of ScalarBuilder"),
        clEnumValN(Generator::oracle, "gen-oracle",
                   "the rows' independent formulas")));

StringRef mnemonicOf(const Record *op) {
  return op->getValueAsString("opName");
}

/// Rows in the order of the file, which is the order of their definition.
std::vector<Record *> inFileOrder(RecordKeeper &records, StringRef className) {
  std::vector<Record *> defs = records.getAllDerivedDefinitions(className);
  llvm::sort(defs,
             [](Record *a, Record *b) { return a->getID() < b->getID(); });
  return defs;
}

bool isPrimitive(const Record *row) {
  return row->getValueAsDag("body")->getOperatorAsDef({})->getName() ==
         "primitive";
}

StringRef primitiveName(const DagInit *dag) {
  StringRef name = dag->getOperatorAsDef({})->getName();
  name.consume_front("P_");
  return name;
}

/// The body as nested calls: `prefix` goes before each function name and
/// `constant` before each number.
std::string printBody(const Record *row, const DagInit *dag, StringRef prefix,
                      StringRef constant) {
  if (primitiveName(dag) == "constant")
    return (constant + "(" + cast<StringInit>(dag->getArg(0))->getValue() + ")")
        .str();
  std::string text = (prefix + primitiveName(dag) + "(").str();
  for (unsigned i = 0; i < dag->getNumArgs(); ++i) {
    if (i)
      text += ", ";
    if (auto *inner = dyn_cast<DagInit>(dag->getArg(i)))
      text += printBody(row, inner, prefix, constant);
    else if (!dag->getArgNameStr(i).empty())
      text += dag->getArgNameStr(i).str();
    else
      PrintFatalError(row->getLoc(), "argument is neither $name nor dag");
  }
  return text + ")";
}

/// "x, y" with `prefix` before each.
std::string parameters(const Record *row, StringRef prefix) {
  static const char *names[] = {"x", "y", "z"};
  std::string text;
  for (int64_t i = 0; i < row->getValueAsInt("arity"); ++i)
    text += ((i ? ", " : "") + prefix + names[i]).str();
  return text;
}

/// Functions whose names C++ uses for operators too.
StringRef operatorOf(StringRef mnemonic) {
  return StringSwitch<StringRef>(mnemonic)
      .Case("add", "+")
      .Case("sub", "-")
      .Case("mul", "*")
      .Case("div", "/")
      .Case("mod", "%")
      .Case("less", "<")
      .Case("less_equal", "<=")
      .Case("greater", ">")
      .Case("greater_equal", ">=")
      .Case("equal", "==")
      .Case("not_equal", "!=")
      .Case("logical_and", "&")
      .Case("logical_or", "|")
      .Default("");
}

void emitFunctionDecl(const Record *row, raw_ostream &os) {
  StringRef mnemonic = mnemonicOf(row);
  bool binary = row->getValueAsInt("arity") == 2;
  os << "/// Element by element: " << row->getValueAsString("summary") << ".\n"
     << "///\n///   x        "
     << row->getValueAsDef("types")->getValueAsString("description") << "\n";
  if (binary)
    os << "///   y        the type of x, or a number\n"
       << "///   result   "
       << (row->getValueAsBit("predicate") ? "bool" : "the type of x")
       << "; shapes broadcast\n";
  else
    os << "///   result   the shape and type of x\n";
  if (!operatorOf(mnemonic).empty())
    os << "///\n/// Also written `x " << operatorOf(mnemonic) << " y`.\n";
  if (binary)
    os << "Tensor " << mnemonic << "(const Arg &x, const Arg &y);\n\n";
  else
    os << "Tensor " << mnemonic
       << "(const Tensor &x, std::source_location location = "
          "std::source_location::current());\n\n";
}

void emitFunctionDef(const Record *row, raw_ostream &os) {
  StringRef mnemonic = mnemonicOf(row);
  if (row->getValueAsInt("arity") == 2)
    os << "Tensor " << mnemonic << "(const Arg &x, const Arg &y) {\n"
       << "  return record_binary(OpKind::" << mnemonic << ", x, y);\n}\n";
  else
    os << "Tensor " << mnemonic
       << "(const Tensor &x, std::source_location location) {\n"
       << "  return record_unary(OpKind::" << mnemonic
       << ", x, location);\n}\n";
}

void emitRow(const Record *row, raw_ostream &os) {
  StringRef types = row->getValueAsDef("types")->getName();
  StringRef opClass = row->getName();
  os << "WEFT_ROW(" << mnemonicOf(row) << ", " << opClass << ", "
     << row->getValueAsInt("arity") << ", "
     << (row->getValueAsBit("predicate") ? "true" : "false") << ", " << types
     << ", " << row->getValueAsInt("cpu_ulp") << ", "
     << row->getValueAsInt("cuda_ulp") << ", "
     << row->getValueAsInt("cuda_percent") << ", "
     << row->getValueAsString("low") << ", " << row->getValueAsString("high")
     << ")\n";
}

/// Device functions are templates over the computing type: f32 for all floats
/// up to 32 bits, the type itself for the others.
void emitCuda(const Record *row, raw_ostream &os) {
  if (isPrimitive(row))
    return;
  StringRef mnemonic = mnemonicOf(row);
  os << "WEFT_CUDA(" << mnemonic
     << ", R\"cuda(template <class T> WEFT_DEVICE T " << mnemonic << "("
     << parameters(row, "T ") << ") {\n  return "
     << printBody(row, row->getValueAsDag("body"), "", "T")
     << ";\n}\n)cuda\")\n";
}

void emitScalar(const Record *row, raw_ostream &os) {
  StringRef mnemonic = mnemonicOf(row);
  os << "case OpKind::" << mnemonic << ":\n  return ";
  if (isPrimitive(row))
    os << "s." << mnemonic << "(" << parameters(row, "") << ");\n";
  else
    os << printBody(row, row->getValueAsDag("body"), "s.", "s.constant")
       << ";\n";
}

/// `template <class T> auto <mnemonic>(T x, T y)` for T = double and int64_t.
void emitOracle(const Record *row, raw_ostream &os) {
  os << "template <class T> auto " << mnemonicOf(row) << "("
     << parameters(row, "T ") << ") { return "
     << row->getValueAsString("oracle") << "; }\n";
}

bool generate(raw_ostream &os, RecordKeeper &records) {
  os << "// Generated by weft-tblgen; the source is "
        "include/weft/IR/*.td.\n";
  if (generator == Generator::opKinds) {
    for (StringRef className : {"Row", "Structured"})
      for (const Record *op : inFileOrder(records, className))
        os << "WEFT_OP(" << mnemonicOf(op) << ")\n";
    return false;
  }
  for (const Record *row : inFileOrder(records, "Row")) {
    switch (generator) {
    case Generator::functionDecls:
      emitFunctionDecl(row, os);
      break;
    case Generator::functionDefs:
      emitFunctionDef(row, os);
      break;
    case Generator::rows:
      emitRow(row, os);
      break;
    case Generator::cuda:
      emitCuda(row, os);
      break;
    case Generator::scalars:
      emitScalar(row, os);
      break;
    case Generator::oracle:
      emitOracle(row, os);
      break;
    case Generator::opKinds:
      break;
    }
  }
  return false;
}

} // namespace

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "Weft's table generator\n");
  return TableGenMain(argv[0], &generate);
}
