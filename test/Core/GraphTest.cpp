// SPDX-License-Identifier: Apache-2.0
// Node references: graphs go away with their last reference, however deep.
#include "weft/Core/Graph.h"

#include <gtest/gtest.h>
#include <thread>

namespace weft {
namespace {

NodePtr chain(NodePtr node, int length) {
  for (int i = 0; i < length; ++i) {
    NodePtr next = Node::make(OpKind::add, 2);
    for (Operand &input : next->inputs)
      input.node = node;
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

TEST(Graph, MemoryOfANodeServesTheNextOfItsSize) {
  NodePtr node = chain(NodePtr(new Node), 1);
  const Node *memory = node.get();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 64, 0) << "a cache line";
  node = NodePtr();
  EXPECT_EQ(chain(NodePtr(new Node), 1).get(), memory);
  std::vector<int64_t> ints(100, 7);
  for (int i = 0; i < 2; ++i) { // too large to be kept
    node = Node::make(OpKind::iota, 1, ints);
    EXPECT_EQ(node->attributes.ints[99], 7);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(node.get()) % 64, 0);
  }
}

TEST(Graph, NodesMayBeDestroyedElsewhereAndLate) {
  NodePtr top = chain(NodePtr(new Node), 10000);
  std::thread([&] {
    // Destroyed after the memory that the thread has kept, which is younger.
    static thread_local NodePtr last;
    last = chain(NodePtr(new Node), 10);
    top = NodePtr();
  }).join();
  EXPECT_FALSE(top);
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

TEST(Graph, ANodeHasItsOwnLists) {
  std::vector<int64_t> order = {1, 0};
  NodePtr node = Node::make(OpKind::transpose, 1, order);
  order = {0, 1};
  EXPECT_EQ(node->kind, OpKind::transpose);
  ASSERT_EQ(node->inputs.size(), 1u);
  EXPECT_TRUE(node->inputs[0].is_scalar());
  ASSERT_EQ(node->attributes.ints.size(), 2u);
  EXPECT_EQ(node->attributes.ints[0], 1);
  EXPECT_EQ(node->attributes.ints[1], 0);
}

TEST(Graph, AnEvaluatedNodeLetsGoOfItsInputs) {
  auto alive = mark();
  NodePtr leaf(new Node);
  leaf->parameter_name = alive;
  NodePtr node = chain(std::move(leaf), 1);
  node->sign();
  EXPECT_FALSE(node->is_leaf());
  {
    std::vector<NodePtr> inputs =
        node->settle(std::shared_ptr<runtime::Storage>(alive, nullptr));
    EXPECT_EQ(inputs.size(), 2u);
    EXPECT_TRUE(node->inputs.empty());
    EXPECT_EQ(node->signature, 0u);
  }
  EXPECT_EQ(alive.use_count(), 2) << "the node's elements hold it";
}

/// Of an op on `inputs`, signed.
NodePtr made(OpKind kind, std::vector<NodePtr> inputs, Shape shape,
             std::vector<int64_t> ints = {}, double real = 0) {
  NodePtr node = Node::make(kind, inputs.size(), ints);
  for (size_t i = 0; i < inputs.size(); ++i)
    node->inputs[i].node = inputs[i];
  node->shape = shape;
  node->attributes.real = real;
  node->sign();
  return node;
}

NodePtr leafOf(Shape shape, DType dtype = float32) {
  NodePtr leaf(new Node);
  leaf->shape = shape;
  leaf->dtype = dtype;
  return leaf;
}

TEST(Graph, SignaturesSayWhatIsComputed) {
  auto of = [](const NodePtr &node) { return node->signature.load(); };
  const NodePtr x = leafOf({2}), y = leafOf({2});
  const uint64_t relu = of(made(OpKind::relu, {x}, {2}));
  EXPECT_EQ(relu, of(made(OpKind::relu, {y}, {2})));
  const std::vector<NodePtr> others = {
      made(OpKind::abs, {x}, {2}),
      made(OpKind::relu, {x}, {3}),
      made(OpKind::relu, {leafOf({3})}, {2}),
      made(OpKind::relu, {leafOf({2}, float16)}, {2}),
      made(OpKind::relu, {x, y}, {2}),
      made(OpKind::relu, {x}, {2}, {1}),
      made(OpKind::relu, {x}, {2}, {}, 0.5),
      made(OpKind::relu, {made(OpKind::relu, {x}, {2})}, {2}),
  };
  for (const NodePtr &other : others)
    EXPECT_NE(of(other), relu);
}

TEST(Graph, SignaturesForgetHowAnInputWasComputed) {
  const NodePtr x = leafOf({2}), y = made(OpKind::relu, {x}, {2});
  const NodePtr before = made(OpKind::abs, {y}, {2});
  (void)y->settle(std::shared_ptr<runtime::Storage>(mark(), nullptr));
  const NodePtr after = made(OpKind::abs, {y}, {2});
  EXPECT_NE(before->signature, after->signature);
  EXPECT_EQ(made(OpKind::abs, {x}, {2})->signature, after->signature);
}

TEST(Graph, EveryWalkVisitsAnew) {
  const NodePtr x = leafOf({}), y = leafOf({});
  std::lock_guard lock(graph_mutex());
  {
    Visits visits;
    EXPECT_FALSE(visits.contains(*x));
    visits.add(*x, 7);
    visits.add(*y, 3);
    EXPECT_TRUE(visits.contains(*x));
    EXPECT_EQ(visits[*x], 7u);
    EXPECT_EQ(visits[*y], 3u);
  }
  Visits visits;
  EXPECT_FALSE(visits.contains(*x));
  EXPECT_FALSE(visits.contains(*y));
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
