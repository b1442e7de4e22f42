// SPDX-License-Identifier: Apache-2.0
// There are as many blocks as run at once. One thread of a block has the tensor
// memory accelerator bring operands, tile after tile, without a pause between
// them. Teams of warps take the block's tiles in turn, so that one finishes its
// results while another multiplies.
//
// A team finishes its sums where they are, in registers. What the group reads
// where it writes (a residual) was brought to the place of the results in
// shared memory before; results take its place there. One more thread for each
// team has residuals brought and results written to memory, meanwhile.
//
// Where a convolution's taps share patches of the images, the stages are
// patches, and the columns of all steps stay in shared memory: all tiles of a
// block have the same ones. Then teams write their results to memory
// themselves, as the accelerator cannot leave those out that lie in the
// padding.
#include "PersistentSchedule.h"

#include "Lanes.h"
#include "MatrixPrinter.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

// ---- matching ---------------------------------------------------------------

llvm::SmallBitVector usedBehindSum(const LoopNest &nest, int residualStmt) {
  llvm::SmallBitVector used(nest.sizes.size());
  auto visit = [&](AffineExpr expr) {
    for (unsigned i = 0; expr && i < nest.sizes.size(); ++i)
      if (expr.isFunctionOfDim(i))
        used.set(i);
  };
  for (int id : closure(nest, {storesOf(nest)[0]->value})) {
    if (id == residualStmt)
      continue;
    visit(nest.stmts[id].expr);
    for (const Guard &guard : nest.stmts[id].guards)
      visit(guard.expr);
  }
  return used;
}

std::optional<PersistentOperands>
PersistentOperands::match(ir::GroupOp group, const LoopNest &nest,
                          const Contraction &contraction,
                          const BulkOperand &rows, const BulkOperand &columns) {
  return match(group, nest, contraction, {rows, columns, std::nullopt});
}

std::optional<PersistentOperands> PersistentOperands::matchPatches(
    ir::GroupOp group, const LoopNest &nest, const Contraction &contraction,
    const BulkOperand &rows, const BulkOperand &columns) {
  std::optional<PatchOperand> patches = PatchOperand::match(nest, rows);
  if (!patches)
    return std::nullopt;
  auto operands = match(group, nest, contraction, {rows, columns, patches});
  if (!operands)
    return std::nullopt;
  llvm::SmallBitVector used = usedBehindSum(nest, operands->residualStmt);
  if (llvm::any_of(contraction.rows.dims,
                   [&](unsigned dim) { return used.test(dim); }))
    return std::nullopt;
  return operands;
}

std::optional<PersistentOperands>
PersistentOperands::match(ir::GroupOp group, const LoopNest &nest,
                          const Contraction &contraction,
                          PersistentOperands operands) {
  SmallVector<const Store *> stores = storesOf(nest);
  unsigned last = nest.numParallel - 1;
  if (stores.size() != 1 || !llvm::is_contained(contraction.columns.dims, last))
    return std::nullopt;
  const Store &store = *stores[0];
  auto type = cast<RankedTensorType>(group.getResult(store.output).getType());
  unsigned numInputs = group.getInputs().size();
  auto matchResult = [&](unsigned argument, AffineExpr expr, Type type) {
    return operands.patches
               ? BulkResult::match(nest, contraction, argument, expr, type,
                                   *operands.patches)
               : BulkResult::match(nest, contraction, argument, expr, type);
  };
  std::optional<BulkResult> result = matchResult(
      numInputs + store.output, store.offset, type.getElementType());
  if (!result || nest.sizes[last] % 2 != 0)
    return std::nullopt;
  operands.result = *std::move(result);
  for (int id : closure(nest, {store.value})) {
    const Stmt &stmt = nest.stmts[id];
    if (operands.residual || stmt.kind != Stmt::Kind::load ||
        !stmt.guards.empty() || stmt.expr != store.offset)
      continue;
    operands.residual = matchResult(stmt.input, stmt.expr, stmt.type);
    if (operands.residual)
      operands.residualStmt = id;
  }
  return operands;
}

