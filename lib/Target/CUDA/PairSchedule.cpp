// SPDX-License-Identifier: Apache-2.0
// Blocks stay and take tiles of rows. A team has 64 of them and goes through
// the columns of the first product, 64 at a time: it sums them, finishes them
// in registers and writes them to a piece of shared memory. From there they go
// to memory, and there the second product, whose sums stay in registers, reads
// its left operand.
//
// One thread has weights brought, which all teams use. One more for each team
// has its rows and residuals brought and its results written to memory. What is
// read where the first result is written comes to the piece before, and results
// take its place.
#include "PairSchedule.h"

#include "Lanes.h"
#include "MatrixOperand.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

/// Rows of a team, and columns of a piece: 128 bytes.
static constexpr int64_t kPieceRows = 64, kPieceColumns = 64;
static constexpr int64_t kPieceBytes = kPieceRows * kMatrixLineBytes;
static constexpr int64_t kMaxDepth = 256;
/// Pairs of columns of a piece that a thread reads before it writes the first.
static constexpr int64_t kAtOnce = 4;
static constexpr int64_t kMoverRegisters = 40;
static constexpr int64_t kMovers = 128;

// ---- matching ---------------------------------------------------------------

/// What the accelerator moves for one of the two.
static std::optional<PersistentOperands>
operandsOf(ir::GroupOp group, const LoopNest &nest,
           const Contraction &contraction) {
  auto rows = BulkOperand::match(nest, contraction.rows, contraction),
       columns = BulkOperand::match(nest, contraction.columns, contraction);
  if (!rows || !columns || !rows->isAlongDepth())
    return std::nullopt;
  return PersistentOperands::match(group, nest, contraction, *rows, *columns);
}

/// Whether the second product multiplies rows of the first as they are stored,
/// and reads them nowhere else.
static bool readsRows(const LoopNest &second, const Contraction &contraction,
                      int64_t width, unsigned input) {
  for (auto [id, stmt] : llvm::enumerate(second.stmts)) {
    bool isRows = static_cast<int>(id) == contraction.rows.stmt;
    bool isPiece = stmt.kind == Stmt::Kind::load && stmt.input == input;
    if (isRows != isPiece)
      return false;
    if (isRows &&
        (!stmt.guards.empty() || valueAtZero(stmt.expr, second) != 0 ||
         commonStride(second, stmt.expr, contraction.rows.dims) != width ||
         commonStride(second, stmt.expr, innerDims(second)) != 1))
      return false;
  }
  return second.numInnerPoints() == width;
}

std::optional<PairSchedule> PairSchedule::match(ir::GroupOp group,
                                                const PairNests &nests,
                                                const CudaTarget &target) {
  std::optional<MatrixUnits> units = matrixUnitsOf(target);
  std::optional<Contraction> first = matchContraction(nests.first),
                             second = matchContraction(nests.second);
  if (!units || !units->bulk || !first || !second ||
      !(first->type.isF16() || first->type.isBF16()) ||
      first->type != second->type || first->batches != 1 ||
      second->batches != 1)
    return std::nullopt;
  PairSchedule pair(group, nests);
  pair.units_ = *units;
  pair.first_ = *std::move(first);
  pair.second_ = *std::move(second);
  bool fits = pair.depth() % kMatrixDepth == 0 && pair.depth() <= kMaxDepth &&
              pair.width() % kPieceColumns == 0 &&
              llvm::is_contained({64, 128, 256}, pair.outputs()) &&
              pair.first_.rows.extent == pair.second_.rows.extent;
  unsigned piece = group.getInputs().size() + group.getPairedResult();
  if (!fits || !readsRows(nests.second, pair.second_, pair.width(), piece))
    return std::nullopt;
  pair.ofFirst_ = operandsOf(group, nests.first, pair.first_);
  pair.ofSecond_ = operandsOf(group, nests.second, pair.second_);
  if (!pair.ofFirst_ || !pair.ofSecond_ ||
      storesOf(nests.first)[0]->output != group.getPairedResult())
    return std::nullopt;
  pair.findTiles();
  if (pair.tiles_.empty())
    return std::nullopt;
  return pair;
}

// ---- the tile ---------------------------------------------------------------

int64_t PairSchedule::tilesOf(const PairTile &tile) const {
  return llvm::divideCeil(first_.rows.extent, rowsOf(tile));
}

