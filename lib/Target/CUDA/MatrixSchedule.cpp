// SPDX-License-Identifier: Apache-2.0
// The main loop keeps several tiles of the operands in shared memory: while
// tensor cores multiply one, the copies of those behind it are under way. The
// sums then pass through shared memory, so that a thread finishes neighbouring
// columns of a row: what the group does to them is printed from its own
// statements, and elements are loaded and stored 16 bytes at once.
//
// Where there are few tiles and a long k, the blocks of a cluster share a tile:
// each sums a part of k, and each finishes a part of the rows with the sums of
// all.
//
// Where the tensor memory accelerator can read the operands, a warp of its own
// has it bring the tiles, and barriers in shared memory say which are there and
// which are done with.
#include "MatrixSchedule.h"

#include "Lanes.h"
#include "MatrixPrinter.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

namespace {

/// Below this most of a tile would be empty.
constexpr int64_t kLeastExtent = 16;

class MatrixEmitter : MatrixPrinter {
public:
  template <typename Operand>
  MatrixEmitter(ir::GroupOp group, const LoopNest &nest,
                const Contraction &contraction, const MatrixTile &tile,
                const OperandPair<Operand> &operands)
      : MatrixPrinter(group, nest, contraction, operands.rows.isAlongDepth(),
                      operands.columns.isAlongDepth(), tile) {}

  /// The kernel that has `operands` brought as they say.
  template <typename Operand> CudaKernel emit(OperandPair<Operand> operands);

private:
  int64_t ownTiles() const { return llvm::divideCeil(tiles_, tile_.splits); }
  int64_t tilesAhead() const { return tile_.tilesAhead(ownTiles()); }

  void printBlock();
  void printTileCount();
  void declare(CopiedOperands &operands);
  void printLoop(const CopiedOperands &operands);
  void printCopies(const CopiedOperands &operands);
  void printProducts();
  void declare(BulkOperands &operands);
  void printLoop(const BulkOperands &operands);
  void printBulkProducer(const BulkOperands &operands);
  void printSums();
  void printTotal(int64_t lanes);
  void openWorkers();
  void closeWorkers();
  void printResults();

