// SPDX-License-Identifier: Apache-2.0
// Node references: graphs go away with their last reference, however deep.
#include "weft/Core/Graph.h"

#include <gtest/gtest.h>
#include <thread>

namespace weft {
namespace {

NodePtr chain(NodePtr node, int length) {
  for (int i = 0; i < length; ++i) {
    NodePtr next(new Node);
    next->kind = OpKind::add;
    next->inputs = {{node, {}, float32}, {node, {}, float32}};
    node = std::move(next);
  }
  return node;
}

/// Lives as long as some node that holds it.
std::shared_ptr<const std::string> mark() {
  return std::make_shared<const std::string>("mark");
}

TEST(Graph, KindsHaveTheNamesOfTheirOps) {
  EXPECT_EQ(name(OpKind::leaf), "leaf");
  EXPECT_EQ(name(OpKind::add), "add");
  EXPECT_EQ(name(OpKind::batch_norm), "batch_norm");
  EXPECT_EQ(name(OpKind::conv), "conv");
}

TEST(Graph, TheLastReferenceDestroysTheNode) {
  auto alive = mark();
  NodePtr leaf(new Node);
  leaf->parameter_name = alive;
  NodePtr copy = leaf, top = chain(leaf, 2);
  leaf = NodePtr();
  copy = NodePtr();
  EXPECT_EQ(alive.use_count(), 2);
  EXPECT_EQ(*top->inputs[0].node->inputs[1].node->parameter_name, "mark");
  top = NodePtr();
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Graph, MovesKeepTheCount) {
  auto alive = mark();
  NodePtr node(new Node);
  node->parameter_name = alive;
  NodePtr moved = std::move(node);
  EXPECT_FALSE(node);
  moved = NodePtr(moved);
  NodePtr &self = moved;
  moved = self;
  EXPECT_EQ(alive.use_count(), 2);
  moved = NodePtr();
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Graph, DeepGraphsAreDestroyedWithoutRecursion) {
  auto alive = mark();
  NodePtr leaf(new Node);
  leaf->parameter_name = alive;
  NodePtr deep = chain(std::move(leaf), 1000000);
  EXPECT_EQ(alive.use_count(), 2);
  deep = NodePtr();
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Graph, ThreadsMayShareAndDropNodes) {
  auto alive = mark();
  for (int round = 0; round < 50; ++round) {
    NodePtr leaf(new Node);
    leaf->parameter_name = alive;
    NodePtr shared = chain(std::move(leaf), 100);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([top = chain(shared, 100)]() mutable {
        NodePtr mine = chain(top, 10);
        top = NodePtr();
      });
    shared = NodePtr();
    for (std::thread &thread : threads)
      thread.join();
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Graph, ScalarOperandsHaveNoNode) {
  Operand operand{{}, 2.5, float16};
  EXPECT_TRUE(operand.is_scalar());
  operand.node = NodePtr(new Node);
  EXPECT_FALSE(operand.is_scalar());
}

TEST(Graph, FailedNodesCarryTheirError) {
  Node node;
  EXPECT_FALSE(node.failed());
  node.status = invalid_argument_error("add: no");
  EXPECT_TRUE(node.failed());
}

TEST(Graph, ThereIsOneLock) {
  std::unique_lock lock(graph_mutex());
  std::thread([] { EXPECT_FALSE(graph_mutex().try_lock()); }).join();
}

} // namespace
} // namespace weft
