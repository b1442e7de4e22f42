// SPDX-License-Identifier: Apache-2.0
// Whatever the passes do to a graph, its results stay; every group they build
// has loops; no two living values share memory.
#include "RandomGraph.h"

#include "weft/Target/LoopNest.h"
#include "weft/Transforms/Pipelines.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

using namespace mlir;
using namespace weft;
using namespace weft::ir;
using weft::testing::RandomGraph;

namespace {

constexpr uint64_t kGraphs = 400;

std::string text(ModuleOp module) {
  std::string out;
  llvm::raw_string_ostream os(out);
  module.print(os);
  return out;
}

class RandomGraphs : public ::testing::Test {
protected:
  RandomGraphs() : context_(MLIRContext::Threading::DISABLED) {
    context_.loadDialect<WeftDialect, func::FuncDialect>();
  }

  OwningOpRef<ModuleOp> compiled(ModuleOp module, PipelineStage until) {
    OwningOpRef<ModuleOp> copy = module.clone();
    PassManager passes(&context_);
    buildPipeline(passes, {.until = until});
    EXPECT_TRUE(succeeded(passes.run(*copy))) << text(module);
    return copy;
  }

  MLIRContext context_;
};

/// Computed in double, so that only the rounding of constants is left.
void expectNear(const std::vector<reference::Value> &expected,
                const std::vector<reference::Value> &actual) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(expected[i].size(), actual[i].size());
    double largest = 1;
    for (int64_t j = 0; j < expected[i].size(); ++j)
      largest = std::max(largest, std::abs(expected[i].at(j)));
    for (int64_t j = 0; j < expected[i].size(); ++j)
      ASSERT_NEAR(expected[i].at(j), actual[i].at(j), 1e-5 * largest)
          << "element " << j << " of result " << i;
  }
}

TEST_F(RandomGraphs, KeepTheirResults) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomGraph graph(&context_, seed);
    ASSERT_TRUE(succeeded(verify(graph.module()))) << text(graph.module());
    reference::Arguments arguments = graph.arguments();
    auto expected = reference::interpret(graph.module(), arguments);
    ASSERT_TRUE(expected.ok()) << expected.status().message();
    for (PipelineStage until :
         {PipelineStage::graph, PipelineStage::folded, PipelineStage::plan}) {
      SCOPED_TRACE("stage " + std::to_string(static_cast<int>(until)));
      OwningOpRef<ModuleOp> module = compiled(graph.module(), until);
      auto actual = reference::interpret(*module, arguments);
      ASSERT_TRUE(actual.ok()) << actual.status().message();
      expectNear(*expected, *actual);
      if (HasFailure()) {
        ADD_FAILURE() << text(graph.module()) << text(*module);
        return;
      }
    }
  }
}

TEST_F(RandomGraphs, EveryGroupHasLoops) {
  size_t groups = 0;
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    RandomGraph graph(&context_, seed);
    OwningOpRef<ModuleOp> module =
        compiled(graph.module(), PipelineStage::fused);
    module->walk([&](GroupOp group) {
      std::string why;
      ++groups;
      EXPECT_TRUE(succeeded(buildLoopNest(group, why)))
          << "seed " << seed << ": " << why << "\n"
          << text(*module);
    });
    if (HasFailure())
      return;
  }
  EXPECT_GT(groups, kGraphs);
}