// ---- text -------------------------------------------------------------------

namespace {

constexpr int64_t kMoverRegisters = 40; // 24 are too few to start copies

class PersistentEmitter : MatrixPrinter {
public:
  PersistentEmitter(ir::GroupOp group, const LoopNest &nest,
                    const Contraction &contraction, PersistentOperands operands,
                    const MatrixTile &tile)
      : MatrixPrinter(group, nest, contraction, operands.rows.isAlongDepth(),
                      operands.columns.isAlongDepth(), tile),
        operands_(std::move(operands)), store_(storesOf(nest)[0]) {}

  CudaKernel emit(int64_t blocks);

private:
  void declareBarriers();
  void locateTile();
  void printCopies();
  void printPatchCopies();
  void printTeams();
  void printSteps();
  void printPatchSteps();
  void startTurn();
  void endTurn();
  void printResults();
  void printPair();
  void printOwnStores();
  void printStores();
  void printFree(StringRef team);
  /// Where a team's results lie: among `results`.
  void declareResult();
  /// Whether more threads have residuals brought or results written.
  bool hasStorers() const { return !operands_.patches || operands_.residual; }
  /// The loop over the tiles of a block, from number `first` on.
  void openTiles(StringRef first, int64_t step);

  PersistentOperands operands_;
  const Store *store_;
};

} // namespace

/// Of a stage, `full` counts bytes and `empty` the warps that are done with it.
/// Of a team, `next` counts the warps of the team before it that have started
/// all their products: only then do its waits for stages know which turn they
/// are for; `free` says that it may write results, as the residual has come,
/// and `written` counts the warps that have. `kept` counts the bytes of columns
/// that stay, of each step.
void PersistentEmitter::declareBarriers() {
  std::string stages = std::to_string(tile_.stages);
  int64_t warps = tile_.teamThreads() / 32;
  p_.line("unsigned char *results = shared + " + Twine(tile_.operandBytes()) +
          ";");
  p_.line("weft::Barrier *full = reinterpret_cast<weft::Barrier *>(shared + " +
          Twine(tile_.sharedBytes() - tile_.barrierBytes()) + ");");
  p_.line("weft::Barrier *empty = full + " + stages + ";");
  p_.line("weft::Barrier *free = empty + " + stages + ";");
  p_.line("weft::Barrier *written = free + " + Twine(tile_.teams) + ";");
  p_.line("weft::Barrier *next = written + " + Twine(tile_.teams) + ";");
  if (operands_.patches) {
    p_.line("weft::Barrier *kept = next + " + Twine(tile_.teams) + ";");
    p_.line("unsigned char *weights = shared + " +
            Twine(tile_.stages * tile_.patchBytes()) + ";");
  }
  auto init = [&](StringRef name, int64_t arrivals) {
    p_.line("weft::init_barrier(" + name + " + i, " + Twine(arrivals) + ");");
  };
  p_.open("if (thread == 0)");
  p_.fetchTensorMaps();
  p_.openLoop("i", tile_.stages, /*unrolled=*/false);
  init("full", 1);
  init("empty", warps);
  p_.close();
  p_.openLoop("i", tile_.teams, /*unrolled=*/false);
  init("free", 1);
  init("written", warps);
  init("next", warps);
  p_.close();
  if (operands_.patches) {
    p_.openLoop("i", tile_.steps, /*unrolled=*/false);
    init("kept", 1);
    p_.close();
  }
  p_.line("weft::publish_barriers();");
  p_.close();
  p_.line("__syncthreads();");
}

void PersistentEmitter::openTiles(StringRef first, int64_t step) {
  std::string by = step == 1 ? "" : std::to_string(step) + " * ";
  p_.line("int number = " + first + ";");
  p_.open("for (" + p_.indexType() +
          " block = blockIdx.x + number * gridDim.x"
          "; block < " +
          Twine(tilesInAll()) + "; block += " + by +
          "gridDim.x, number += " + Twine(step) + ")");
}

