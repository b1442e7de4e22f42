// SPDX-License-Identifier: Apache-2.0
#include "ImagePooling.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

static constexpr int64_t kLanes = 8; // elements that a thread stores at once

std::optional<ImagePooling> ImagePooling::match(const LoopNest &nest) {
  ir::MaxpoolOp op = nest.pooling;
  if (!op || !op.getChannelsLast() || op.getKernel().size() != 2)
    return std::nullopt;
  ArrayRef<int64_t> x = ir::shapeOf(op.getX()), y = ir::shapeOf(op.getResult());
  if (x[3] % kLanes != 0)
    return std::nullopt;
  ImagePooling pooling;
  pooling.images_ = x[0];
  for (unsigned i : {0u, 1u}) {
    int64_t before = op.getPadding()[2 * i], after = op.getPadding()[2 * i + 1],
            taps = op.getKernel()[i], step = op.getStride()[i];
    // A window of padding alone has no row that begins it.
    if (std::max(before, after) >= taps)
      return std::nullopt;
    Axis &axis = i == 0 ? pooling.down_ : pooling.across_;
    axis = {x[i + 1], y[i + 1], taps, step, before};
    axis.exceeds = (axis.results - 1) * step - before + taps > axis.size;
  }
  return pooling;
}

int64_t ImagePooling::windowsKept() const {
  return llvm::divideCeil(down_.taps - 1, down_.step);
}

// ---- text -------------------------------------------------------------------

/// The first row or pixel of a window, which may lie before the image.
static std::string beginOf(StringRef result, int64_t step, int64_t before) {
  std::string text = (result + " * " + Twine(step)).str();
  if (before == 0)
    return text;
  return text + (before < 0 ? " + " : " - ") + std::to_string(std::abs(before));
}

void ImagePooling::reserveNames(KernelPrinter &p) const {
  for (const char *word :
       {"first_down", "end_down", "first_across", "first_row_of_image",
        "end_row_of_image", "of_image", "across", "age", "down", "begin",
        "begins", "ends", "result", "kept", "largest", "before", "vector",
        "completed", "store_completed"})
    p.fresh(word);
}

std::string ImagePooling::firstPixel(StringRef across) const {
  return beginOf(across, across_.step, across_.before);
}

void ImagePooling::printRows(KernelPrinter &p) const {
  std::string results = std::to_string(down_.results),
              size = std::to_string(down_.size);
  auto print = [&](StringRef name, StringRef result, int64_t more,
                   StringRef bound, StringRef limit) {
    p.line("const " + p.indexType() + " " + name + "_of_image = " +
           beginOf((result + " % " + results).str(), down_.step,
                   down_.before - more) +
           ";");
    p.line("const " + p.indexType() + " " + name + " = " + result + " / " +
           results + " * " + size + " + (" + name + "_of_image " + bound + " " +
           limit + " ? " + limit + " : " + name + "_of_image);");
  };
  print("first_row", "first_down", 0, "<", "0");
  print("end_row", "(end_down - 1)", down_.taps, ">", size);
}

/// A row joins what was kept of the rows before it in the window. Loops of
/// their own for the first and last row have no branches, so that loads of all
/// parts are under way together.
void ImagePooling::printRow(KernelPrinter &p, const Places &places) const {
  if (!places.guard.empty())
    p.open("if (" + places.guard + ")");
  if (windowsKept() == 0) {
    printParts(p, places, /*begins=*/true, /*ends=*/true);
  } else {
    p.line("unsigned char *kept = shared + " + Twine(places.keptAt) +
           " + down % " + Twine(windowsKept()) + " * " +
           Twine(keptBytes(places.pixels, places.threads) / windowsKept()) +
           " + thread * " + Twine(kPartBytes) + ";");
    for (bool begins : {true, false}) {
      p.open(begins ? "if (begins)" : "else");
      for (bool ends : {true, false}) {
        p.open(ends ? "if (ends)" : "else");
        printParts(p, places, begins, ends);
        p.close();
      }
      p.close();
    }
  }
  if (!places.guard.empty())
    p.close();
}

void ImagePooling::printParts(KernelPrinter &p, const Places &places,
                              bool begins, bool ends) const {
  std::string kept = "reinterpret_cast<unsigned *>(kept + i * " +
                     std::to_string(places.threads * kPartBytes) + ")";
  p.openLoop("i", places.pixels / 16, /*unrolled=*/true);
  if (!begins)
    p.line("const auto before = weft::load_vector<4>(" + kept + ");");
  p.line(ends ? "unsigned largest[4];" : "weft::Vector<unsigned, 4> largest;");
  p.openLoop("part", 4, /*unrolled=*/true);
  std::string row = places.bits + "[i][part]";
  p.line("largest[part] = " +
         (begins ? row
                 : "weft::maximum_halves<" + places.type + ">(" + row +
                       ", before[part])") +
         ";");
  p.close();
  p.line(ends ? "weft::store_transposed_matrices(" + places.tile +
                    " + (i * 16 + lane / 16 * 8 + lane % 8) * " +
                    std::to_string(places.pitch) +
                    " + thread / 32 * 16 + lane / 8 % 2 * 8, largest);"
              : "weft::store_vector(" + kept + ", largest);");
  p.close();
}

