// SPDX-License-Identifier: Apache-2.0
#include "Module.h"

#include "weft/Core/ShapeRules.h"
#include "weft/IR/Dialect.h"

#include "mlir/Parser/Parser.h"

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {

static bool isStaticTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() &&
         isWeftElementType(tensor.getElementType());
}

/// Names are printed in lines of text.
static LogicalResult checkName(func::FuncOp main, StringAttr name) {
  auto isControl = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (!name || llvm::none_of(name.getValue(), isControl))
    return success();
  return main.emitError("@main: ")
         << kNameAttr << ": must be one line of text: got " << name;
}

static LogicalResult checkArgument(func::FuncOp main, unsigned i) {
  Type type = main.getArgument(i).getType();
  if (!isStaticTensor(type) && !isWeftElementType(type))
    return main.emitError("@main: an argument is neither a tensor of static "
                          "shape nor a number: ")
           << type;
  for (StringRef mark : {kPreparedAttr, kPartAttr})
    if (main.getArgAttr(i, mark))
      return main.emitError("@main: argument ")
             << i << " is marked " << mark << ", which only compilation does";
  return checkName(main, main.getArgAttrOfType<StringAttr>(i, kNameAttr));
}

/// A stage that was printed has numbers of arguments: those that compilation
/// would give them again.
static LogicalResult checkNumbers(func::FuncOp main) {
  int64_t numTensors = 0, numScalars = 0;
  for (BlockArgument argument : main.getArguments()) {
    bool isTensor = isa<RankedTensorType>(argument.getType());
    int64_t expected = isTensor ? numTensors++ : numScalars++;
    StringRef name = isTensor ? kInputAttr : kScalarAttr;
    unsigned i = argument.getArgNumber();
    auto number = main.getArgAttrOfType<IntegerAttr>(i, name);
    if (number && number.getInt() != expected)
      return main.emitError("@main: argument ")
             << i << ": " << name << " must count the "
             << (isTensor ? "tensors" : "numbers") << " before it: got "
             << number.getInt() << ", expected " << expected;
  }
  return success();
}

static LogicalResult checkResult(func::FuncOp main, unsigned i) {
  Type type = main.getResultTypes()[i];
  if (!isStaticTensor(type))
    return main.emitError("@main: a result is no tensor of static shape: ")
           << type;
  return checkName(main, main.getResultAttrOfType<StringAttr>(i, kNameAttr));
}

static LogicalResult checkBody(func::FuncOp main) {
  if (Attribute bytes = main->getAttr(kArenaAttr))
    return main.emitError("@main: ")
           << kArenaAttr << " = " << bytes << ": only compilation plans memory";
  if (Attribute parts = main->getAttr(kPartsAttr))
    return main.emitError("@main: ") << kPartsAttr << " = " << parts
                                     << ": only compilation splits batches";
  if (!main.getBody().hasOneBlock())
    return main.emitError("@main: expected one block");
  for (Operation &op : main.getBody().front().without_terminator())
    if (!isa_and_nonnull<WeftDialect>(op.getDialect()) || isa<GroupOp>(op))
      return op.emitError("expected ops of the weft dialect that have not been "
                          "fused");
  return success();
}