  llvm::SmallBitVector used_;
};

// ---- where a block works ----------------------------------------------------

void MatrixEmitter::printBlock() {
  p_.line("const int thread = threadIdx.x;");
  std::string block = "blockIdx.x";
  if (tile_.splits > 1) {
    block += " / " + std::to_string(tile_.splits);
    p_.line("const int part = blockIdx.x % " + Twine(tile_.splits) + ";");
  }
  p_.line("const " + p_.indexType() + " block = " + block + ";");
  locate(used_);
}

// ---- products ---------------------------------------------------------------

void MatrixEmitter::declare(CopiedOperands &operands) {
  auto &[rows, columns] = operands;
  rows.setNames("row", "a_tile");
  columns.setNames("column", "b_tile");
  rows.declare(p_, tile_.rows, tile_.threads(), used_);
  columns.declare(p_, tile_.columns, tile_.threads(), used_);
}

void MatrixEmitter::printCopies(const CopiedOperands &operands) {
  int64_t ahead = tilesAhead();
  std::string first = "next";
  p_.line("const int next = tile + " + Twine(ahead) + ";");
  p_.open("if (next < tiles)");
  if (tile_.splits > 1)
    first = "(part * " + std::to_string(ownTiles()) + " + next)";
  p_.line("unsigned char *stage = shared + next % " + Twine(tile_.stages) +
          " * " + Twine(stageBytes()) + ";");
  p_.line("const " + p_.indexType() + " depth = " + first + " * " +
          Twine(operands.rows.tileDepth()) + ";");
  operands.rows.copy(p_, "depth", "stage", used_);
  operands.columns.copy(
      p_, "depth",
      "stage + " + std::to_string(operands.rows.tileBytes(tile_.rows)), used_);
  p_.close();
  p_.line("weft::commit_copies();");
}

void MatrixEmitter::printTileCount() {
  int64_t own = ownTiles();
  std::string count = std::to_string(own);
  if (tile_.splits > 1 && tiles_ % tile_.splits != 0)
    count = "part == " + std::to_string(tile_.splits - 1) + " ? " +
            std::to_string(tiles_ - (tile_.splits - 1) * own) + " : " + count;
  p_.line("const int tiles = " + count + ";");
}

void MatrixEmitter::printLoop(const CopiedOperands &operands) {
  int64_t ahead = tilesAhead();
  std::string place = "tile % " + std::to_string(tile_.stages);
  printTileCount();
  p_.open("for (int tile = " + Twine(-ahead) + "; tile < tiles; ++tile)");
  p_.open("if (tile >= 0)");
  p_.line("weft::wait_for_copies<" + Twine(ahead - 1) + ">();");
  if (tile_.warpGroups)
    p_.line("weft::publish_copies();");
  p_.line("__syncthreads();");
  if (tile_.warpGroups) {
    declareTiles(place);
    printGroupProducts();
  }
  p_.close();
  printCopies(operands);
  p_.open("if (tile >= 0)");
  if (tile_.warpGroups) {
    waitForStepBefore();
  } else {
    declareTiles(place);
    printProducts();
  }
  p_.close();
  p_.close();
  if (tile_.warpGroups)
    printFinish();
}

// ---- bulk copies ------------------------------------------------------------

/// The maps, and two barriers for each stage: `full` counts bytes, `empty` the
/// warps that are done with it.
void MatrixEmitter::declare(BulkOperands &operands) {
  operands.rows.declare(p_, tile_.rows, "a_map", "row");
  operands.columns.declare(p_, tile_.columns, "b_map", "column");
  p_.line("weft::Barrier *full = reinterpret_cast<weft::Barrier *>(shared + " +
          Twine(tile_.sharedBytes() - tile_.barrierBytes()) + ");");
  p_.line("weft::Barrier *empty = full + " + Twine(tile_.stages) + ";");
  p_.open("if (thread == 0)");
  p_.fetchTensorMaps();
  p_.openLoop("i", tile_.stages, /*unrolled=*/false);
  p_.line("weft::init_barrier(full + i, 1);");
  p_.line("weft::init_barrier(empty + i, " + Twine(tile_.workers() / 32) +
          ");");
  p_.close();
  p_.line("weft::publish_barriers();");
  p_.close();
  p_.line("__syncthreads();");
}

/// What one thread does: starts the copies, as places for them become free.
void MatrixEmitter::printBulkProducer(const BulkOperands &operands) {
  operands.rows.locate(p_, used_);
  operands.columns.locate(p_, used_);
  std::string step = "tile";
  if (tile_.splits > 1)
    step = "(part * " + std::to_string(ownTiles()) + " + tile)";
  p_.open("for (int tile = 0; tile < tiles; ++tile)");
  printBulkCopies(operands.rows, operands.columns, "tile", step, used_);
  p_.close();
}

void MatrixEmitter::printLoop(const BulkOperands &operands) {
  std::string stages = std::to_string(tile_.stages);
  printTileCount();
  p_.open("if (thread >= " + Twine(tile_.workers()) + ")");
  p_.open("if (lane == 0)");
  printBulkProducer(operands);
  p_.close();
  p_.line("__syncwarp();");
  p_.close();
  p_.open("else");
  p_.open("for (int tile = 0; tile < tiles; ++tile)");
  p_.line("weft::wait_at(full + tile % " + stages + ", tile / " + stages +
          " % 2);");
  declareTiles("tile % " + stages);
  printGroupProducts();
  waitForStepBefore();
  p_.open("if (tile > 0 && lane == 0)");
  p_.line("weft::arrive(empty + (tile - 1) % " + stages + ");");
  p_.close();
  p_.close();
  printFinish();
  p_.close();
}

void MatrixEmitter::printProducts() {
  p_.openLoop("k", kMatrixLineBytes / kMatrixStepBytes, /*unrolled=*/true);
  printFragments("a_tile", rowsAlongDepth_, /*isRows=*/true, "a", sumsDown(),
                 "warp_row + i * 16");
  printFragments("b_tile", columnsAlongDepth_, /*isRows=*/false, "b",
                 sumsAcross() / 2, "warp_column + i * 16");
  p_.openLoop("i", sumsDown(), true);
  p_.openLoop("j", sumsAcross(), true);
  std::string multiply =
      isTf32() ? "multiply_tf32" : "multiply_matrices<" + elementType() + ">";
  p_.line("weft::" + multiply + "(" + sum_ +
          "[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);");
  p_.close();
  p_.close();
  p_.close();
}

// ---- results ----------------------------------------------------------------

/// Puts the sums into shared memory, as a tile of floats.
void MatrixEmitter::printSums() {
  if (!tile_.bulk)
    p_.line("weft::wait_for_copies<0>();");
  p_.line("__syncthreads(); // the tiles are done with");
  p_.line("float *sums = reinterpret_cast<float *>(shared);");
  openWorkers();
  p_.openLoop("i", sumsDown(), true);
  p_.openLoop("j", sumsAcross(), true);
  p_.openLoop("half", 2, true);
  std::string pitch = std::to_string(tile_.pitch());
  std::string line =
      tile_.warpGroups
          ? "warp_row + i * 64 + thread / 32 % 4 * 16 + lane / 4 + half * 8"
          : "warp_row + i * 16 + lane / 4 + half * 8";
  p_.line("weft::store_vector(sums + (" + line + ") * " + pitch +
          " + warp_column + j * 8 + lane % 4 * 2, weft::Vector<float, 2>{" +
          sum_ + "[i][j][half * 2], " + sum_ + "[i][j][half * 2 + 1]});");
  p_.close();
  p_.close();
  p_.close();
  closeWorkers();
  p_.line(tile_.splits > 1 ? "weft::synchronize_cluster();"
                           : "__syncthreads();");
}

/// The warp that brings the tiles has no sums.
void MatrixEmitter::openWorkers() {
  if (tile_.bulk)
    p_.open("if (thread < " + Twine(tile_.workers()) + ")");
}
void MatrixEmitter::closeWorkers() {
  if (tile_.bulk)
    p_.close();
}

/// Neighbouring sums of a line, of all blocks that share the tile.
void MatrixEmitter::printTotal(int64_t lanes) {
  std::string count = std::to_string(lanes),
              from =
                  "sums + line * " + std::to_string(tile_.pitch()) + " + along";
  p_.line("auto total = weft::load_vector<" + count + ">(" +
          (tile_.splits > 1 ? "weft::of_block(" + from + ", 0)" : from) + ");");
  if (tile_.splits == 1)
    return;
  p_.openLoop("other", tile_.splits - 1, /*unrolled=*/true);
  p_.line("const auto more = weft::load_vector<" + count + ">(weft::of_block(" +
          from + ", other + 1));");
  p_.openLoop("k", lanes, true);
  p_.line("total[k] = weft::add(total[k], more[k]);");
  p_.close();
  p_.close();
}

void MatrixEmitter::printResults() {
  unsigned last = nest_.numParallel - 1;
  LanePrinter vectors(p_, last, LanePrinter::widest(p_, last, 8));
  int64_t lanes = vectors.count(), across = tile_.columns / lanes;
  int64_t lines = tile_.rows / tile_.splits;
  std::string count = std::to_string(lanes);
  StringRef type = p_.indexType();
  openWorkers();
  // A thread stays in its columns where the threads fill whole lines.
  bool stays = tile_.workers() % across == 0;
  std::string number = "thread";
  auto placeAlong = [&] {
    p_.line("const int along = " + number + " % " + Twine(across) + " * " +
            count + ";");
    p_.line("const " + type + " column = first_column + along;");
  };
  std::string line = "thread / " + std::to_string(across) + " + (turn + u) * " +
                     std::to_string(tile_.workers() / across);
  if (stays) {
    placeAlong();
  } else {
    number = "number";
    line = "number / " + std::to_string(across);
  }
  if (tile_.splits > 1)
    line = "part * " + std::to_string(lines) + " + " + line;
  std::string inside;
  auto need = [&](const Twine &part) {
    inside += (inside.empty() ? "" : " && ") + part.str();
  };
  if (contraction_.rows.extent % tile_.rows != 0)
    need("row < " + Twine(contraction_.rows.extent));
  if (contraction_.columns.extent % tile_.columns != 0)
    need("column < " + Twine(contraction_.columns.extent));
  if (lines * across % tile_.workers() != 0)
    need(number + " / " + Twine(across) + " < " + Twine(lines));
  auto place = [&] {
    if (!stays) {
      p_.line("const int number = thread + (turn + u) * " +
              Twine(tile_.workers()) + ";");
      placeAlong();
    }
    p_.line("const int line = " + line + ";");
    p_.line("const " + type + " row = first_row + line;");
    if (!inside.empty())
      p_.open("if (" + inside + ")");
    p_.splitDims("row", contraction_.rows.dims, used_);
    p_.splitDims("column", contraction_.columns.dims, used_);
    return inside.empty() ? 0 : 1;
  };
  SmallVector<const Store *> stores = storesOf(nest_);
  vectors.printTurns(llvm::divideCeil(lines * across, tile_.workers()), stores,
                     place, [&] {
                       printTotal(lanes);
                       vectors.storeAll(stores, [&] {
                         p_.finish(nest_.stages[0].accumulators[0], "total[k]");
                       });
                     });
  closeWorkers();
  if (tile_.splits > 1)
    p_.line("weft::synchronize_cluster(); // others may still read my sums");
}

// ---- the kernel -------------------------------------------------------------

template <typename Operand>
CudaKernel MatrixEmitter::emit(OperandPair<Operand> operands) {
  used_ = p_.usedDims();
  p_.line("WEFT_DYNAMIC_SHARED(shared);");
  printBlock();
  p_.line("const int lane = thread % 32;");
  locateWarp("thread");
  declare(operands);
  p_.line("float " + sum_ + "[" + Twine(sumsDown()) + "][" +
          Twine(sumsAcross()) + "][4] = {};");
  p_.line("weft::follow_previous();");
  printLoop(operands);
  printSums();
  printResults();
  if (tile_.splits > 1)
    p_.attributes = "WEFT_CLUSTER(" + std::to_string(tile_.splits) + ")";
  CudaKernel kernel = p_.take(tilesInAll() * tile_.splits, tile_.threads());
  kernel.sharedBytes = static_cast<uint32_t>(tile_.sharedBytes());
  return kernel;
}

} // namespace