void ImagePooling::printStart(KernelPrinter &p, const Places &places) const {
  p.line(p.indexType() + " completed = -1; // a row of results, in the tile");
  p.open("const auto store_completed = [&]");
  p.line("if (completed < 0)");
  p.line("  return;");
  printStores(p, places);
  p.line("completed = -1;");
  p.close(";");
}

/// Windows across of the tile: a thread has neighbouring columns. Where a
/// window reaches beyond the image, it has the pixel at the border again.
void ImagePooling::printStores(KernelPrinter &p, const Places &places) const {
  StringRef type = p.indexType();
  int64_t across = places.columns / kLanes, atOnce = places.threads / across;
  p.line("const int along = thread % " + Twine(across) + " * " + Twine(kLanes) +
         ";");
  // Tensor cores multiply meanwhile: more at once would only take registers.
  p.line("#pragma unroll 1");
  p.open("for (int place = thread / " + Twine(across) + "; place < " +
         Twine(places.results) + "; place += " + Twine(atOnce) + ")");
  p.line("const " + type + " across = first_across + place;");
  std::string inside;
  auto need = [&](const Twine &part) {
    inside += (inside.empty() ? "" : " && ") + part.str();
  };
  if (across_.results % places.results != 0)
    need("across < " + Twine(across_.results));
  if (places.extent % places.columns != 0)
    need("first_column + along < " + Twine(places.extent));
  if (!inside.empty())
    p.open("if (" + inside + ")");
  p.line("weft::Vector<unsigned, 4> largest;");
  p.openLoop("tap", across_.taps, /*unrolled=*/true);
  std::string pixel = firstPixel("across") + " + tap";
  if (across_.before > 0)
    pixel = "weft::maximum(" + pixel + ", " + type.str() + "(0))";
  if (across_.exceeds)
    pixel = "weft::minimum(" + pixel + ", " + type.str() + "(" +
            std::to_string(across_.size - 1) + "))";
  p.line("const " + type + " pixel = " + pixel + ";");
  p.line("const auto vector = weft::load_vector<4>(reinterpret_cast<const "
         "unsigned *>(" +
         places.tile + " + (pixel - first_pixel) * " + Twine(places.pitch) +
         " + along));");
  p.openLoop("part", 4, /*unrolled=*/true);
  p.line("largest[part] = tap == 0 ? vector[part] : weft::maximum_halves<" +
         places.type + ">(largest[part], vector[part]);");
  p.close();
  p.close();
  p.line("weft::store_vector(reinterpret_cast<unsigned *>(" + p.output(0) +
         " + ((completed * " + Twine(across_.results) + " + across) * " +
         Twine(places.extent) + " + first_column + along)), largest);");
  if (!inside.empty())
    p.close();
  p.close();
}

/// Windows that have the row, the oldest first: it completes that one before
/// its place is taken.
void ImagePooling::print(KernelPrinter &p, const Places &places) const {
  StringRef type = p.indexType();
  std::string size = std::to_string(down_.size),
              results = std::to_string(down_.results),
              taps = std::to_string(down_.taps);
  p.line("const " + type + " of_image = row % " + size + ";");
  std::string behind =
      down_.before == 0 ? "of_image"
                        : "(of_image + " + std::to_string(down_.before) + ")";
  p.line("#pragma unroll 1");
  p.open(
      "for (int age = " + Twine(llvm::divideCeil(down_.taps, down_.step) - 1) +
      "; age >= 0; --age)");
  p.line("const " + type + " down = " + behind + " / " + Twine(down_.step) +
         " - age;");
  p.line("const " + type +
         " begin = " + beginOf("down", down_.step, down_.before) + ";");
  p.line("const " + type + " result = row / " + size + " * " + results +
         " + down;");
  p.line("if (down < 0 || down >= " + results + " || begin + " + taps +
         " <= of_image || result < first_down || result >= end_down)");
  p.line("  continue;");
  if (windowsKept() > 0)
    p.line("const bool begins = of_image == (begin < 0 ? 0 : begin);");
  p.line("const bool ends = of_image + 1 == (begin + " + taps + " < " + size +
         " ? begin + " + taps + " : " + size + ");");
  printRow(p, places);
  p.open("if (ends)");
  p.line("completed = result;");
  p.line("__syncthreads();");
  // The last row of an image may complete several.
  p.open("if (age > 0 && of_image + 1 == " + size + ")");
  printCompleted(p);
  p.line("__syncthreads();");
  p.close();
  p.close();
  p.close();
}

} // namespace weft::cuda
