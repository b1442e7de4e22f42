// SPDX-License-Identifier: Apache-2.0
// A block keeps its rows of the query and goes through keys and values a tile
// at a time: while one is worked on, the copies of the next are under way. The
// softmax is formed online: a row keeps its largest score so far and the sum of
// its weights; where a larger score comes, what was summed fades.
//
//   M. Milakov, N. Gimelshein, Online normalizer calculation for softmax, 2018.
//   T. Dao et al., FlashAttention, 2022.
//
// Scores never leave registers: as the sums of one product they lie where the
// next wants its left operand.
#include "AttentionSchedule.h"

#include "AttentionOperand.h"
#include "Lanes.h"
#include "MatrixOperand.h"
#include "MatrixTile.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

namespace {

/// Tiles of keys and values in shared memory.
constexpr int64_t kStages = 2;
/// Of a query wider than this, a thread cannot keep its part in registers.
constexpr int64_t kMaxKeptDepth = 128;

/// The statements and dims of a nest that weft.attention made.
struct Attention {
  int query, key, value;
  int score;  // the sum of the first stage
  int weight; // that the softmax is of: scaled, with its bias
  int scale;  // where that is all, what scores are multiplied with; else -1
  SmallVector<unsigned> batch, rows, keys;
  unsigned depth, column;
  int64_t batches = 1, numRows = 1, numKeys = 1;
};

/// What `weight` is the product of, besides `score`, if all scores share it.
int scaleOf(const LoopNest &nest, int weight, int score) {
  const Stmt &product = nest.stmts[weight];
  if (product.kind != Stmt::Kind::row || product.op != OpKind::mul)
    return -1;
  int x = product.operands[0], y = product.operands[1];
  if (y == score)
    std::swap(x, y);
  return x == score && y != score && dependences(nest, y).none() ? y : -1;
}

Attention read(const LoopNest &nest) {
  const Accumulator &scores = nest.stages[0].accumulators[0],
                    &sums = nest.stages[1].accumulators[0];
  auto operand = [&](int stmt, int i) { return nest.stmts[stmt].operands[i]; };
  Attention a;
  a.query = operand(scores.value, 0);
  a.key = operand(scores.value, 1);
  a.value = operand(sums.value, 1);
  a.score = scores.result;
  a.weight = operand(operand(sums.value, 0), 0);
  a.scale = scaleOf(nest, a.weight, a.score);
  a.depth = cast<AffineDimExpr>(scores.index).getPosition();
  a.column = nest.numParallel - 1;
  if (auto keys = dyn_cast<AffineDimExpr>(sums.index)) {
    a.keys.push_back(keys.getPosition());
    a.numKeys = nest.sizes[keys.getPosition()];
  }
  llvm::SmallBitVector shared = dependences(nest, a.key);
  shared |= dependences(nest, a.value);
  for (unsigned i = 0; i < a.column; ++i) {
    (shared.test(i) ? a.batch : a.rows).push_back(i);
    (shared.test(i) ? a.batches : a.numRows) *= nest.sizes[i];
  }
  return a;
}

class AttentionEmitter {
public:
  AttentionEmitter(ir::GroupOp group, const LoopNest &nest, Attention attention,
                   const AttentionTile &tile)
      : nest_(nest), p_(group, nest), attention_(std::move(attention)),
        tile_(tile), query_(nest, attention_.query, attention_.rows,
                            attention_.depth, "row"),
        key_(nest, attention_.key, attention_.keys, attention_.depth, "token"),
        value_(nest, attention_.value, attention_.keys, attention_.column,
               "token"),
        type_(storageType(nest.stmts[attention_.query].type)) {}