MatrixSchedule::MatrixSchedule(ir::GroupOp group, const LoopNest &nest,
                               Contraction contraction, MatrixOperands operands,
                               MatrixUnits units)
    : group_(group), nest_(&nest), contraction_(std::move(contraction)),
      operands_(std::move(operands)), units_(units) {}

template <typename Operand>
static std::optional<OperandPair<Operand>>
bothOf(std::optional<Operand> rows, std::optional<Operand> columns) {
  if (!rows || !columns)
    return std::nullopt;
  return OperandPair<Operand>{*std::move(rows), *std::move(columns)};
}

/// Those that blocks with one tile multiply.
static std::optional<MatrixOperands>
choose(const std::optional<CopiedOperands> &copied,
       const std::optional<BulkOperands> &bulk, int64_t depth) {
  if (bulk && (!copied || gainsFromBulk(depth)))
    return *bulk;
  if (copied)
    return *copied;
  return std::nullopt;
}

/// Whether tensor cores multiply elements of `type`.
static bool isMultiplied(Type type, const CudaTarget &target) {
  return type.isF16() || type.isBF16() || (type.isF32() && target.tf32);
}

/// Whether the columns are weights that have been rounded to TF32.
static bool hasTf32Columns(ir::GroupOp group, const LoopNest &nest,
                           const Contraction &contraction) {
  const Stmt &product = nest.stmts[nest.stages[0].accumulators[0].value];
  return contraction.columns.stmt == product.operands[1] &&
         llvm::any_of(group.getBody().front(),
                      [](Operation &op) { return op.hasAttr("tf32_weights"); });
}