int64_t PairSchedule::rowsBytes() const { return kPieceRows * depth() * 2; }

int64_t PairSchedule::firstBytes() const { return kPieceColumns * depth() * 2; }

int64_t PairSchedule::weightsBytes() const {
  return firstBytes() + outputs() * kMatrixLineBytes;
}

/// Whether all weights have their places, and never leave them.
bool PairSchedule::keepsWeights(const PairTile &tile) const {
  return tile.stages * kPieceColumns >= width();
}

int64_t PairSchedule::sharedBytes(const PairTile &tile) const {
  int64_t barriers =
      4 * tile.stages + tile.teams * (tile.rows + 2 * tile.pieces);
  return tile.teams * (tile.rows * rowsBytes() + tile.pieces * kPieceBytes) +
         tile.stages * weightsBytes() + 8 * barriers;
}

/// With all weights if there is room for them, then with more room for rows,
/// then for pieces.
std::optional<PairTile> PairSchedule::tileOf(int64_t teams) const {
  constexpr int64_t mostPieces = 8;
  for (auto [stages, least] :
       {std::pair{width() / kPieceColumns, 3}, std::pair{int64_t{2}, 2}})
    for (int64_t rows : {2, 1})
      for (int64_t pieces = mostPieces; pieces >= least; --pieces) {
        PairTile tile{teams, rows, pieces, stages};
        if (sharedBytes(tile) <= units_.sharedBytes)
          return tile;
      }
  return std::nullopt;
}

void PairSchedule::findTiles() {
  for (int64_t teams : {3, 2}) {
    // 128 sums of the second product leave a thread of three teams too little.
    if (teams == 3 && outputs() > 128)
      continue;
    if (std::optional<PairTile> tile = tileOf(teams))
      tiles_.push_back(*tile);
  }
  llvm::sort(tiles_, [&](const PairTile &a, const PairTile &b) {
    return std::pair(cycles(a), b.teams) < std::pair(cycles(b), a.teams);
  });
  for (const PairTile &tile : tiles_)
    names_.push_back("teams " + std::to_string(tile.teams));
}

/// Fitted to nine pairs on an H200: a piece takes so long for each of its rows,
/// and longer where weights come again and again.
double PairSchedule::cycles(const PairTile &tile) const {
  double row =
      keepsWeights(tile) ? 15.7 : 12 + 0.055 * static_cast<double>(depth());
  double turns = llvm::divideCeil(tilesOf(tile), units_.multiprocessors);
  double pieces = (width() + outputs()) / kPieceColumns;
  return 6000 + turns * pieces * static_cast<double>(rowsOf(tile)) * row;
}

double PairSchedule::cyclesOfFirst() const {
  double elements = static_cast<double>(first_.rows.extent * width()) /
                    static_cast<double>(units_.multiprocessors);
  return 4000 + elements * (0.22 + 0.0009 * static_cast<double>(depth()));
}

// ---- text -------------------------------------------------------------------

class PairEmitter {
public:
  PairEmitter(const PairSchedule &pair, const PairTile &tile);

  CudaKernel emit();

private:
  int64_t chunks() const { return pair_.width() / kPieceColumns; }
  /// Pieces of a team's rows: of the first result and of the second.
  int64_t pieces() const { return chunks() + pair_.outputs() / kPieceColumns; }
  int64_t workers() const { return 128 * tile_.teams; }
  const Store *storeOf(const LoopNest &nest) const { return storesOf(nest)[0]; }

  void declareMaps();
  void declareBarriers();
  void declareOwn();
  void openTiles();
  void locate();

  void printWeights();
  void printMoves();
  void printRows(StringRef number);
  void printOffer(StringRef turn);

  void printTeams();
  void printFirst();
  void printOutputs();
  void printProducts(StringRef sum, int64_t blocks, StringRef a, StringRef b,
                     bool alongDepth);
  void printEpilogue(const LoopNest &nest, const Contraction &contraction,
                     const PersistentOperands &operands, StringRef chunk,
                     StringRef sum);
  void printAhead();
  void printWritten();

  const PairSchedule &pair_;
  const PairNests &nests_;
  const PairTile &tile_;
  BulkOperand rows_, firstColumns_, secondColumns_;
  BulkResult firstResult_, secondResult_;
  std::optional<BulkResult> residual_;
  KernelPrinter p_;
  llvm::SmallBitVector used_;
  std::string sum_, total_, ahead_;
};