  CudaKernel emit();

private:
  int64_t tilesDown() const {
    return llvm::divideCeil(attention_.numRows, tile_.rows);
  }
  int64_t steps() const {
    return llvm::divideCeil(attention_.numKeys, tile_.keys);
  }
  int64_t queryBytes() const { return query_.tileBytes(tile_.rows); }
  int64_t stageBytes() const {
    return key_.tileBytes(tile_.keys) + value_.tileBytes(tile_.keys);
  }
  /// Between lines of results in shared memory: pairs of eight lines lie in
  /// different banks.
  int64_t pitch() const { return value_.width() + 8; }
  int64_t sharedBytes() const {
    return std::max(queryBytes() + kStages * stageBytes(),
                    tile_.rows * pitch() * static_cast<int64_t>(sizeof(float)));
  }
  bool keepsQuery() const {
    return !tile_.warpGroups && query_.width() <= kMaxKeptDepth;
  }
  // Of what a thread holds: down in 16 rows, across in 8 keys or columns.
  int64_t down() const { return tile_.warpRows() / 16; }

  void printBlock();
  void declareState();
  void printMainLoop();
  void printCopies(StringRef tile);
  void printQuery(StringRef step);
  void printScores();
  void printGroupScores();
  /// Whether scores stay as they are summed, for the softmax to scale.
  bool scalesLate() const {
    return attention_.scale >= 0 && attention_.numKeys % tile_.keys == 0;
  }
  void declareScale();
  void printWeights();
  void printWeight(StringRef element);
  void printMost();
  void printSoftmax();
  void printPacked();
  void printValues();
  void printGroupValues();
  void printSums();
  void printResults();