/// Of float32, warp groups read the columns from memory, along k alone, and see
/// only the bits that TF32 has.
static std::optional<BulkOperands> matchBulk(ir::GroupOp group,
                                             const LoopNest &nest,
                                             const Contraction &contraction) {
  auto operands =
      bothOf(BulkOperand::match(nest, contraction.rows, contraction),
             BulkOperand::match(nest, contraction.columns, contraction));
  if (operands && contraction.type.isF32() &&
      !(operands->columns.isAlongDepth() &&
        hasTf32Columns(group, nest, contraction)))
    return std::nullopt;
  return operands;
}

/// Counted in 16-bit floats: an instruction takes half as many of float32, at
/// half the rate.
static int64_t depthOf(const LoopNest &nest, const Contraction &contraction) {
  return nest.numInnerPoints() * kMatrixDepth / matrixDepth(contraction.type);
}

std::optional<MatrixSchedule> MatrixSchedule::match(ir::GroupOp group,
                                                    const LoopNest &nest,
                                                    const CudaTarget &target) {
  std::optional<MatrixUnits> units = matrixUnitsOf(target);
  std::optional<Contraction> c = matchContraction(nest);
  if (!units || !c || !isMultiplied(c->type, target) ||
      c->rows.extent < kLeastExtent || c->columns.extent < kLeastExtent ||
      nest.numInnerPoints() < kLeastExtent)
    return std::nullopt;
  std::optional<BulkOperands> bulk;
  if (units->bulk)
    bulk = matchBulk(group, nest, *c);
  std::optional<MatrixOperands> operands =
      choose(bothOf(MatrixOperand::match(nest, c->rows),
                    MatrixOperand::match(nest, c->columns)),
             bulk, depthOf(nest, *c));
  if (!operands)
    return std::nullopt;
  units->bulk = std::holds_alternative<BulkOperands>(*operands);
  if (c->type.isF32()) {
    // Of what threads copy, warps round both operands in registers. Rows on
    // their way to warp groups take registers, too.
    units->warpGroups = units->bulk;
    units->sums = 96;
  }
  MatrixSchedule schedule(group, nest, *std::move(c), *std::move(operands),
                          *units);
  // Patches have lines of 16-bit floats, and float32 gains little by staying.
  if (bulk && !schedule.contraction_.type.isF32())
    schedule.matchStaying(*bulk);
  schedule.tiles_ =
      rankedMatrixTiles(schedule.contraction_,
                        depthOf(nest, schedule.contraction_), schedule.units_);
  for (const MatrixTile &tile : schedule.tiles_)
    schedule.names_.push_back(print(tile));
  return schedule;
}

