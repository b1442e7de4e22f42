// SPDX-License-Identifier: Apache-2.0
// MLIR text that a test runs in the interpreter.
#pragma once

#include "weft/IR/Dialect.h"
#include "weft/Target/Reference/Interpreter.h"

#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft::reference {

class Program {
public:
  /// The text of a module; it must parse and verify.
  explicit Program(llvm::StringRef text) {
    context_.loadDialect<ir::WeftDialect, mlir::func::FuncDialect>();
    module_ = mlir::parseSourceString<mlir::ModuleOp>(text, &context_);
  }

  mlir::ModuleOp module() { return module_.get(); }
  mlir::func::FuncOp main() {
    return module_->lookupSymbol<mlir::func::FuncOp>(ir::kMainName);
  }

  /// The only result of `@main`.
  Value operator()(std::vector<Value> arguments, const Options &options = {}) {
    if (!module_) {
      ADD_FAILURE() << "the text does not parse";
      return {};
    }
    auto results = interpret(main(), arguments, options);
    if (!results.ok() || results->size() != 1) {
      ADD_FAILURE() << results.status();
      return {};
    }
    return results->front();
  }

private:
  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
};

/// The result of one op: `body` computes %y from arguments %0, %1, ... whose
/// types `signature` lists before `->`, as in `tensor<2xf32> -> tensor<2xf32>`.
inline Value evaluate(const std::string &body, const std::string &signature,
                      std::vector<Value> arguments,
                      const Options &options = {}) {
  size_t arrow = signature.find("->");
  std::string types = signature.substr(0, arrow),
              result = signature.substr(arrow + 2), parameters;
  int number = 0, depth = 0;
  bool starts = true;
  for (char c : types) {
    if (starts && c != ' ') {
      parameters += "%a" + std::to_string(number++) + ": ";
      starts = false;
    }
    depth += (c == '<' || c == '[') - (c == '>' || c == ']');
    starts |= c == ',' && depth == 0;
    parameters += c;
  }
  return Program("func.func @main(" + parameters + ") -> " + result +
                 " {\n  %y = " + body + "\n  return %y : " + result +
                 "\n}\n")(std::move(arguments), options);
}

inline Value reals(DType dtype, const Shape &shape,
                   std::vector<double> elements) {
  return {dtype, shape, std::move(elements), {}};
}
inline Value f32(const Shape &shape, std::vector<double> elements) {
  return reals(DType::float32, shape, std::move(elements));
}
inline Value ints(DType dtype, const Shape &shape,
                  std::vector<int64_t> elements) {
  return {dtype, shape, {}, std::move(elements)};
}
inline Value i32(const Shape &shape, std::vector<int64_t> elements) {
  return ints(DType::int32, shape, std::move(elements));
}
inline Value i1(const Shape &shape, std::vector<int64_t> elements) {
  return ints(DType::boolean, shape, std::move(elements));
}

} // namespace weft::reference