PairEmitter::PairEmitter(const PairSchedule &pair, const PairTile &tile)
    : pair_(pair), nests_(*pair.nests_), tile_(tile),
      rows_(pair.ofFirst_->rows), firstColumns_(pair.ofFirst_->columns),
      secondColumns_(pair.ofSecond_->columns),
      firstResult_(pair.ofFirst_->result),
      secondResult_(pair.ofSecond_->result), residual_(pair.ofFirst_->residual),
      p_(pair.group_, nests_.first) {
  for (const char *word :
       {"row",       "column",       "thread",  "block",  "lane",  "part",
        "first_row", "first_column", "stage",   "shared", "place", "team",
        "number",    "results",      "result",  "full",   "empty", "ready",
        "written",   "arrived",      "weights", "turn",   "piece", "chunk",
        "at",        "own",          "rows",    "later",  "tile",  "along"})
    p_.fresh(word);
  sum_ = p_.fresh("sum");
  total_ = p_.fresh("total");
  ahead_ = p_.fresh("ahead");
  used_ = p_.usedDims();
}

void PairEmitter::declareMaps() {
  rows_.declare(p_, kPieceRows, "a_map", "row");
  firstColumns_.declare(p_, kPieceColumns, "b_map", "column");
  secondColumns_.declare(p_, pair_.outputs(), "c_map", "column");
  firstResult_.declare(p_, kPieceRows, "first_map");
  secondResult_.declare(p_, kPieceRows, "second_map");
  if (residual_)
    residual_->declare(p_, kPieceRows, "residual_map");
}

/// Of a stage, `full` counts the bytes of the first product's weights and then
/// of the second's, and `empty` the warps that are done with them. Of a team,
/// `arrived` counts bytes of its rows; of a piece, `ready` those of the
/// residual and `written` the warps that have written results.
void PairEmitter::declareBarriers() {
  int64_t weights = tile_.teams * tile_.rows * pair_.rowsBytes();
  int64_t results = weights + tile_.stages * pair_.weightsBytes();
  int64_t barriers = results + tile_.teams * tile_.pieces * kPieceBytes;
  int64_t ofStages = 2 * tile_.stages, ofRows = tile_.teams * tile_.rows,
          ofPieces = tile_.teams * tile_.pieces;
  p_.line("unsigned char *weights = shared + " + Twine(weights) + ";");
  p_.line("unsigned char *results = shared + " + Twine(results) + ";");
  p_.line("weft::Barrier *full = reinterpret_cast<weft::Barrier *>(shared + " +
          Twine(barriers) + ");");
  p_.line("weft::Barrier *empty = full + " + Twine(ofStages) + ";");
  p_.line("weft::Barrier *arrived = empty + " + Twine(ofStages) + ";");
  p_.line("weft::Barrier *ready = arrived + " + Twine(ofRows) + ";");
  p_.line("weft::Barrier *written = ready + " + Twine(ofPieces) + ";");
  auto init = [&](StringRef name, int64_t count, int64_t arrivals) {
    p_.openLoop("i", count, /*unrolled=*/false);
    p_.line("weft::init_barrier(" + name + " + i, " + Twine(arrivals) + ");");
    p_.close();
  };
  p_.open("if (thread == 0)");
  init("full", ofStages, 1);
  init("empty", ofStages, 4 * tile_.teams);
  init("arrived", ofRows, 1);
  init("ready", ofPieces, 1);
  init("written", ofPieces, 4);
  p_.line("weft::publish_barriers();");
  p_.close();
  p_.line("__syncthreads();");
}

/// What is the team's own.
void PairEmitter::declareOwn() {
  p_.line("unsigned char *rows = shared + team * " +
          Twine(tile_.rows * pair_.rowsBytes()) + ";");
  p_.line("unsigned char *own = results + team * " +
          Twine(tile_.pieces * kPieceBytes) + ";");
  p_.line("arrived += team * " + Twine(tile_.rows) + ";");
  p_.line("ready += team * " + Twine(tile_.pieces) + ";");
  p_.line("written += team * " + Twine(tile_.pieces) + ";");
}

void PairEmitter::openTiles() {
  p_.line("int number = 0;");
  p_.open("for (" + p_.indexType() + " block = blockIdx.x; block < " +
          Twine(pair_.tilesOf(tile_)) + "; block += gridDim.x, ++number)");
}