/// Declares where the tile's results lie.
void PersistentEmitter::locateTile() {
  locate(p_.usedDims());
  if (operands_.patches)
    operands_.patches->locate(p_);
}

/// What one thread does: starts the copies, as places for them become free.
void PersistentEmitter::printCopies() {
  llvm::SmallBitVector used = p_.usedDims();
  openTiles("0", 1);
  locate(used);
  operands_.rows.locate(p_, used);
  operands_.columns.locate(p_, used);
  // A stage is for the same step of every tile.
  bool columnsStay = contraction_.batches == 1 && tile_.stages % tiles_ == 0;
  p_.open("for (int tile = 0; tile < " + Twine(tiles_) + "; ++tile)");
  p_.line("const int turn = number * " + Twine(tiles_) + " + tile;");
  printBulkCopies(operands_.rows, operands_.columns, "turn", "tile", used,
                  columnsStay);
  p_.close();
  p_.close();
}

/// The same for patches: behind the first of a block, columns that stay.
void PersistentEmitter::printPatchCopies() {
  const PatchOperand &patches = *operands_.patches;
  std::string chunks = std::to_string(patches.chunks()),
              taps = std::to_string(patches.taps());
  openTiles("0", 1);
  locateTile();
  operands_.columns.locate(p_, p_.usedDims());
  p_.open("for (int chunk = 0; chunk < " + chunks + "; ++chunk)");
  p_.line("const int turn = number * " + chunks + " + chunk;");
  claimPlace("turn", std::to_string(tile_.patchLines * kMatrixLineBytes));
  patches.copy(p_, "chunk",
               "shared + place * " + std::to_string(tile_.patchBytes()),
               "full + place");
  p_.open("if (number > 0)");
  p_.line("continue;");
  p_.close();
  p_.open("for (int tap = 0; tap < " + taps + "; ++tap)");
  p_.line("const int step = chunk * " + taps + " + tap;");
  p_.line("const int depth = " + patches.depth("chunk", "tap") + ";");
  p_.line("weft::expect_bytes(kept + step, " + Twine(tile_.columnBytes()) +
          ");");
  operands_.columns.copy(
      p_, "depth", "weights + step * " + std::to_string(tile_.columnBytes()),
      "kept + step", p_.usedDims());
  p_.close();
  p_.close();
  p_.close();
}

/// Sums of zero, and the team's turn to wait for stages.
void PersistentEmitter::startTurn() {
  p_.line("float " + sum_ + "[" + Twine(sumsDown()) + "][" +
          Twine(sumsAcross()) + "][4] = {};");
  p_.openLoop("i", sumsDown(), /*unrolled=*/true);
  p_.line("weft::hold_sums(" + sum_ + "[i]);");
  p_.close();
  std::string teams = std::to_string(tile_.teams);
  if (tile_.teams > 1) {
    p_.open("if (number > 0)");
    p_.line("weft::wait_at(next + team, (number - 1) / " + teams + " % 2);");
    p_.close();
  }
}

/// The next team's turn; the products are done.
void PersistentEmitter::endTurn() {
  if (tile_.teams > 1) {
    p_.open("if (lane == 0)");
    p_.line("weft::arrive(next + (team + 1) % " + Twine(tile_.teams) + ");");
    p_.close();
  }
  printFinish();
}

void PersistentEmitter::printSteps() {
  std::string stages = std::to_string(tile_.stages);
  startTurn();
  p_.line("int step = number * " + Twine(tiles_) + ";");
  p_.open("for (int tile = 0; tile < " + Twine(tiles_) + "; ++tile, ++step)");
  p_.line("weft::wait_at(full + step % " + stages + ", step / " + stages +
          " % 2);");
  declareTiles("(step % " + stages + ")");
  printGroupProducts();
  p_.line("weft::wait_for_products<1>(); // the step before");
  p_.open("if (tile > 0 && lane == 0)");
  p_.line("weft::arrive(empty + (step - 1) % " + stages + ");");
  p_.close();
  p_.close();
  endTurn();
  p_.open("if (lane == 0)");
  p_.line("weft::arrive(empty + (step - 1) % " + stages + ");");
  p_.close();
}