TEST_F(RandomGraphs, PairsKeepResultsAndHaveLoops) {
  PipelineOptions options;
  options.pairs = [](GroupOp, GroupOp) { return true; };
  int pairs = 0; // few: two products in a row are rare
  for (uint64_t seed = 0; seed < 3 * kGraphs; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomGraph graph(&context_, seed);
    OwningOpRef<ModuleOp> module = graph.module().clone();
    PassManager passes(&context_);
    buildPipeline(passes, options);
    ASSERT_TRUE(succeeded(passes.run(*module))) << text(graph.module());
    int before = pairs;
    module->walk([&](GroupOp group) {
      std::string why;
      if (!group.isPair())
        return;
      ++pairs;
      EXPECT_TRUE(succeeded(buildPairNests(group, why))) << why;
    });
    if (pairs == before)
      continue;
    reference::Arguments arguments = graph.arguments();
    auto expected = reference::interpret(graph.module(), arguments);
    auto actual = reference::interpret(*module, arguments);
    ASSERT_TRUE(expected.ok() && actual.ok());
    expectNear(*expected, *actual);
    if (HasFailure()) {
      ADD_FAILURE() << text(*module);
      return;
    }
  }
  EXPECT_GT(pairs, 3);
}

TEST_F(RandomGraphs, NothingLeftOutsideGroups) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    RandomGraph graph(&context_, seed);
    OwningOpRef<ModuleOp> module =
        compiled(graph.module(), PipelineStage::fused);
    for (auto function : module->getOps<func::FuncOp>())
      for (Operation &op : function.getBody().front().without_terminator())
        ASSERT_TRUE((isa<GroupOp, ConstantOp>(op))) << "seed " << seed << "\n"
                                                    << text(*module);
  }
}

TEST_F(RandomGraphs, CompileToTheSameTextAgain) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    RandomGraph graph(&context_, seed);
    std::string once = text(*compiled(graph.module(), PipelineStage::plan));
    MLIRContext other(MLIRContext::Threading::DISABLED);
    other.loadDialect<WeftDialect, func::FuncDialect>();
    RandomGraph again(&other, seed);
    PassManager passes(&other);
    buildPipeline(passes, {});
    ASSERT_TRUE(succeeded(passes.run(again.module())));
    ASSERT_EQ(once, text(again.module())) << "seed " << seed;
  }
}

TEST_F(RandomGraphs, EveryRefusalHasAReason) {
  size_t refusals = 0;
  std::string bad;
  ScopedDiagnosticHandler handler(&context_, [&](Diagnostic &diagnostic) {
    std::string note = diagnostic.str();
    if (StringRef(note).starts_with(kNotFusedNote)) {
      ++refusals;
      if (StringRef(note).trim().ends_with(":"))
        bad = note;
    }
    return success();
  });
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    RandomGraph graph(&context_, seed);
    PassManager passes(&context_);
    buildPipeline(passes, {.until = PipelineStage::fused, .explain = true});
    ASSERT_TRUE(succeeded(passes.run(graph.module())));
    ASSERT_EQ(bad, "") << "seed " << seed << "\n" << text(graph.module());
  }
  EXPECT_GT(refusals, kGraphs);
}

// ---- memory -----------------------------------------------------------------

/// What every byte of the arena holds, written and read group by group.
class Arena {
public:
  void write(Value value, int64_t offset) {
    for (int64_t i = 0; i < bytes(value); ++i)
      holder_[offset + i] = value;
    offsets_[value] = offset;
  }
  /// Whether all of `value` is still there.
  bool holds(Value value) const {
    auto offset = offsets_.find(value);
    if (offset == offsets_.end())
      return true; // an argument, a constant or a result of the function
    for (int64_t i = 0; i < bytes(value); ++i)
      if (holder_.at(offset->second + i) != value)
        return false;
    return true;
  }
  static int64_t bytes(Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    return type.getNumElements() * size_in_bytes(elementDType(value));
  }

private:
  std::map<int64_t, Value> holder_;
  llvm::DenseMap<Value, int64_t> offsets_;
};

void checkMemory(func::FuncOp function) {
  Arena arena;
  int64_t size = function->getAttrOfType<IntegerAttr>(kArenaAttr).getInt();
  for (GroupOp group : function.getOps<GroupOp>()) {
    for (Value input : group.getInputs())
      if (isa<RankedTensorType>(input.getType()))
        ASSERT_TRUE(arena.holds(input)) << "overwritten before it was read";
    auto offsets = group->getAttrOfType<DenseI64ArrayAttr>(kOffsetsAttr);
    ASSERT_TRUE(offsets);
    for (auto [result, offset] :
         llvm::zip(group.getResults(), offsets.asArrayRef())) {
      if (offset < 0)
        continue;
      EXPECT_EQ(offset % 256, 0);
      EXPECT_LE(offset + Arena::bytes(result), size);
      arena.write(result, offset);
    }
    // Results of one group do not cover each other.
    for (Value result : group.getResults())
      ASSERT_TRUE(arena.holds(result)) << "results of one group overlap";
  }
}