/// Finds out what blocks that stay can do for this contraction.
void MatrixSchedule::matchStaying(const BulkOperands &operands) {
  const auto &[rows, columns] = operands;
  staying_ =
      PersistentOperands::match(group_, *nest_, contraction_, rows, columns);
  units_.stays = staying_.has_value();
  units_.residual = staying_ && staying_->residual;
  patches_ = PersistentOperands::matchPatches(group_, *nest_, contraction_,
                                              rows, columns);
  if (patches_)
    units_.patches = patches_->patches->shape();
}

CudaKernel MatrixSchedule::emitTile(const MatrixTile &tile) const {
  if (tile.teams > 0)
    return emitPersistent(group_, *nest_, contraction_,
                          tile.sharesPatches() ? *patches_ : *staying_, tile,
                          units_.multiprocessors);
  return std::visit(
      [&](const auto &operands) {
        return MatrixEmitter(group_, *nest_, contraction_, tile, operands)
            .emit(operands);
      },
      operands_);
}

CudaKernel MatrixSchedule::emit(StringRef tile) const {
  const MatrixTile &chosen = tiles_[llvm::find(names_, tile) - names_.begin()];
  CudaKernel kernel = emitTile(chosen);
  kernel.cycles =
      cyclesOf(chosen, contraction_, depthOf(*nest_, contraction_), units_);
  return kernel;
}

} // namespace weft::cuda