/// The same for patches. All waits are for all tiles, also those for columns
/// that have been there for long: else the assembler would not let products
/// overlap.
void PersistentEmitter::printPatchSteps() {
  const PatchOperand &patches = *operands_.patches;
  std::string stages = std::to_string(tile_.stages),
              chunks = std::to_string(patches.chunks()),
              taps = std::to_string(patches.taps());
  startTurn();
  p_.line("int turn = number * " + chunks + ";");
  p_.open("for (int chunk = 0; chunk < " + chunks + "; ++chunk, ++turn)");
  p_.line("weft::wait_at(full + turn % " + stages + ", turn / " + stages +
          " % 2);");
  p_.line("const unsigned char *patch = shared + turn % " + stages + " * " +
          Twine(tile_.patchBytes()) + ";");
  p_.openLoop("tap", patches.taps(), /*unrolled=*/true);
  p_.line("const int step = chunk * " + taps + " + tap;");
  p_.line("weft::wait_at(kept + step, 0);");
  p_.line("const unsigned char *a_tile = patch + (" + patches.shift("tap") +
          ") * " + Twine(kMatrixLineBytes) + ";");
  p_.line("const unsigned char *b_tile = weights + step * " +
          Twine(tile_.columnBytes()) + ";");
  printGroupProducts();
  p_.line("weft::wait_for_products<1>(); // the tap before");
  p_.open("if (tap == 0 && chunk > 0 && lane == 0)");
  p_.line("weft::arrive(empty + (turn - 1) % " + stages + ");");
  p_.close();
  p_.close();
  p_.close();
  endTurn();
  p_.open("if (lane == 0)");
  p_.line("weft::arrive(empty + (turn - 1) % " + stages + ");");
  p_.close();
}

/// Two neighbouring columns of a row.
void PersistentEmitter::printPair() {
  LanePrinter pair(p_, nest_.numParallel - 1, 2);
  std::string at = " *>(result + " +
                   BulkResult::place(tile_.rows, "own", "down") + ")",
              place = "reinterpret_cast<" +
                      storageType(p_.outputType(store_->output)) + at;
  pair.keepStoreAt(store_, place);
  if (operands_.residual) {
    const Stmt &load = nest_.stmts[operands_.residualStmt];
    pair.keepLoadAt(operands_.residualStmt,
                    "reinterpret_cast<const " + storageType(load.type) + at);
  }
  pair.storeAll({store_}, [&] {
    p_.finish(nest_.stages[0].accumulators[0],
              sum_ + "[i / 2][j][i % 2 * 2 + k]");
  });
}

void PersistentEmitter::printResults() {
  llvm::SmallBitVector used = usedBehindSum(nest_, operands_.residualStmt);
  auto any = [&](ArrayRef<unsigned> dims) {
    return llvm::any_of(dims, [&](unsigned dim) { return used.test(dim); });
  };
  StringRef type = p_.indexType();
  p_.line("const int first = warp_row + thread / 32 % 4 * 16 + lane / 4;");
  p_.line("const int own = weft::swizzled(first, lane % 4 * 4);");
  p_.openLoop("j", sumsAcross(), /*unrolled=*/true);
  bool guardsColumns = any(contraction_.columns.dims) &&
                       contraction_.columns.extent % tile_.columns != 0;
  if (any(contraction_.columns.dims))
    p_.line("const " + type + " column = first_column + j * 8 + lane % 4 * 2;");
  if (guardsColumns)
    p_.open("if (column < " + Twine(contraction_.columns.extent) + ")");
  p_.splitDims("column", contraction_.columns.dims, used);
  p_.openLoop("i", 2 * sumsDown(), /*unrolled=*/true);
  p_.line("const int down = i / 2 * 64 + i % 2 * 8;");
  bool guardsRows =
      any(contraction_.rows.dims) && contraction_.rows.extent % tile_.rows != 0;
  if (any(contraction_.rows.dims))
    p_.line("const " + type + " row = first_row + first + down;");
  if (guardsRows)
    p_.open("if (row < " + Twine(contraction_.rows.extent) + ")");
  p_.splitDims("row", contraction_.rows.dims, used);
  printPair();
  if (guardsRows)
    p_.close();
  p_.close();
  if (guardsColumns)
    p_.close();
  p_.close();
}