void PairEmitter::locate() {
  p_.line("const " + p_.indexType() + " first_row = block * " +
          Twine(PairSchedule::rowsOf(tile_)) + " + team * " +
          Twine(kPieceRows) + ";");
}

// ---- what is moved ----------------------------------------------------------

void PairEmitter::printWeights() {
  StringRef type = p_.indexType();
  std::string stages = std::to_string(tile_.stages);
  bool keeps = pair_.keepsWeights(tile_);
  auto expect = [&](StringRef barrier, int64_t bytes) {
    if (!keeps) {
      p_.open("if (turn >= " + stages + ")");
      p_.line("weft::wait_at(empty + " + barrier + ", (turn / " + stages +
              " + 1) % 2);");
      p_.close();
    }
    p_.line("weft::expect_bytes(full + " + barrier + ", " + Twine(bytes) +
            ");");
  };
  if (!keeps)
    openTiles();
  p_.open("for (int chunk = 0; chunk < " + Twine(chunks()) + "; ++chunk)");
  p_.line("const int turn = " +
          (keeps ? std::string("chunk")
                 : "number * " + std::to_string(chunks()) + " + chunk") +
          ";");
  p_.line("const int place = turn % " + stages + ";");
  p_.line("unsigned char *stage = weights + place * " +
          Twine(pair_.weightsBytes()) + ";");
  expect("2 * place", pair_.firstBytes());
  p_.open("");
  p_.line("const " + type + " first_column = chunk * " + Twine(kPieceColumns) +
          ";");
  firstColumns_.locate(p_, used_);
  p_.openLoop("k", pair_.depth() / kMatrixDepth, /*unrolled=*/true);
  firstColumns_.copy(p_, "k * " + std::to_string(kMatrixDepth),
                     "stage + k * " + std::to_string(kPieceBytes),
                     "full + 2 * place", used_);
  p_.close();
  p_.close();
  expect("2 * place + 1", pair_.weightsBytes() - pair_.firstBytes());
  p_.line("const " + type + " first_column = 0;");
  secondColumns_.locate(p_, used_);
  secondColumns_.copy(p_, "chunk * " + std::to_string(kPieceColumns),
                      "stage + " + std::to_string(pair_.firstBytes()),
                      "full + 2 * place + 1", used_);
  p_.close();
  if (!keeps)
    p_.close();
}

/// Starts the copy of the team's rows of its tile `number`, if there is one.
void PairEmitter::printRows(StringRef number) {
  p_.open("");
  p_.line("const int tile = " + number + ";");
  p_.line("const " + p_.indexType() +
          " block = blockIdx.x + tile * gridDim.x;");
  p_.open("if (block < " + Twine(pair_.tilesOf(tile_)) + ")");
  p_.line("const int place = tile % " + Twine(tile_.rows) + ";");
  locate();
  rows_.locate(p_, used_);
  p_.line("weft::expect_bytes(arrived + place, " + Twine(pair_.rowsBytes()) +
          ");");
  p_.openLoop("k", pair_.depth() / kMatrixDepth, /*unrolled=*/true);
  rows_.copy(p_, "k * " + std::to_string(kMatrixDepth),
             "rows + place * " + std::to_string(pair_.rowsBytes()) + " + k * " +
                 std::to_string(kPieceBytes),
             "arrived + place", used_);
  p_.close();
  p_.close();
  p_.close();
}

/// Lets the team write its piece `turn`, if there is one, once what is read
/// there has come.
void PairEmitter::printOffer(StringRef turn) {
  p_.open("");
  p_.line("const int piece = " + turn + ";");
  p_.line("const int place = piece % " + Twine(tile_.pieces) + ";");
  p_.line("const " + p_.indexType() + " block = blockIdx.x + piece / " +
          Twine(pieces()) + " * gridDim.x;");
  p_.open("if (block < " + Twine(pair_.tilesOf(tile_)) + ")");
  if (residual_) {
    p_.line("const int chunk = piece % " + Twine(pieces()) + ";");
    p_.open("if (chunk < " + Twine(chunks()) + ")");
    locate();
    p_.line("const " + p_.indexType() + " first_column = chunk * " +
            Twine(kPieceColumns) + ";");
    residual_->load(p_, kPieceColumns,
                    "own + place * " + std::to_string(kPieceBytes),
                    "ready + place");
    p_.close();
    p_.open("else");
    p_.line("weft::arrive(ready + place);");
    p_.close();
  } else {
    p_.line("weft::arrive(ready + place);");
  }
  p_.close();
  p_.close();
}