/// That counts of elements and bytes can be formed without overflow.
static LogicalResult checkSizes(ModuleOp module) {
  auto check = [](Operation *op, Type type) -> LogicalResult {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !tensor.hasStaticShape())
      return success();
    if (tensor.getRank() > Shape::kMaxRank)
      return op->emitError("too many dims: got ")
             << tensor.getRank() << ", limit " << Shape::kMaxRank;
    std::string name = op->getName().getStringRef().str();
    Status status = shape_rules::valid(name, toShape(tensor));
    return status.ok() ? success()
                       : op->emitError(std::string(status.message()));
  };
  WalkResult result = module.walk([&](Operation *op) {
    SmallVector<Type> types(op->getResultTypes());
    for (Region &region : op->getRegions())
      for (Block &block : region)
        llvm::append_range(types, block.getArgumentTypes());
    for (Type type : types)
      if (failed(check(op, type)))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Reports the first thing about the module that no kernels can be made from.
static LogicalResult check(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>(kMainName);
  if (!main || main.isExternal())
    return module.emitError("no function @main with a body");
  for (Operation &op : *module.getBody())
    if (&op != main)
      return op.emitError("beside @main: expected one function");
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (failed(checkArgument(main, i)))
      return failure();
  if (failed(checkNumbers(main)))
    return failure();
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (failed(checkResult(main, i)))
      return failure();
  if (failed(checkBody(main)))
    return failure();
  return checkSizes(module);
}

/// The text behind white space and comments, as MLIR's lexer has them.
static StringRef behindSpace(StringRef text) {
  for (;;) {
    text = text.ltrim(StringRef(" \t\r\n\0", 5));
    if (!text.starts_with("//"))
      return text;
    text = text.drop_while([](char c) { return c != '\n' && c != '\r'; });
  }
}

/// The text behind a string, without what opens it.
static StringRef behindString(StringRef text) {
  while (!text.empty() && text.front() != '"' && text.front() != '\n')
    text = text.substr(text.front() == '\\' ? 2 : 1);
  return text.substr(1);
}

/// Where `sparse<` first stands outside of strings and comments; npos if it
/// does not.
static size_t findSparse(StringRef whole) {
  auto isInWord = [](char c) {
    return llvm::isAlnum(c) || c == '_' || c == '$' || c == '.';
  };
  for (StringRef text = behindSpace(whole); !text.empty();
       text = behindSpace(text)) {
    if (text.consume_front("\"")) {
      text = behindString(text);
      continue;
    }
    const bool beginsWord = llvm::isAlpha(text.front()) || text.front() == '_';
    StringRef word = beginsWord ? text.take_while(isInWord) : text.take_front();
    text = text.substr(word.size());
    if (word == "sparse" && behindSpace(text).starts_with("<"))
      return static_cast<size_t>(word.data() - whole.data());
  }
  return StringRef::npos;
}

/// The parser of MLIR 19 reports damaged indices or values of a sparse constant
/// and then crashes at them; no op of Weft takes a whole one either.
static Status refuseSparse(StringRef text, std::string_view name) {
  const size_t at = findSparse(text);
  if (at == StringRef::npos)
    return {};
  StringRef before = text.take_front(at);
  const size_t column = at - (before.rfind('\n') + 1); // npos + 1 is 0
  return invalid_argument_error(
      std::string(name) + ":" + std::to_string(before.count('\n') + 1) + ":" +
      std::to_string(column + 1) +
      ": a constant is sparse: got sparse<, expected dense<");
}

namespace {

/// Collects what is reported while it lives, each with its place.
class Errors : public ScopedDiagnosticHandler {
public:
  Errors(MLIRContext *context, std::string_view name)
      : ScopedDiagnosticHandler(context), name_(name) {
    setHandler([this](Diagnostic &diagnostic) { add(diagnostic); });
  }

  Status status() const { return invalid_argument_error(text_); }

private:
  void add(Diagnostic &diagnostic) {
    llvm::raw_string_ostream os(text_);
    os << (text_.empty() ? "" : "; ");
    if (auto at = dyn_cast<FileLineColLoc>(diagnostic.getLocation());
        at && at.getLine() > 0)
      os << at.getFilename().getValue() << ":" << at.getLine() << ":"
         << at.getColumn();
    else
      os << name_;
    os << ": " << diagnostic;
  }

  std::string text_;
  std::string_view name_;
};

} // namespace

StatusOr<OwningOpRef<ModuleOp>>
readModule(std::string_view text, std::string_view name, MLIRContext *context) {
  if (Status status = refuseSparse(text, name); !status.ok())
    return status;
  Errors errors(context, name);
  auto module = parseSourceString<ModuleOp>(text, ParserConfig(context), name);
  if (!module)
    return errors.status();
  return module;
}

StatusOr<OwningOpRef<ModuleOp>> parseModule(std::string_view text,
                                            std::string_view name,
                                            MLIRContext *context) {
  auto module = readModule(text, name, context);
  if (!module.ok())
    return module;
  Errors errors(context, name);
  if (failed(check(**module)))
    return errors.status();
  return module;
}

} // namespace weft::compiler
