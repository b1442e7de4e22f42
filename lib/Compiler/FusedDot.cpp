// SPDX-License-Identifier: Apache-2.0
// The groups of @main as a picture for Graphviz: a box around the ops of each
// kernel, an edge for each tensor. What an op reads of parameters and numbers
// stands in its node: drawn as edges, weights would hide the flow of the data.
#include "Codegen.h"

#include "weft/IR/Dialect.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace weft::ir;

namespace weft::compiler {
namespace {

/// `450x16x8x8xf32`, as MLIR writes it inside `tensor<>`.
std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  type.print(os);
  if (StringRef inner = text; inner.consume_front("tensor<"))
    return inner.drop_back().str();
  return text;
}

std::string escape(StringRef text) {
  std::string escaped;
  for (char c : text) {
    if (c == '"' || c == '\\')
      escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string join(ArrayRef<int64_t> numbers, StringRef separator) {
  return llvm::join(
      llvm::map_range(numbers, [](int64_t n) { return std::to_string(n); }),
      separator);
}

/// What an op does beside its name: `3x3`, `stride 2x2`, `over 2, 3`.
std::string detailOf(Operation *op) {
  std::string detail;
  auto add = [&](const std::string &text) {
    detail += (detail.empty() ? "" : ", ") + text;
  };
  if (auto conv = dyn_cast<ConvOp>(op))
    add(join(conv.getKernel(), "x"));
  for (NamedAttribute attribute : op->getAttrs()) {
    StringRef name = attribute.getName();
    if (auto list = dyn_cast<DenseI64ArrayAttr>(attribute.getValue())) {
      ArrayRef<int64_t> values = list.asArrayRef();
      bool isPlain =
          name == "padding" || ((name == "stride" || name == "dilation") &&
                                llvm::all_equal(values) && values.front() == 1);
      if (name == "kernel")
        add(join(values, "x"));
      else if (name == "permutation")
        add(join(values, ", "));
      else if (name == "axes")
        add("over " + join(values, ", "));
      else if (!isPlain)
        add(name.str() + " " + join(values, name == "stride" ? "x" : ", "));
    } else if (auto number = dyn_cast<IntegerAttr>(attribute.getValue())) {
      if (name != "groups" || number.getInt() != 1)
        add(name.str() + " " + std::to_string(number.getInt()));
    }
  }
  return detail;
}

class DotPrinter {
public:
  explicit DotPrinter(func::FuncOp main) : main_(main), os_(text_) {}

  std::string run() {
    os_ << "digraph main {\n"
           "  rankdir=TB; nodesep=0.25; ranksep=0.3;\n"
           "  fontname=Helvetica; fontsize=10;\n"
           "  node [shape=box, style=\"rounded,filled\", fillcolor=white, "
           "color=gray50, fontname=Helvetica, fontsize=11, height=0.3, "
           "margin=\"0.12,0.05\"];\n"
           "  edge [color=gray40, fontname=Helvetica, fontsize=9, "
           "arrowsize=0.6];\n";
    addInputs();
    for (Operation &op : main_.getBody().front().without_terminator()) {
      if (auto group = dyn_cast<GroupOp>(op))
        addGroup(group);
      else
        sideTexts_[op.getResult(0)] = constantText(&op);
    }
    addOutputs();
    for (const std::string &edge : edges_)
      os_ << "  " << edge << "\n";
    os_ << "}\n";
    return text_;
  }

private:
  /// Tensors are nodes; parameters, what was prepared of them and numbers are
  /// words.
  void addInputs() {
    for (BlockArgument argument : main_.getArguments()) {
      unsigned i = argument.getArgNumber();
      auto given = main_.getArgAttrOfType<StringAttr>(i, kNameAttr);
      std::string name = given ? given.str() : "";
      if (!isa<RankedTensorType>(argument.getType()))
        sideTexts_[argument] = name.empty() ? "a number" : name;
      else if (main_.getArgAttr(i, kPreparedAttr))
        sideTexts_[argument] = "prepared " + typeText(argument.getType());
      else if (main_.getArgAttr(i, kParameterAttr))
        sideTexts_[argument] = name + (name.empty() ? "parameter " : " ") +
                               typeText(argument.getType());
      else if (!argument.use_empty())
        nodes_[argument] =
            addTerminal(name.empty() ? "input " + std::to_string(i) : name);
    }
  }

  std::string addTerminal(const std::string &label) {
    std::string id = "n" + std::to_string(numNodes_++);
    os_ << "  " << id << " [shape=ellipse, fillcolor=gray92, label=\""
        << escape(label) << "\"];\n";
    return id;
  }

  static std::string constantText(Operation *op) {
    auto constant = dyn_cast<ConstantOp>(op);
    auto elements =
        constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
    if (!elements || !elements.isSplat())
      return mnemonic(op).str() + " " + typeText(op->getResult(0).getType());
    std::string text;
    llvm::raw_string_ostream os(text);
    elements.getSplatValue<Attribute>().print(os, /*elideType=*/true);
    return text;
  }

  /// Colours tell what kind of loop a kernel is.
  static StringRef colorOf(GroupOp group) {
    auto schedule = group.getScheduleAttr();
    switch (schedule ? schedule.getKind() : ScheduleKind::loop) {
    case ScheduleKind::loop:
      return "#e8f1fb";
    case ScheduleKind::row:
    case ScheduleKind::column:
      return "#e9f6ea";
    case ScheduleKind::window:
      return "#fdf0df";
    case ScheduleKind::gemm:
    case ScheduleKind::attention:
    case ScheduleKind::pair:
      return "#f6e8f5";
    }
    llvm_unreachable("every kind has a colour");
  }

  void addGroup(GroupOp group) {
    auto schedule = group.getScheduleAttr();
    os_ << "  subgraph cluster_" << numGroups_++
        << " {\n    style=\"rounded,filled\"; color=\"gray75\"; fillcolor=\""
        << colorOf(group) << "\"; labeljust=l; fontcolor=gray40; label=\""
        << (schedule ? stringifyScheduleKind(schedule.getKind()) : "kernel")
        << "\";\n";
    Block &body = group.getBody().front();
    for (auto [inside, outside] :
         llvm::zip_equal(body.getArguments(), group.getInputs()))
      enter(inside, outside);
    for (Operation &op : body.without_terminator())
      addOp(&op);
    for (auto [result, value] : llvm::zip_equal(
             group.getResults(), body.getTerminator()->getOperands()))
      leave(value, result);
    os_ << "  }\n";
  }

  void enter(Value inside, Value outside) {
    if (auto node = nodes_.find(outside); node != nodes_.end())
      nodes_[inside] = std::string(node->second);
    else
      sideTexts_[inside] = std::string(sideTexts_[outside]);
    isFromOutside_.insert(inside);
  }

  void leave(Value inside, Value outside) {
    // A group may yield what it only computes from parameters.
    if (!nodes_.count(inside)) {
      nodes_[inside] = "n" + std::to_string(numNodes_++);
      os_ << "    " << nodes_[inside] << " [label=\""
          << escape(sideTexts_[inside]) << "\"];\n";
    }
    nodes_[outside] = std::string(nodes_[inside]);
  }

  /// Ops on words alone are words, too, those on tensors nodes.
  void addOp(Operation *op) {
    Value result = op->getResult(0);
    std::vector<std::string> words;
    bool readsTensors = false;
    for (Value operand : op->getOperands()) {
      if (nodes_.count(operand))
        readsTensors = true;
      else
        words.push_back(sideTexts_[operand]);
    }
    if (!readsTensors) {
      bool isView = isa<BroadcastOp, ReshapeOp, SplatOp, CastOp>(op);
      sideTexts_[result] =
          op->getNumOperands() == 0 ? constantText(op)
          : isView                  ? words[0]
                   : mnemonic(op).str() + " of " + llvm::join(words, ", ");
      return;
    }
    std::string id = "n" + std::to_string(numNodes_++), detail = detailOf(op);
    os_ << "    " << id << " [label=\"" << mnemonic(op).str();
    if (!detail.empty())
      os_ << " " << escape(detail);
    for (const std::string &word : words)
      os_ << "\\n" << escape(word);
    os_ << "\"];\n";
    for (Value operand : op->getOperands())
      if (nodes_.count(operand))
        addEdge(operand, id, result.getType());
    nodes_[result] = id;
  }

  /// Memory that is read always has a label; within a kernel only a change of
  /// type is worth one.
  void addEdge(Value from, const std::string &to, Type resultType) {
    std::string edge = nodes_[from] + " -> " + to;
    if (isFromOutside_.count(from) || from.getType() != resultType)
      edge += " [label=\" " + typeText(from.getType()) + "\"]";
    edges_.push_back(edge + ";");
  }

  void addOutputs() {
    Operation *terminator = main_.getBody().front().getTerminator();
    for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
      std::string id = addTerminal("result " + std::to_string(i));
      if (!nodes_.count(value)) // a parameter or constant, as it is
        nodes_[value] = addTerminal(sideTexts_[value]);
      edges_.push_back(nodes_[value] + " -> " + id + " [label=\" " +
                       typeText(value.getType()) + "\"];");
    }
  }

  func::FuncOp main_;
  std::string text_;
  llvm::raw_string_ostream os_;
  DenseMap<Value, std::string> nodes_;     // ids of values that are drawn
  DenseMap<Value, std::string> sideTexts_; // words for all others
  llvm::DenseSet<Value> isFromOutside_;    // arguments of groups
  std::vector<std::string> edges_;         // after all clusters
  int numNodes_ = 0, numGroups_ = 0;
};

} // namespace

std::string dotOf(ModuleOp module) {
  return DotPrinter(module.lookupSymbol<func::FuncOp>(kMainName)).run();
}

} // namespace weft::compiler
