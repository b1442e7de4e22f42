// SPDX-License-Identifier: Apache-2.0
// Greedy and in program order: every op joins what produces its operands, the
// latest first; then small cheap kernels are copied into their readers; then
// kernels that read the same tensor are joined.
#include "FusionPlan.h"

#include "ViewTrees.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <set>

using namespace mlir;
using namespace weft::ir;

namespace weft {

/// A cluster with more ops is not copied: its readers would grow too much.
static constexpr size_t kMaxCopiedOps = 8;
/// Equal elements that a plan holds rather than having a kernel write them.
static constexpr int64_t kMaxSplatElements = 1024;

FusionPlan::FusionPlan(func::FuncOp function, Library library,
                       ImageRule takesImage)
    : kept_(findKeptViews(function)), library_(library),
      takesImage_(std::move(takesImage)) {
  findNodes(function);
  linkNodes(function);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    int number = static_cast<int>(i);
    clusters_.push_back({{number}, false});
    nodes_[i].groups = {number};
    nodes_[i].owner = number;
  }
  mergeAlongEdges();
  copyCheapClusters();
  // A reader of two tensors may now be one with what produces both.
  do
    mergeSiblings();
  while (mergeAlongEdges());
  sinkWideningCasts();
}

// ---- nodes ------------------------------------------------------------------

void FusionPlan::findNodes(func::FuncOp function) {
  Block &block = function.getBody().front();
  Operation *terminator = block.getTerminator();
  auto isReturned = [&](Operation &op) {
    return llvm::is_contained(op.getUsers(), terminator);
  };
  // Constants are copied from the plan, unless a kernel can write them and the
  // plan would have to hold many equal elements.
  auto isCopied = [](Operation &op) {
    return isa<ConstantOp>(op) &&
           (!splatUnder(op.getResult(0)) ||
            cast<ShapedType>(op.getResult(0).getType()).getNumElements() <=
                kMaxSplatElements);
  };
  for (Operation &op : block.without_terminator()) {
    bool returned = isReturned(op);
    bool isKept = (returned && !isCopied(op)) || kept_.contains(&op);
    if (isFree(&op) && !isKept)
      continue;
    numbers_[&op] = static_cast<int>(nodes_.size());
    nodes_.push_back({&op, {}, {}, returned, {}, -1});
  }
}

/// The node of `op`; -1 if it is none.
int FusionPlan::numberOf(Operation *op) const {
  auto found = numbers_.find(op);
  return found == numbers_.end() ? -1 : found->second;
}

static SmallVector<int> merged(ArrayRef<int> a, ArrayRef<int> b) {
  SmallVector<int> both;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(),
                 std::back_inserter(both));
  return both;
}

/// Producers are the nodes that an op reads directly or through free ops. A
/// view that is returned is read through as well.
void FusionPlan::linkNodes(func::FuncOp function) {
  llvm::DenseMap<Operation *, SmallVector<int>> below; // only looked up
  for (Operation &op : function.getBody().front().without_terminator()) {
    SmallVector<int> producers;
    for (Value operand : op.getOperands())
      if (Operation *def = operand.getDefiningOp())
        producers = merged(producers, isFree(def) && !kept_.contains(def)
                                          ? below.at(def)
                                          : SmallVector<int>{numberOf(def)});
    if (int node = numberOf(&op); node >= 0) {
      nodes_[node].producers.assign(producers.begin(), producers.end());
      for (int producer : producers)
        nodes_[producer].users.push_back(node);
    }
    if (isFree(&op))
      below[&op] = std::move(producers);
  }
}

// ---- candidates -------------------------------------------------------------

bool FusionPlan::holds(int cluster, int node) const {
  return llvm::is_contained(nodes_[node].groups, cluster);
}

/// Whether a cluster that is none of `clusters` reads the node, and has no
/// copy.
bool FusionPlan::isReadOutside(int node, ArrayRef<int> clusters) const {
  if (nodes_[node].isReturned)
    return true;
  return llvm::any_of(nodes_[node].users, [&](int user) {
    return llvm::any_of(nodes_[user].groups, [&](int group) {
      return !llvm::is_contained(clusters, group) && !holds(group, node);
    });
  });
}