/// What one thread does for each team.
void PairEmitter::printMoves() {
  StringRef type = p_.indexType();
  std::string places = std::to_string(tile_.pieces);
  std::string place =
      "own + turn % " + places + " * " + std::to_string(kPieceBytes);
  declareOwn();
  p_.open("for (int first = 0; first < " + Twine(tile_.rows) + "; ++first)");
  printRows("first");
  p_.close();
  p_.open("for (int first = 0; first < " + places + "; ++first)");
  printOffer("first");
  p_.close();
  openTiles();
  p_.open("for (int chunk = 0; chunk < " + Twine(pieces()) + "; ++chunk)");
  p_.line("const int turn = number * " + Twine(pieces()) + " + chunk;");
  p_.line("weft::wait_at(written + turn % " + places + ", turn / " + places +
          " % 2);");
  // The second product has read the piece before when this one is written.
  p_.open("if (turn > 0)");
  printOffer("turn + " + std::to_string(tile_.pieces - 1));
  p_.close();
  locate();
  p_.open("if (chunk < " + Twine(chunks()) + ")");
  p_.line("const " + type + " first_column = chunk * " + Twine(kPieceColumns) +
          ";");
  firstResult_.store(p_, kPieceColumns, place);
  p_.close();
  p_.open("else");
  p_.line("const " + type + " first_column = (chunk - " + Twine(chunks()) +
          ") * " + Twine(kPieceColumns) + ";");
  secondResult_.store(p_, kPieceColumns, place);
  p_.close();
  p_.open("if (chunk == " + Twine(chunks() - 1) + ")");
  printRows("number + " + std::to_string(tile_.rows));
  p_.close();
  p_.line("weft::wait_for_reads_of_stores();");
  p_.close();
  p_.close();
  p_.line("weft::wait_for_stores();");
}

// ---- what teams do ----------------------------------------------------------

/// `blocks` times 64 steps of k.
void PairEmitter::printProducts(StringRef sum, int64_t blocks, StringRef a,
                                StringRef b, bool alongDepth) {
  int64_t step = alongDepth ? kMatrixStep * 2 : kMatrixStep * kMatrixLineBytes;
  auto block = [&](StringRef tile) {
    return tile.str() +
           (blocks > 1 ? " + k * " + std::to_string(kPieceBytes) : "");
  };
  p_.line("weft::begin_products();");
  if (blocks > 1)
    p_.openLoop("k", blocks, /*unrolled=*/true);
  p_.openLoop("i", kMatrixDepth / kMatrixStep, /*unrolled=*/true);
  p_.line("weft::multiply_group<" + storageType(pair_.first_.type) +
          ", false, " + (alongDepth ? "false" : "true") + ">(" + sum + ", " +
          block(a) + " + i * " + Twine(kMatrixStep * 2) + ", " + block(b) +
          " + i * " + Twine(step) + ");");
  p_.close();
  if (blocks > 1)
    p_.close();
  p_.line("weft::commit_products();");
}

/// Where a thread's elements `j` of line `i` of a piece lie.
static std::string placeOf(Type type) {
  return "reinterpret_cast<" + storageType(type) +
         " *>(result + (at ^ j * 16) + i * " +
         std::to_string(8 * kMatrixLineBytes) + ")";
}

/// Reads a part of the residual before results take its place: loads cannot
/// pass stores, and registers for all of it are not there.
void PairEmitter::printAhead() {
  Type type = nests_.first.stmts[pair_.ofFirst_->residualStmt].type;
  p_.line("weft::Vector<" + storageType(type) + ", 2> " + ahead_ + "[2][" +
          Twine(kAtOnce) + "];");
  p_.openLoop("u", kAtOnce, /*unrolled=*/true);
  p_.line("const int j = part * " + Twine(kAtOnce) + " + u;");
  p_.openLoop("i", 2, /*unrolled=*/true);
  p_.line(ahead_ + "[i][u] = weft::load_vector<2>(" + placeOf(type) + ");");
  p_.close();
  p_.close();
}

