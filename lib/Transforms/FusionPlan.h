// SPDX-License-Identifier: Apache-2.0
// Decides which ops of a function become one kernel.
#pragma once

#include "FusionRules.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace weft {

/// The groups of one function. Free ops belong to none: every group that reads
/// through one gets a copy.
class FusionPlan {
public:
  /// `library` computes what it multiplies. `takesImage`: which images a
  /// convolution brings into order, and pools, in its own kernel.
  FusionPlan(mlir::func::FuncOp function, Library library,
             ImageRule takesImage);

  struct Group {
    Candidate candidate;
    ir::ScheduleKind schedule;
  };
  /// In an order in which they can run.
  std::vector<Group> groups() const;

  /// A producer and a consumer in different groups.
  struct Refusal {
    mlir::Operation *producer, *consumer;
    std::string why;
  };
  /// One for every two groups where one feeds the other, in program order.
  std::vector<Refusal> refusals() const;

  /// Ops whose results are stored, also through views, or computed by several
  /// kernels: all readers have to see the same. Only looked up, never walked.
  llvm::DenseSet<mlir::Operation *> sharedOps() const;

private:
  /// An op that computes, or a view that is kept in memory: a result of the
  /// function, or one of `kept_`.
  struct Node {
    mlir::Operation *op;
    llvm::SmallVector<int, 4> producers, users; // through free ops; ascending
    bool isReturned = false;
    llvm::SmallVector<int, 2> groups; // that hold it
    int owner = -1;                   // that provides its result; -1: none
  };
  struct Cluster {
    llvm::SmallVector<int, 8> nodes; // ascending
    bool isDead = false;             // merged or copied into others
  };

  void findNodes(mlir::func::FuncOp function);
  void linkNodes(mlir::func::FuncOp function);
  int numberOf(mlir::Operation *op) const;

  bool mergeAlongEdges();
  bool mergeWithProducers(int node);
  void copyCheapClusters();
  bool copyIntoUsers(int cluster);
  void mergeSiblings();
  bool sink(int node);
  void sinkWideningCasts();
  bool tryMerge(int from, int into);

  bool holds(int cluster, int node) const;
  bool isReadOutside(int node, llvm::ArrayRef<int> clusters) const;
  Candidate candidateOf(llvm::ArrayRef<int> clusters,
                        llvm::ArrayRef<int> owners) const;
  llvm::SmallVector<int> ownedBy(int cluster) const;
  llvm::SmallVector<int> usersOf(int cluster) const;
  bool reachesBeside(int from, int to) const;
  std::string whyNotMerged(int from, int into) const;

  llvm::DenseSet<mlir::Operation *> kept_; // views that are nodes
  Library library_;
  ImageRule takesImage_;
  std::vector<Node> nodes_;
  std::vector<Cluster> clusters_;
  llvm::DenseMap<mlir::Operation *, int> numbers_; // of nodes; only looked up
};

} // namespace weft