/// Ops of all `clusters`; results of those in `owners`, which are among them.
Candidate FusionPlan::candidateOf(ArrayRef<int> clusters,
                                  ArrayRef<int> owners) const {
  Candidate candidate{{}, {}, kept_, library_, takesImage_};
  for (int cluster : clusters)
    for (int node : clusters_[cluster].nodes)
      candidate.ops.insert(nodes_[node].op);
  SmallVector<int> owned;
  for (int owner : owners)
    owned = merged(owned, ownedBy(owner));
  for (int node : owned)
    if (isReadOutside(node, clusters))
      candidate.results.push_back(nodes_[node].op->getResult(0));
  return candidate;
}

SmallVector<int> FusionPlan::ownedBy(int cluster) const {
  SmallVector<int> owned;
  llvm::copy_if(clusters_[cluster].nodes, std::back_inserter(owned),
                [&](int node) { return nodes_[node].owner == cluster; });
  return owned;
}

// ---- order ------------------------------------------------------------------

/// Clusters that read results of `cluster`, ascending.
SmallVector<int> FusionPlan::usersOf(int cluster) const {
  std::set<int> users;
  for (int node : ownedBy(cluster))
    for (int user : nodes_[node].users)
      for (int group : nodes_[user].groups)
        if (!holds(group, node))
          users.insert(group);
  users.erase(cluster);
  return SmallVector<int>(users.begin(), users.end());
}

/// Whether a third cluster stands between the two.
bool FusionPlan::reachesBeside(int from, int to) const {
  SmallVector<int> stack;
  for (int next : usersOf(from))
    if (next != to)
      stack.push_back(next);
  llvm::DenseSet<int> seen;
  while (!stack.empty()) {
    int cluster = stack.pop_back_val();
    if (cluster == to)
      return true;
    if (seen.insert(cluster).second)
      llvm::append_range(stack, usersOf(cluster));
  }
  return false;
}

std::string FusionPlan::whyNotMerged(int from, int into) const {
  if (std::string why =
          whyNotOneKernel(candidateOf({from, into}, {from, into}));
      !why.empty())
    return why;
  // What is fed by the other does not feed it: clusters form no cycles.
  bool feeds = llvm::is_contained(usersOf(from), into);
  if (reachesBeside(from, into) || (!feeds && reachesBeside(into, from)))
    return "a third kernel needs the one and feeds the other";
  return {};
}

bool FusionPlan::tryMerge(int from, int into) {
  if (!whyNotMerged(from, into).empty())
    return false;
  for (int node : clusters_[from].nodes) {
    auto &groups = nodes_[node].groups;
    groups.erase(llvm::find(groups, from));
    if (!llvm::is_contained(groups, into))
      groups.push_back(into);
    if (nodes_[node].owner == from)
      nodes_[node].owner = into;
  }
  SmallVector<int> both = merged(clusters_[from].nodes, clusters_[into].nodes);
  clusters_[into].nodes.assign(both.begin(), both.end());
  clusters_[from] = {{}, true};
  return true;
}

// ---- the three steps --------------------------------------------------------

bool FusionPlan::mergeWithProducers(int node) {
  bool changed = false;
  // The latest first: what it computed is still needed nowhere else.
  for (int producer : llvm::reverse(nodes_[node].producers)) {
    SmallVector<int, 2> groups = nodes_[node].groups;
    for (int into : groups) {
      int from = nodes_[producer].owner;
      if (from >= 0 && !holds(into, producer))
        changed |= tryMerge(from, into);
    }
  }
  return changed;
}

bool FusionPlan::mergeAlongEdges() {
  bool changedEver = false;
  // What a merge makes possible may come earlier in the program.
  for (bool changed = true; changed; changedEver |= changed) {
    changed = false;
    for (size_t node = 0; node < nodes_.size(); ++node)
      changed |= mergeWithProducers(static_cast<int>(node));
  }
  return changedEver;
}