/// Has each warp write the rows that it has put into shared memory, 16 bytes a
/// lane: those at positions of windows.
void PersistentEmitter::printOwnStores() {
  constexpr int64_t kLaneColumns = 8, kRows = 16; // of a warp, every 64 rows
  int64_t across = tile_.columns / kLaneColumns, down = 32 / across,
          turns = kRows / down;
  StringRef type = p_.indexType();
  p_.line("__syncwarp();");
  p_.openLoop("i", sumsDown() * turns, /*unrolled=*/true);
  p_.line("const int line = warp_row + i / " + Twine(turns) +
          " * 64 + thread / 32 % 4 * 16 + i % " + Twine(turns) + " * " +
          Twine(down) + " + lane / " + Twine(across) + ";");
  p_.line("const int along = lane % " + Twine(across) + " * " +
          Twine(kLaneColumns) + ";");
  p_.line("const " + type + " row = first_row + line;");
  p_.line("const " + type + " column = first_column + along;");
  std::string inside;
  for (const PatchOperand::Axis &axis : operands_.patches->axes()) {
    std::string position = "row";
    if (axis.pitch > 1)
      position += " / " + std::to_string(axis.pitch);
    if (axis.size > 0)
      position += " % " + std::to_string(axis.size);
    if (axis.dim >= 0) {
      const std::string &name = p_.dims[axis.dim];
      p_.line("const " + type + " " + name + " = " + position + ";");
      position = name;
    }
    inside += (inside.empty() ? "" : " && ") + position + " < " +
              std::to_string(axis.windows);
  }
  p_.splitDims("column", contraction_.columns.dims,
               llvm::SmallBitVector(nest_.sizes.size(), true));
  p_.open("if (" + inside + ")");
  p_.line("weft::store_vector(" +
          p_.address(p_.output(store_->output), store_->offset) +
          ", weft::load_vector<" + Twine(kLaneColumns) +
          ">(reinterpret_cast<const " +
          storageType(p_.outputType(store_->output)) + " *>(result + " +
          BulkResult::placeOf(tile_.rows, "line", "along") + ")));");
  p_.close();
  p_.close();
}

/// Lets `team` write the results of `block`, once it has the residual.
void PersistentEmitter::printFree(StringRef team) {
  if (!operands_.residual) {
    p_.line("weft::arrive(free + " + team + ");");
    return;
  }
  locateTile();
  operands_.residual->load(p_, tile_.columns, "result",
                           ("free + " + team).str());
}

void PersistentEmitter::declareResult() {
  p_.line("unsigned char *result = results" +
          (tile_.sharesResults()
               ? std::string()
               : " + team * " + std::to_string(tile_.resultBytes())) +
          ";");
}

/// What one thread does for each team.
void PersistentEmitter::printStores() {
  std::string all = std::to_string(tilesInAll());
  StringRef type = p_.indexType();
  // Who writes next where this team's results were, and how many tiles later.
  bool shares = tile_.sharesResults();
  std::string nextTeam = shares ? "(team + 1) % " + std::to_string(tile_.teams)
                                : std::string("team"),
              step = shares ? "" : std::to_string(tile_.teams) + " * ";
  declareResult();
  p_.open("");
  p_.line("const " + type + " block = blockIdx.x + team * gridDim.x;");
  p_.open((shares ? "if (team == 0 && block < " : "if (block < ") + all + ")");
  printFree("team");
  p_.close();
  p_.close();
  openTiles("team", tile_.teams);
  p_.line("weft::wait_at(written + team, number / " + Twine(tile_.teams) +
          " % 2);");
  if (!operands_.patches) {
    p_.open("");
    locateTile();
    operands_.result.store(p_, tile_.columns, "result");
    p_.close();
  }
  p_.line("const " + type + " later = block + " + step + "gridDim.x;");
  p_.open("if (later < " + all + ")");
  if (!operands_.patches)
    p_.line("weft::wait_for_reads_of_stores();");
  p_.line("const " + type + " block = later;");
  printFree(nextTeam);
  p_.close();
  p_.close();
  if (!operands_.patches)
    p_.line("weft::wait_for_stores();");
}