/// Finishes 64 columns and writes them to the piece `result`: two neighbouring
/// columns of a row at a time.
void PairEmitter::printEpilogue(const LoopNest &nest,
                                const Contraction &contraction,
                                const PersistentOperands &operands,
                                StringRef chunk, StringRef sum) {
  // The accelerator brings what is read where the first result is written.
  bool isBrought = &nest == &nests_.first && residual_;
  llvm::SmallBitVector used =
      usedBehindSum(nest, isBrought ? operands.residualStmt : -1);
  auto any = [&](ArrayRef<unsigned> dims) {
    return llvm::any_of(dims, [&](unsigned dim) { return used.test(dim); });
  };
  StringRef type = p_.indexType();
  p_.openLoop("part", kPieceColumns / 8 / kAtOnce, /*unrolled=*/true);
  if (isBrought)
    printAhead();
  p_.openLoop("u", kAtOnce, /*unrolled=*/true);
  p_.line("const int j = part * " + Twine(kAtOnce) + " + u;");
  if (any(contraction.columns.dims))
    p_.line("const " + type + " column = " + chunk + " * " +
            Twine(kPieceColumns) + " + j * 8 + lane % 4 * 2;");
  p_.splitDims("column", contraction.columns.dims, used);
  p_.openLoop("i", 2, /*unrolled=*/true);
  bool guards = any(contraction.rows.dims) &&
                contraction.rows.extent % (kPieceRows * tile_.teams) != 0;
  if (any(contraction.rows.dims))
    p_.line("const " + type + " row = first_row + line + i * 8;");
  if (guards)
    p_.open("if (row < " + Twine(contraction.rows.extent) + ")");
  p_.splitDims("row", contraction.rows.dims, used);
  const Store *store = storeOf(nest);
  LanePrinter pair(p_, nest.numParallel - 1, 2);
  pair.keepStoreAt(store, placeOf(p_.outputType(store->output)));
  if (isBrought)
    pair.keepLoadAt(operands.residualStmt, ahead_ + "[i][u].lanes");
  pair.storeAll({store}, [&] {
    p_.finish(nest.stages[0].accumulators[0], (sum + "[i * 2 + k]").str());
  });
  if (guards)
    p_.close();
  p_.close();
  p_.close();
  p_.close();
}

/// Lets others read the piece.
void PairEmitter::printWritten() {
  p_.line("weft::publish_copies();");
  p_.line("__syncwarp();");
  p_.open("if (lane == 0)");
  p_.line("weft::arrive(written + place);");
  p_.close();
}

/// The sums of 64 columns, and what becomes of them.
void PairEmitter::printFirst() {
  std::string stages = std::to_string(tile_.stages);
  bool keeps = pair_.keepsWeights(tile_);
  std::string parity = keeps ? "0" : "turn / " + stages + " % 2";
  p_.line("const int turn = " +
          (keeps ? std::string("chunk")
                 : "number * " + std::to_string(chunks()) + " + chunk") +
          ";");
  p_.line("const unsigned char *stage = weights + turn % " + stages + " * " +
          Twine(pair_.weightsBytes()) + ";");
  p_.line("float " + sum_ + "[" + Twine(kPieceColumns / 8) + "][4] = {};");
  p_.line("weft::hold_sums(" + sum_ + ");");
  p_.line("weft::wait_at(full + turn % " + stages + " * 2, " + parity + ");");
  printProducts(sum_, pair_.depth() / kMatrixDepth, "a_tile", "stage",
                firstColumns_.isAlongDepth());
  p_.line("const int piece = number * " + Twine(pieces()) + " + chunk;");
  p_.line("const int place = piece % " + Twine(tile_.pieces) + ";");
  p_.line("const int parity = piece / " + Twine(tile_.pieces) + " % 2;");
  p_.line("unsigned char *result = own + place * " + Twine(kPieceBytes) + ";");
  p_.line("weft::wait_at(ready + place, parity);");
  p_.line("weft::finish_products(" + sum_ + ");");
  if (!keeps) {
    p_.open("if (lane == 0)");
    p_.open("if (chunk > 0)");
    p_.line("weft::arrive(empty + (turn - 1) % " + stages + " * 2 + 1);");
    p_.close();
    p_.line("weft::arrive(empty + turn % " + stages + " * 2);");
    p_.close();
  }
  printEpilogue(nests_.first, pair_.first_, *pair_.ofFirst_, "chunk",
                sum_ + "[j]");
  printWritten();
  p_.line("weft::wait_at(written + place, parity); // by the other warps");
  p_.line("weft::wait_at(full + turn % " + stages + " * 2 + 1, " + parity +
          ");");
  printProducts(total_, 1, "result",
                "stage + " + std::to_string(pair_.firstBytes()),
                secondColumns_.isAlongDepth());
}