  const LoopNest &nest_;
  KernelPrinter p_;
  Attention attention_;
  AttentionTile tile_;
  AttentionOperand query_, key_, value_;
  std::string type_;
  llvm::SmallBitVector used_;
};

// ---- where a block works ----------------------------------------------------

void AttentionEmitter::printBlock() {
  StringRef type = p_.indexType();
  std::string down = std::to_string(tilesDown());
  p_.line("const int thread = threadIdx.x;");
  p_.line("const int lane = thread % 32;");
  p_.line("const int warp_row = thread / 32 * " + Twine(tile_.warpRows()) +
          ";");
  p_.line("const " + type + " first_row = blockIdx.x % " + down + " * " +
          Twine(tile_.rows) + ";");
  p_.line("const " + type + " batch = blockIdx.x / " + down + ";");
  p_.splitDims("batch", attention_.batch, used_);
}

/// Of each of its rows a thread knows the largest score so far, the same in
/// four lanes, and sums of its own keys and columns.
void AttentionEmitter::declareState() {
  std::string rows = std::to_string(down());
  p_.line("float sum[" + rows + "][" + Twine(value_.width() / 8) +
          "][4] = {};");
  p_.line("float total[" + rows + "][2] = {};");
  p_.line("float largest[" + rows + "][2];");
  p_.openLoop("i", down(), true);
  p_.line("largest[i][0] = largest[i][1] = -weft::infinity();");
  p_.close();
  if (keepsQuery())
    p_.line("unsigned q[" + Twine(query_.width() / 16) + "][" + rows + "][4];");
}

/// By what a weight's exponent, in powers of two, is more than the score.
void AttentionEmitter::declareScale() {
  std::string perScore = "1.44269504f"; // log2(e)
  if (scalesLate()) {
    p_.define(closure(nest_, {attention_.scale}));
    perScore += " * " + p_.value(attention_.scale);
  }
  p_.line("const float per_score = " + perScore + ";");
}

// ---- the steps --------------------------------------------------------------

/// Starts the copies of tile number `tile`.
void AttentionEmitter::printCopies(StringRef tile) {
  p_.open("");
  p_.line("unsigned char *stage = stages + " + tile + " % " + Twine(kStages) +
          " * " + Twine(stageBytes()) + ";");
  p_.line("const " + p_.indexType() + " first_token = " + tile + " * " +
          Twine(tile_.keys) + ";");
  key_.copy(p_, "first_token", tile_.keys, "stage", tile_.threads(), used_);
  value_.copy(p_, "first_token", tile_.keys,
              "stage + " + std::to_string(key_.tileBytes(tile_.keys)),
              tile_.threads(), used_);
  p_.close();
}

/// Loads 16 columns of the query's rows to `q[step]`.
void AttentionEmitter::printQuery(StringRef step) {
  p_.openLoop("i", down(), true);
  p_.line("weft::load_matrices(q[" + step + "][i], shared + " +
          query_.place(tile_.rows, "k / 4", "warp_row + i * 16 + lane % 16",
                       "k % 4 * 32 + lane / 16 * 16") +
          ");");
  p_.close();
}

/// score = query key^T
void AttentionEmitter::printScores() {
  std::string rows = std::to_string(down());
  p_.openLoop("k", query_.width() / 16, true);
  if (!keepsQuery()) {
    p_.line("unsigned q[1][" + rows + "][4];");
    printQuery("0");
  }
  p_.openLoop("j", tile_.keys / 16, true);
  p_.line("unsigned b[4];");
  p_.line("weft::load_matrices(b, key_tile + " +
          key_.place(tile_.keys, "k / 4", "j * 16 + lane % 8 + lane / 16 * 8",
                     "k % 4 * 32 + lane / 8 % 2 * 16") +
          ");");
  p_.openLoop("i", down(), true);
  for (const char *half : {"0", "1"}) {
    std::string first = *half == '0' ? "b[0], b[1]" : "b[2], b[3]";
    p_.line("weft::multiply_matrices<" + type_ + ">(score[i][j * 2 + " + half +
            "], q[" + (keepsQuery() ? "k" : "0") + "][i], " + first + ");");
  }
  p_.close();
  p_.close();
  p_.close();
}

/// The same by four warps together, whose operands are read where they lie.
void AttentionEmitter::printGroupScores() {
  auto step = [](const AttentionOperand &operand, int64_t lines) {
    return operand.place(lines, "k / 4", "0", "0") + " + k % 4 * 32";
  };
  p_.line("weft::begin_products();");
  p_.openLoop("k", query_.width() / 16, true);
  p_.line("weft::multiply_group<" + type_ +
          ", false, false>(score[0], shared + warp_row / 64 * " +
          Twine(64 * kMatrixLineBytes) + " + " + step(query_, tile_.rows) +
          ", key_tile + " + step(key_, tile_.keys) + ");");
  p_.close();
  p_.line("weft::commit_products();");
  p_.line("weft::finish_products(score[0]);");
}

/// What the group makes of one score.
void AttentionEmitter::printWeight(StringRef element) {
  p_.finish(nest_.stages[0].accumulators[0], element);
  p_.define(closure(nest_, {attention_.weight}));
  p_.line((element + " = " + p_.value(attention_.weight) + ";").str());
}

/// Scale and bias; behind the last key, weights are 0.
void AttentionEmitter::printWeights() {
  llvm::SmallBitVector dims = dependences(nest_, attention_.weight);
  auto needs = [&](ArrayRef<unsigned> of) {
    return llvm::any_of(of, [&](unsigned dim) { return dims.test(dim); });
  };
  bool needsRow = needs(attention_.rows), needsToken = needs(attention_.keys);
  bool hasTail = attention_.numKeys % tile_.keys != 0;
  p_.openLoop("i", down(), true);
  p_.openLoop("half", 2, true);
  std::string inside;
  if (needsRow) {
    p_.line("const " + p_.indexType() +
            " row = first_row + warp_row + i * 16 + half * 8 + lane / 4;");
    p_.splitDims("row", attention_.rows, used_);
    if (attention_.numRows % tile_.rows != 0)
      inside = "row < " + std::to_string(attention_.numRows);
  }
  p_.openLoop("j", tile_.keys / 8, true);
  p_.openLoop("k", 2, true);
  std::string element = "score[i][j][half * 2 + k]";
  if (hasTail || needsToken) {
    p_.line("const " + p_.indexType() + " token = tile * " + Twine(tile_.keys) +
            " + j * 8 + lane % 4 * 2 + k;");
    p_.splitDims("token", attention_.keys, used_);
  }
  if (hasTail)
    inside += (inside.empty() ? "" : " && ") +
              ("token < " + std::to_string(attention_.numKeys));
  if (!inside.empty())
    p_.open("if (" + inside + ")");
  printWeight(element);
  if (!inside.empty()) {
    p_.close();
    p_.open("else");
    p_.line(element + " = -weft::infinity();");
    p_.close();
  }
  for (int loops = 0; loops < 4; ++loops)
    p_.close();
}

/// The score of a row whose weight is the largest.
void AttentionEmitter::printMost() {
  auto printLoop = [&](StringRef function) {
    p_.openLoop("j", tile_.keys / 8, true);
    p_.line("most = weft::" + function + "(most, weft::" + function +
            "(score[i][j][half * 2], score[i][j][half * 2 + 1]));");
    p_.close();
  };
  p_.line("float most = score[i][0][half * 2];");
  if (!scalesLate())
    return printLoop("maximum");
  p_.open("if (per_score < 0.0f)");
  printLoop("minimum");
  p_.close();
  p_.open("else");
  printLoop("maximum");
  p_.close();
}

/// score = exp(scale score - largest), in powers of two. Of a row without a
/// finite score so far, the largest counts as 0: exp(-inf) is 0, and what comes
/// later may be finite. Where none comes, the result is 0 / 0.
void AttentionEmitter::printSoftmax() {
  p_.openLoop("i", down(), true);
  p_.openLoop("half", 2, true);
  printMost();
  p_.line("most = weft::maximum(largest[i][half], most * per_score);");
  p_.line("most = weft::reduce_lanes<4>(most, weft::Maximum());");
  p_.line("const float base = most == -weft::infinity() ? 0.0f : most;");
  p_.line("const float fade = weft::exp2(largest[i][half] - base);");
  p_.line("largest[i][half] = most;");
  p_.line("float more = 0.0f;");
  p_.openLoop("j", tile_.keys / 8, true);
  p_.openLoop("k", 2, true);
  p_.line("float &weight = score[i][j][half * 2 + k];");
  p_.line("weight = weft::exp2(weft::multiply_add(weight, per_score, -base));");
  p_.line("more += weight;");
  p_.close();
  p_.close();
  p_.line("total[i][half] = weft::multiply_add(total[i][half], fade, more);");
  p_.openLoop("j", value_.width() / 8, true);
  p_.line("sum[i][j][half * 2] *= fade;");
  p_.line("sum[i][j][half * 2 + 1] *= fade;");
  for (int loops = 0; loops < 3; ++loops)
    p_.close();
}

/// Weights `k * 16` and the next as the left operand of a product, `a[i]`.
void AttentionEmitter::printPacked() {
  p_.openLoop("i", down(), true);
  p_.openLoop("u", 4, true);
  p_.line("a[i][u] = weft::pack_halves<" + type_ +
          ">(score[i][k * 2 + u / 2][u % 2 * 2], "
          "score[i][k * 2 + u / 2][u % 2 * 2 + 1]);");
  p_.close();
  p_.close();
}

/// sum += weight value
void AttentionEmitter::printValues() {
  p_.openLoop("k", tile_.keys / 16, true);
  p_.line("unsigned a[" + Twine(down()) + "][4];");
  printPacked();
  p_.openLoop("j", value_.width() / 16, true);
  p_.line("unsigned b[4];");
  p_.line("weft::load_transposed_matrices(b, value_tile + " +
          value_.place(tile_.keys, "j / 4", "k * 16 + lane % 16",
                       "j % 4 * 32 + lane / 16 * 16") +
          ");");
  p_.openLoop("i", down(), true);
  p_.line("weft::multiply_matrices<" + type_ +
          ">(sum[i][j * 2], a[i], b[0], b[1]);");
  p_.line("weft::multiply_matrices<" + type_ +
          ">(sum[i][j * 2 + 1], a[i], b[2], b[3]);");
  for (int loops = 0; loops < 3; ++loops)
    p_.close();
}

void AttentionEmitter::printGroupValues() {
  std::string steps = std::to_string(tile_.keys / 16);
  p_.line("unsigned weights[" + steps + "][1][4];");
  p_.openLoop("k", tile_.keys / 16, true);
  p_.line("auto &a = weights[k];");
  printPacked();
  p_.close();
  p_.line("weft::begin_products();");
  p_.openLoop("k", tile_.keys / 16, true);
  p_.line("weft::multiply_group_kept<" + type_ +
          ">(sum[0], weights[k][0], value_tile + k * " +
          Twine(16 * kMatrixLineBytes) + ");");
  p_.close();
  p_.line("weft::commit_products();");
  p_.line("weft::finish_products(sum[0]);");
}

void AttentionEmitter::printMainLoop() {
  query_.copy(p_, "first_row", tile_.rows, "shared", tile_.threads(), used_);
  printCopies("0");
  p_.line("weft::commit_copies();");
  if (keepsQuery()) {
    p_.line("weft::wait_for_copies<0>();");
    p_.line("__syncthreads();");
    p_.openLoop("k", query_.width() / 16, true);
    printQuery("k");
    p_.close();
  }
  p_.line("#pragma unroll 1");
  p_.open("for (int tile = 0; tile < " + Twine(steps()) + "; ++tile)");
  p_.line("weft::wait_for_copies<0>();");
  if (tile_.warpGroups)
    p_.line("weft::publish_copies();");
  p_.line("__syncthreads();");
  p_.open("if (tile + 1 < " + Twine(steps()) + ")");
  printCopies("(tile + 1)");
  p_.close();
  p_.line("weft::commit_copies();");
  p_.line("const unsigned char *key_tile = stages + tile % " + Twine(kStages) +
          " * " + Twine(stageBytes()) + ";");
  p_.line("const unsigned char *value_tile = key_tile + " +
          Twine(key_.tileBytes(tile_.keys)) + ";");
  p_.line("float score[" + Twine(down()) + "][" + Twine(tile_.keys / 8) +
          "][4] = {};");
  tile_.warpGroups ? printGroupScores() : printScores();
  if (!scalesLate())
    printWeights();
  printSoftmax();
  tile_.warpGroups ? printGroupValues() : printValues();
  p_.close();
}

// ---- results ----------------------------------------------------------------

/// Puts the weighted means into shared memory, as a tile of floats.
void AttentionEmitter::printSums() {
  p_.line("__syncthreads(); // the tiles are done with");
  p_.line("float *means = reinterpret_cast<float *>(shared);");
  p_.openLoop("i", down(), true);
  p_.openLoop("half", 2, true);
  p_.line("const float by = 1.0f / weft::reduce_lanes<4>(total[i][half], "
          "weft::Sum());");
  p_.openLoop("j", value_.width() / 8, true);
  p_.line("weft::store_vector(means + (warp_row + i * 16 + half * 8 + lane / "
          "4) * " +
          Twine(pitch()) +
          " + j * 8 + lane % 4 * 2, weft::Vector<float, 2>{sum[i][j][half * 2] "
          "* by, sum[i][j][half * 2 + 1] * by});");
  for (int loops = 0; loops < 3; ++loops)
    p_.close();
  p_.line("__syncthreads();");
}

void AttentionEmitter::printResults() {
  LanePrinter vectors(p_, attention_.column,
                      LanePrinter::widest(p_, attention_.column, 8));
  int64_t lanes = vectors.count(), across = value_.width() / lanes,
          pieces = tile_.rows * across;
  std::string inside;
  if (attention_.numRows % tile_.rows != 0)
    inside = "row < " + std::to_string(attention_.numRows);
  if (pieces % tile_.threads() != 0)
    inside += (inside.empty() ? "" : " && ") +
              ("line < " + std::to_string(tile_.rows));
  auto place = [&] {
    p_.line("const int number = thread + (turn + u) * " +
            Twine(tile_.threads()) + ";");
    p_.line("const int line = number / " + Twine(across) + ";");
    p_.line("const int column = number % " + Twine(across) + " * " +
            Twine(lanes) + ";");
    p_.line("const " + p_.indexType() + " row = first_row + line;");
    if (!inside.empty())
      p_.open("if (" + inside + ")");
    p_.splitDims("row", attention_.rows, used_);
    p_.splitDims("column", {attention_.column}, used_);
    return inside.empty() ? 0 : 1;
  };
  SmallVector<const Store *> stores = storesOf(nest_);
  vectors.printTurns(
      llvm::divideCeil(pieces, tile_.threads()), stores, place, [&] {
        p_.line("const auto mean = weft::load_vector<" + Twine(lanes) +
                ">(means + line * " + Twine(pitch()) + " + column);");
        vectors.storeAll(stores, [&] {
          p_.finish(nest_.stages[1].accumulators[0], "mean[k]");
        });
      });
}

// ---- the kernel -------------------------------------------------------------

CudaKernel AttentionEmitter::emit() {
  used_ = p_.usedDims();
  for (const char *word :
       {"row",       "token",     "column",      "thread",   "lane",
        "batch",     "first_row", "first_token", "warp_row", "tile",
        "stage",     "stages",    "shared",      "line",     "element",
        "sum",       "total",     "largest",     "q",        "a",
        "b",         "score",     "half",        "most",     "base",
        "fade",      "more",      "weight",      "weights",  "means",
        "mean",      "by",        "number",      "key_tile", "value_tile",
        "per_score", "turn"})
    p_.fresh(word);
  p_.line("WEFT_DYNAMIC_SHARED(shared);");
  p_.line("unsigned char *stages = shared + " + Twine(queryBytes()) + ";");
  printBlock();
  declareState();
  p_.line("weft::follow_previous();");
  declareScale();
  printMainLoop();
  printSums();
  printResults();
  p_.avoidsSpills = true;
  CudaKernel kernel =
      p_.take(tilesDown() * attention_.batches, tile_.threads());
  kernel.sharedBytes = static_cast<uint32_t>(sharedBytes());
  return kernel;
}

/// Where warps multiply alone, more rows a warp read keys and values less often
/// from shared memory, and more blocks fill the device.
AttentionTile chooseTile(const LoopNest &nest, const Attention &attention,
                         const MatrixUnits &units) {
  AttentionTile tile;
  int64_t depth = nest.sizes[attention.depth],
          columns = nest.sizes[attention.column],
          widest = std::max(depth, columns);
  // One instruction multiplies 64 or 128 columns.
  tile.warpGroups =
      units.warpGroups && depth <= 128 && (columns == 64 || columns == 128);
  if (tile.warpGroups) {
    // A block of a value is 64 columns and keys: larger tiles have one.
    if (widest == 64 && attention.numKeys >= 256)
      tile.keys = 128;
    return tile;
  }
  if (widest > 128)
    tile.keys = 32;
  constexpr int64_t rows = 128;
  int64_t blocks =
      llvm::divideCeil(attention.numRows, rows) * attention.batches;
  if (widest <= 64 && attention.numRows > rows / 2 &&
      blocks >= 2 * units.multiprocessors)
    tile.rows = rows;
  return tile;
}

} // namespace

std::optional<CudaKernel> emitAttention(ir::GroupOp group, const LoopNest &nest,
                                        const CudaTarget &target,
                                        std::optional<AttentionTile> tile) {
  std::optional<MatrixUnits> units = matrixUnitsOf(target);
  ir::AttentionOp op =
      *group.getBody().front().getOps<ir::AttentionOp>().begin();
  if (!units || !op.suitsTensorCores())
    return std::nullopt;
  Attention attention = read(nest);
  if (!tile)
    tile = chooseTile(nest, attention, *units);
  return AttentionEmitter(group, nest, std::move(attention), *tile).emit();
}

} // namespace weft::cuda