/// Tensors that a kernel reads, by address: only looked up.
static llvm::DenseSet<Value> inputsOf(const Candidate &candidate) {
  llvm::DenseSet<Value> inputs, seen;
  SmallVector<Value> stack(candidate.results);
  while (!stack.empty()) {
    Value value = stack.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    Operation *op = value.getDefiningOp();
    if (op && (candidate.ops.contains(op) || candidate.readsThrough(op)))
      llvm::append_range(stack, op->getOperands());
    else if (isa<RankedTensorType>(value.getType()))
      inputs.insert(value);
  }
  return inputs;
}

/// Copies a cluster into everything that reads it, if that moves fewer elements
/// than keeping its results.
bool FusionPlan::copyIntoUsers(int cluster) {
  const auto &nodes = clusters_[cluster].nodes;
  auto mayNotBeCopied = [&](int node) {
    return nodes_[node].isReturned || !isElementwise(nodes_[node].op) ||
           !isCheap(nodes_[node].op);
  };
  if (nodes.size() > kMaxCopiedOps || llvm::any_of(nodes, mayNotBeCopied))
    return false;
  size_t inputs = inputsOf(candidateOf({cluster}, {cluster})).size();
  SmallVector<int> users = usersOf(cluster);
  // Reads of the copies against one kernel's reads, its write, and a read each.
  if (users.size() * inputs > inputs + 1 + users.size())
    return false;
  for (int user : users)
    if (!whyNotOneKernel(candidateOf({cluster, user}, {user})).empty())
      return false;
  for (int user : users) {
    SmallVector<int> all = merged(nodes, clusters_[user].nodes);
    clusters_[user].nodes.assign(all.begin(), all.end());
    for (int node : nodes)
      if (!holds(user, node))
        nodes_[node].groups.push_back(user);
  }
  for (int node : nodes) {
    auto &groups = nodes_[node].groups;
    groups.erase(llvm::find(groups, cluster));
    if (nodes_[node].owner == cluster)
      nodes_[node].owner = -1;
  }
  clusters_[cluster] = {{}, true};
  return true;
}

void FusionPlan::copyCheapClusters() {
  // From the back: a copied reader takes its producers along.
  for (size_t i = clusters_.size(); i-- > 0;)
    if (!clusters_[i].isDead)
      copyIntoUsers(static_cast<int>(i));
}

/// Whether the largest tensor that one reads is read by the other, too.
static bool shareInput(const Candidate &a, const Candidate &b) {
  auto size = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getNumElements();
  };
  llvm::DenseSet<Value> ofA = inputsOf(a), ofB = inputsOf(b);
  int64_t largest = 0, shared = -1;
  for (Value value : ofA) {
    largest = std::max(largest, size(value));
    if (ofB.contains(value))
      shared = std::max(shared, size(value));
  }
  return shared == largest;
}

void FusionPlan::mergeSiblings() {
  auto hasWindow = [&](const Cluster &cluster) {
    return llvm::any_of(cluster.nodes, [&](int node) {
      return isa<WindowOpInterface>(nodes_[node].op);
    });
  };
  // Only near ones: what lies far apart shares no cache, and keeps memory
  // alive.
  constexpr size_t kReach = 16;
  for (size_t a = 0; a < clusters_.size(); ++a) {
    if (clusters_[a].isDead || hasWindow(clusters_[a]))
      continue;
    size_t tried = 0;
    for (size_t b = a + 1; b < clusters_.size() && tried < kReach; ++b) {
      if (clusters_[b].isDead || hasWindow(clusters_[b]))
        continue;
      ++tried;
      if (shareInput(candidateOf({static_cast<int>(a)}, {static_cast<int>(a)}),
                     candidateOf({static_cast<int>(b)}, {static_cast<int>(b)})))
        tryMerge(static_cast<int>(b), static_cast<int>(a));
    }
  }
}

static bool isWidening(Operation *op) {
  auto cast = dyn_cast<CastOp>(op);
  return cast && size_in_bytes(elementDType(cast.getX())) <
                     size_in_bytes(elementDType(cast.getResult()));
}