void PersistentEmitter::printTeams() {
  std::string threads = std::to_string(tile_.teamThreads());
  p_.line("const int team = thread / " + threads + ";");
  p_.line("thread %= " + threads + ";");
  locateWarp("thread");
  openTiles("team", tile_.teams);
  locate(p_.usedDims());
  if (operands_.patches)
    printPatchSteps();
  else
    printSteps();
  declareResult();
  if (hasStorers())
    p_.line("weft::wait_at(free + team, number / " + Twine(tile_.teams) +
            " % 2);");
  else
    p_.line("__syncwarp(); // the results before are written");
  printResults();
  if (operands_.patches)
    printOwnStores();
  if (hasStorers()) {
    p_.line("weft::publish_copies();");
    p_.line("__syncwarp();");
    p_.open("if (lane == 0)");
    p_.line("weft::arrive(written + team);");
    p_.close();
  }
  p_.close();
}

CudaKernel PersistentEmitter::emit(int64_t blocks) {
  p_.avoidsSpills = true;
  p_.line("WEFT_DYNAMIC_SHARED(shared);");
  p_.line("int thread = threadIdx.x;");
  p_.line("const int lane = thread % 32;");
  if (operands_.patches)
    operands_.patches->declare(p_, tile_.patchLines, "a_map");
  else
    operands_.rows.declare(p_, tile_.rows, "a_map", "row");
  operands_.columns.declare(p_, tile_.columns, "b_map", "column");
  if (!operands_.patches)
    operands_.result.declare(p_, tile_.rows, "result_map");
  if (operands_.residual)
    operands_.residual->declare(p_, tile_.rows, "residual_map");
  declareBarriers();
  p_.line("weft::follow_previous();");
  p_.open("if (thread >= " + Twine(tile_.workers()) + ")");
  p_.line("weft::keep_registers<" + Twine(kMoverRegisters) + ">();");
  p_.line("const int team = thread / 32 - " + Twine(tile_.workers() / 32 + 1) +
          ";");
  p_.open("if (lane == 0 && team < 0)");
  if (operands_.patches)
    printPatchCopies();
  else
    printCopies();
  p_.close();
  if (hasStorers()) {
    p_.open("else if (lane == 0 && team < " + Twine(tile_.teams) + ")");
    printStores();
    p_.close();
  }
  p_.close();
  p_.open("else");
  // What is left for them, a multiple of 8.
  int64_t registers = (65536 - 1024 - kMoverRegisters * tile_.movers()) /
                      tile_.workers() / 8 * 8;
  p_.line("weft::take_registers<" + Twine(std::min<int64_t>(registers, 240)) +
          ">();");
  printTeams();
  p_.close();
  if (operands_.patches) // all tiles of a block have the same columns
    blocks -= blocks % tilesAcross();
  CudaKernel kernel = p_.take(std::min(blocks, tilesInAll()), tile_.threads());
  kernel.sharedBytes = static_cast<uint32_t>(tile_.sharedBytes());
  return kernel;
}

CudaKernel emitPersistent(ir::GroupOp group, const LoopNest &nest,
                          const Contraction &contraction,
                          PersistentOperands operands, const MatrixTile &tile,
                          int64_t blocks) {
  Contraction tiled = contraction;
  if (operands.patches)
    tiled.rows.extent = operands.patches->shape().positions;
  return PersistentEmitter(group, nest, tiled, std::move(operands), tile)
      .emit(blocks);
}

} // namespace weft::cuda