TEST_F(RandomGraphs, MemoryIsNotSharedByLivingValues) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    RandomGraph graph(&context_, seed);
    OwningOpRef<ModuleOp> module =
        compiled(graph.module(), PipelineStage::plan);
    for (auto function : module->getOps<func::FuncOp>())
      checkMemory(function);
    if (HasFailure()) {
      ADD_FAILURE() << "seed " << seed << "\n" << text(*module);
      return;
    }
  }
}

// ---- in place ---------------------------------------------------------------

/// The value of `expr` at a point of the loops.
int64_t at(AffineExpr expr, ArrayRef<AffineExpr> point) {
  return cast<AffineConstantExpr>(expr.replaceDims(point)).getValue();
}

/// Whether two places are the same at every point of the loops.
bool areEqual(AffineExpr a, AffineExpr b, ArrayRef<int64_t> sizes) {
  int64_t points = 1;
  for (int64_t size : sizes)
    points *= size;
  for (int64_t number = 0; a != b && number < points; ++number) {
    SmallVector<AffineExpr> point;
    int64_t rest = number;
    for (int64_t size : sizes) {
      point.push_back(getAffineConstantExpr(rest % size, a.getContext()));
      rest /= size;
    }
    if (at(a, point) != at(b, point))
      return false;
  }
  return true;
}

/// Whether the loops load `operand` only where they store `result`, and no
/// later than they do.
bool loadsWhereItStores(const LoopNest &nest, unsigned operand,
                        unsigned result) {
  const Store *store = nullptr;
  for (const Stage &stage : nest.stages)
    for (const Store &each : stage.stores)
      if (each.output == result)
        store = &each;
  bool isStored = false;
  for (const Stage &stage : nest.stages) {
    for (const std::vector<int> *body : {&stage.rowBody, &stage.body})
      for (int id : *body) {
        const Stmt &stmt = nest.stmts[id];
        if (stmt.kind != Stmt::Kind::load || stmt.input != operand)
          continue;
        if (isStored || !stmt.guards.empty() ||
            !areEqual(stmt.expr, store->offset, nest.sizes))
          return false;
      }
    isStored |= llvm::any_of(stage.stores,
                             [&](const Store &each) { return &each == store; });
  }
  return true;
}

TEST_F(RandomGraphs, WhatMayRunInPlaceLoadsWhereItStores) {
  int inLoops = 0, inOthers = 0;
  auto check = [&](GroupOp group) {
    std::string why;
    FailureOr<LoopNest> nest = buildLoopNest(group, why);
    ASSERT_TRUE(succeeded(nest)) << why;
    for (unsigned result = 0; result < group.getNumResults(); ++result)
      for (unsigned i = 0; i < group.getInputs().size(); ++i)
        if (group.mayRunInPlace(i, result)) {
          EXPECT_TRUE(loadsWhereItStores(*nest, i, result))
              << "result " << result << " over operand " << i;
          ++(group.getSchedule()->getKind() == ScheduleKind::loop ? inLoops
                                                                  : inOthers);
        }
  };
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    RandomGraph graph(&context_, seed);
    OwningOpRef<ModuleOp> module =
        compiled(graph.module(), PipelineStage::fused);
    module->walk(check);
    if (HasFailure()) {
      ADD_FAILURE() << "seed " << seed << "\n" << text(*module);
      return;
    }
  }
  EXPECT_GT(inLoops, 50);
  EXPECT_GT(inOthers, 10);
}

} // namespace