/// The second result.
void PairEmitter::printOutputs() {
  p_.line("weft::finish_products(" + total_ + ");");
  if (!pair_.keepsWeights(tile_)) {
    p_.open("if (lane == 0)");
    p_.line("weft::arrive(empty + (number * " + Twine(chunks()) + " + " +
            Twine(chunks() - 1) + ") % " + Twine(tile_.stages) + " * 2 + 1);");
    p_.close();
  }
  p_.enter(nests_.second);
  p_.openLoop("chunk", pair_.outputs() / kPieceColumns, /*unrolled=*/true);
  p_.line("const int piece = number * " + Twine(pieces()) + " + " +
          Twine(chunks()) + " + chunk;");
  p_.line("const int place = piece % " + Twine(tile_.pieces) + ";");
  p_.line("unsigned char *result = own + place * " + Twine(kPieceBytes) + ";");
  p_.line("weft::wait_at(ready + place, piece / " + Twine(tile_.pieces) +
          " % 2);");
  printEpilogue(nests_.second, pair_.second_, *pair_.ofSecond_, "chunk",
                total_ + "[chunk * " + std::to_string(kPieceColumns / 8) +
                    " + j]");
  printWritten();
  p_.close();
}

void PairEmitter::printTeams() {
  p_.line("const int team = thread / 128;");
  p_.line("thread %= 128;");
  declareOwn();
  p_.line("const int line = thread / 32 * 16 + lane / 4;");
  p_.line("const int at = weft::swizzled(line, lane % 4 * 4);");
  openTiles();
  locate();
  p_.line("float " + total_ + "[" + Twine(pair_.outputs() / 8) + "][4] = {};");
  p_.line("weft::hold_sums(" + total_ + ");");
  p_.line("const unsigned char *a_tile = rows + number % " + Twine(tile_.rows) +
          " * " + Twine(pair_.rowsBytes()) + ";");
  p_.line("weft::wait_at(arrived + number % " + Twine(tile_.rows) +
          ", number / " + Twine(tile_.rows) + " % 2);");
  p_.open("for (int chunk = 0; chunk < " + Twine(chunks()) + "; ++chunk)");
  printFirst();
  p_.close();
  printOutputs();
  p_.close();
}

CudaKernel PairEmitter::emit() {
  p_.avoidsSpills = true;
  p_.line("WEFT_DYNAMIC_SHARED(shared);");
  p_.line("int thread = threadIdx.x;");
  p_.line("const int lane = thread % 32;");
  declareMaps();
  declareBarriers();
  p_.line("weft::follow_previous();");
  p_.open("if (thread >= " + Twine(workers()) + ")");
  p_.line("weft::keep_registers<" + Twine(kMoverRegisters) + ">();");
  p_.line("const int team = thread / 32 - " + Twine(workers() / 32 + 1) + ";");
  p_.open("if (lane == 0 && team < 0)");
  printWeights();
  p_.close();
  p_.open("else if (lane == 0 && team < " + Twine(tile_.teams) + ")");
  printMoves();
  p_.close();
  p_.close();
  p_.open("else");
  // What is left for them, a multiple of 8.
  int64_t registers =
      (65536 - 1024 - kMoverRegisters * kMovers) / workers() / 8 * 8;
  p_.line("weft::take_registers<" + Twine(registers) + ">();");
  printTeams();
  p_.close();
  CudaKernel kernel =
      p_.take(std::min(pair_.units_.multiprocessors, pair_.tilesOf(tile_)),
              workers() + kMovers);
  kernel.sharedBytes = static_cast<uint32_t>(pair_.sharedBytes(tile_));
  kernel.cycles = pair_.cycles(tile_);
  kernel.tiles = pair_.tiles();
  return kernel;
}

CudaKernel PairSchedule::emit(StringRef tile) const {
  size_t chosen = llvm::is_contained(names_, tile)
                      ? llvm::find(names_, tile) - names_.begin()
                      : 0;
  return PairEmitter(*this, tiles_[chosen]).emit();
}

} // namespace weft::cuda