/// Lets the readers of a widened result widen it themselves: less is written,
/// and every reader reads less.
bool FusionPlan::sink(int node) {
  Node &cast = nodes_[node];
  int owner = cast.owner;
  if (owner < 0 || cast.isReturned || cast.producers.size() != 1 ||
      cast.producers[0] != numberOf(cast.op->getOperand(0).getDefiningOp()) ||
      !holds(owner, cast.producers[0]))
    return false;
  std::set<int> readers;
  bool isReadInside = false;
  for (int user : cast.users)
    for (int group : nodes_[user].groups) {
      isReadInside |= group == owner;
      if (!holds(group, node))
        readers.insert(group);
    }
  // On its own for as long as the readers are asked.
  int alone = static_cast<int>(clusters_.size());
  clusters_.push_back({{node}, false});
  bool accepted = !readers.empty() && llvm::all_of(readers, [&](int reader) {
    return whyNotOneKernel(candidateOf({alone, reader}, {reader})).empty();
  });
  clusters_.pop_back();
  if (!accepted)
    return false;
  for (int reader : readers) {
    SmallVector<int> nodes = merged(clusters_[reader].nodes, {node});
    clusters_[reader].nodes.assign(nodes.begin(), nodes.end());
    cast.groups.push_back(reader);
  }
  if (isReadInside)
    return true;
  llvm::erase(clusters_[owner].nodes, node);
  llvm::erase(cast.groups, owner);
  cast.owner = -1;
  return true;
}

void FusionPlan::sinkWideningCasts() {
  for (size_t node = 0; node < nodes_.size(); ++node)
    if (isWidening(nodes_[node].op))
      sink(static_cast<int>(node));
}

// ---- results ----------------------------------------------------------------

std::vector<FusionPlan::Group> FusionPlan::groups() const {
  // Of those that can run, the one that stands first in the program.
  std::vector<int> waits(clusters_.size(), 0);
  for (size_t i = 0; i < clusters_.size(); ++i)
    if (!clusters_[i].isDead)
      for (int user : usersOf(static_cast<int>(i)))
        ++waits[user];
  std::set<std::pair<int, int>> ready; // last op, cluster
  auto add = [&](int cluster) {
    ready.insert({clusters_[cluster].nodes.back(), cluster});
  };
  for (size_t i = 0; i < clusters_.size(); ++i)
    if (!clusters_[i].isDead && waits[i] == 0)
      add(static_cast<int>(i));
  std::vector<Group> groups;
  while (!ready.empty()) {
    int cluster = ready.begin()->second;
    ready.erase(ready.begin());
    Candidate candidate = candidateOf({cluster}, {cluster});
    ScheduleKind schedule = scheduleOf(candidate);
    groups.push_back({std::move(candidate), schedule});
    for (int user : usersOf(cluster))
      if (--waits[user] == 0)
        add(user);
  }
  return groups;
}

llvm::DenseSet<Operation *> FusionPlan::sharedOps() const {
  llvm::DenseSet<Operation *> shared;
  for (const Node &node : nodes_) {
    int number = numberOf(node.op);
    bool isStored = node.owner >= 0 && isReadOutside(number, {node.owner});
    if (isStored || node.groups.size() > 1)
      shared.insert(node.op);
    if (isStored && isView(node.op))
      for (int producer : node.producers)
        shared.insert(nodes_[producer].op);
  }
  return shared;
}

std::vector<FusionPlan::Refusal> FusionPlan::refusals() const {
  std::vector<Refusal> refusals;
  std::set<std::pair<int, int>> told;
  for (const Node &consumer : nodes_)
    for (int number : consumer.producers) {
      const Node &producer = nodes_[number];
      for (int into : consumer.groups)
        if (producer.owner >= 0 && !holds(into, number) &&
            told.insert({producer.owner, into}).second)
          refusals.push_back(
              {producer.op, consumer.op, whyNotMerged(producer.owner, into)});
    }
  return refusals;
}

} // namespace weft
