// SPDX-License-Identifier: Apache-2.0
// The groups that emitted kernels are tested on: every schedule with every
// type, sizes 0, 1 and odd ones, every way of moving elements.
#include "Cases.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace weft::cuda_tests {

namespace {

constexpr const char *kFloats[] = {"f64", "f32", "f16", "bf16", "f8E4M3FN"};
constexpr const char *kIntegers[] = {"i64", "i32", "i8", "i4", "ui8"};

std::string tensor(llvm::StringRef sizes, llvm::StringRef type) {
  return ("tensor<" + sizes + (sizes.empty() ? "" : "x") + type + ">").str();
}

std::vector<std::string> allTypes() {
  std::vector<std::string> types(std::begin(kFloats), std::end(kFloats));
  types.insert(types.end(), std::begin(kIntegers), std::end(kIntegers));
  types.push_back("i1");
  return types;
}

class Cases {
public:
  std::vector<Case> list;

  void add(Case c) { list.push_back(std::move(c)); }

  void addLoops() {
    addBatchNorm("2x3x4x8", "f32"); // vectors within rows
    addBatchNorm("2x3x4x8", "f16");
    addBatchNorm("1x37x7x7", "f16"); // vectors across rows, a tail
    addBatchNorm("3x5x3x5", "bf16");
    addBatchNorm("2x3x16", "f64");
    addBatchNorm("1x1x1", "f32");
    addBatchNorm("0x3x4", "f32");
    addBatchNorm("64x16x16x32", "f32");
    for (const std::string &type : allTypes())
      addCasts(type);
    for (const char *type : {"f32", "f16", "bf16", "f8E4M3FN"})
      addReducedPrecision(type);
    for (const char *type : kFloats)
      addRealRows(type);
    for (const std::string &type : allTypes())
      addBinaryRows(type);
    for (const char *type : kFloats)
      addReluOfAbs(type);
    for (const char *type : {"f16", "f8E4M3FN"})
      addReluOfLarge(type);
    addMoves();
  }

  /// relu(x * scale[c] + shift[c] + residual), c being axis 1.
  void addBatchNorm(const std::string &sizes, const std::string &type) {
    llvm::SmallVector<llvm::StringRef> dims;
    llvm::StringRef(sizes).split(dims, 'x');
    std::string channels = dims[1].str(), unit = "1x" + channels;
    for (size_t i = 2; i < dims.size(); ++i)
      unit += "x1";
    std::string full = tensor(sizes, type), c = tensor(channels, type),
                u = tensor(unit, type);
    std::string body;
    for (const char *parameter : {"scale", "shift"})
      body += llvm::formatv("%{0}1 = weft.reshape %{0} : {1} -> {2}\n"
                            "%{0}2 = weft.broadcast %{0}1 : {2} -> {3}\n",
                            parameter, c, u, full);
    body += llvm::formatv("%m = weft.mul %x, %scale2 : {0}\n"
                          "%a = weft.add %m, %shift2 : {0}\n"
                          "%b = weft.add %a, %r : {0}\n"
                          "%y = weft.relu %b : {0}\n",
                          full);
    add({"bn_add_relu of " + full,
         "%x: " + full + ", %scale: " + c + ", %shift: " + c + ", %r: " + full,
         body, "%y : " + full, "loop"});
  }

  /// From one type to all others.
  void addCasts(const std::string &from) {
    std::string body, results;
    for (auto [i, to] : llvm::enumerate(allTypes())) {
      body += llvm::formatv("%y{0} = weft.cast %x : {1} -> {2}\n", i,
                            tensor("70", from), tensor("70", to));
      results +=
          llvm::formatv("{0}%y{1} : {2}", i ? ", " : "", i, tensor("70", to));
    }
    add({"casts of " + from, "%x: " + tensor("70", from), body, results});
  }

  /// A product that is read as if it came from memory.
  void addReducedPrecision(const std::string &type) {
    std::string t = tensor("70", type), wide = tensor("70", "f32");
    add({"reduced precision of " + type, "%x: " + t,
         "%p = weft.mul %x, %x : " + t + "\n%r = weft.reduce_precision %p : " +
             t + "\n%y = weft.cast %r : " + t + " -> " + wide,
         "%p : " + t + ", %y : " + wide, "loop"});
  }

  void addRealRows(const std::string &type) {
    std::string t = tensor("3x23", type),
                body = "%p = weft.abs %x : " + t + "\n", results = "%p : " + t;
    for (const char *op : {"floor", "exp", "sin", "cos", "tanh", "erf",
                           "sigmoid", "silu", "gelu"}) {
      body += llvm::formatv("%{0} = weft.{0} %x : {1}\n", op, t);
      results += llvm::formatv(", %{0} : {1}", op, t);
    }
    for (const char *op : {"sqrt", "log", "rsqrt"}) {
      body += llvm::formatv("%{0} = weft.{0} %p : {1}\n", op, t);
      results += llvm::formatv(", %{0} : {1}", op, t);
    }
    add({"functions of " + type, "%x: " + t, body, results});
  }

  void addReluOfAbs(const std::string &type) {
    std::string t = tensor("70", type);
    add({"relu of abs of " + type, "%x: " + t,
         "%a = weft.abs %x : " + t + "\n%y = weft.relu %a : " + t, "%y : " + t,
         "loop"});
  }

  /// Numbers beyond the largest of the type, on both sides: infinite, or NaN.
  void addReluOfLarge(const std::string &type) {
    std::string t = tensor("70", type);
    add({"relu of large numbers in " + type, "%x: tensor<70xf32>",
         "%c = weft.constant dense<1.0e5> : tensor<70xf32>\n"
         "%m = weft.mul %x, %c : tensor<70xf32>\n"
         "%h = weft.cast %m : tensor<70xf32> -> " +
             t + "\n%y = weft.relu %h : " + t,
         "%y : " + t, "loop"});
  }

  void addBinaryRows(const std::string &type) {
    std::string t = tensor("5x41", type), b = tensor("5x41", "i1"), body,
                results;
    auto result = [&](const std::string &name, const std::string &of) {
      results += (results.empty() ? "%" : ", %") + name + " : " + of;
    };
    for (const char *op : {"add", "sub", "mul", "div", "floor_div", "mod",
                           "maximum", "minimum"}) {
      body += llvm::formatv("%{0} = weft.{0} %x, %y : {1}\n", op, t);
      result(op, t);
    }
    for (const char *op : {"less", "less_equal", "greater", "greater_equal",
                           "equal", "not_equal"}) {
      body += llvm::formatv("%{0} = weft.{0} %x, %y : {1}\n", op, t);
      result(op, b);
    }
    if (type != "i1") {
      for (const char *op : {"neg", "abs", "relu"}) {
        body += llvm::formatv("%{0} = weft.{0} %x : {1}\n", op, t);
        result(op, t);
      }
    } else {
      body += "%not = weft.logical_not %x : " + t + "\n";
      result("not", t);
      for (const char *op : {"logical_and", "logical_or"}) {
        body += llvm::formatv("%{0} = weft.{0} %x, %y : {1}\n", op, t);
        result(op, t);
      }
    }
    body +=
        llvm::formatv("%where = weft.where %less, %x, %add : {0}, {1}\n", b, t);
    result("where", t);
    add({"rows of " + type, "%x: " + t + ", %y: " + t, body, results});
    if (type != "i1")
      add({"pow of " + type, "%x: " + t + ", %y: " + t,
           "%z = weft.pow %x, %y : " + t, "%z : " + t});
  }

  void addMoves() {
    add({"transpose", "%x: tensor<3x8x5xf32>",
         "%y = weft.transpose %x [2, 0, 1] : tensor<3x8x5xf32> -> "
         "tensor<5x3x8xf32>",
         "%y : tensor<5x3x8xf32>"});
    addTransposes();
    add({"slice backwards", "%x: tensor<9x16xf16>",
         "%y = weft.slice %x from [8, 1] by [-2, 3] : tensor<9x16xf16> -> "
         "tensor<4x5xf16>",
         "%y : tensor<4x5xf16>"});
    add({"slice of whole rows", "%x: tensor<6x16xf32>",
         "%y = weft.slice %x from [4, 0] by [-1, 1] : tensor<6x16xf32> -> "
         "tensor<3x16xf32>",
         "%y : tensor<3x16xf32>"});
    add({"slice off the alignment", "%x: tensor<4x20xf32>",
         "%y = weft.slice %x from [0, 3] by [1, 1] : tensor<4x20xf32> -> "
         "tensor<4x16xf32>",
         "%y : tensor<4x16xf32>"});
    add({"concatenate rows", "%x: tensor<3x8xbf16>, %z: tensor<5x8xbf16>",
         "%y = weft.concatenate %x, %z along 0 : tensor<3x8xbf16>, "
         "tensor<5x8xbf16> -> tensor<8x8xbf16>",
         "%y : tensor<8x8xbf16>"});
    add({"concatenate columns",
         "%x: tensor<4x3xi8>, %z: tensor<4x0xi8>, %w: tensor<4x13xi8>",
         "%y = weft.concatenate %x, %z, %w along 1 : tensor<4x3xi8>, "
         "tensor<4x0xi8>, tensor<4x13xi8> -> tensor<4x16xi8>",
         "%y : tensor<4x16xi8>"});
    add({"elements before, between and behind", "%x: tensor<3x5xf32>",
         "%y = weft.resample %x from [-3, 2] by [3, 5] over [4, 7] : "
         "tensor<3x5xf32> -> tensor<6x8xf32>",
         "%y : tensor<6x8xf32>"});
    add({"the same elements of one", "%x: tensor<1x4xi8>",
         "%y = weft.resample %x from [-2, 0] by [1, 1] over [2, 1] : "
         "tensor<1x4xi8> -> tensor<6x4xi8>",
         "%y : tensor<6x4xi8>"});
    add({"strided memory", "%x: tensor<64xf32>",
         "%y = weft.as_strided %x offset 3 strides [16, 2] : tensor<64xf32> -> "
         "tensor<3x5xf32>",
         "%y : tensor<3x5xf32>"});
    add({"iota and scalars", "%n: f16, %m: i64",
         "%i = weft.iota 1 : tensor<3x8xf16>\n"
         "%s = weft.splat %n : f16 -> tensor<3x8xf16>\n"
         "%y = weft.mul %i, %s : tensor<3x8xf16>\n"
         "%j = weft.iota 0 : tensor<3x8xi64>\n"
         "%t = weft.splat %m : i64 -> tensor<3x8xi64>\n"
         "%z = weft.sub %j, %t : tensor<3x8xi64>",
         "%y : tensor<3x8xf16>, %z : tensor<3x8xi64>"});
    add({"indices that equal positions", "%x: tensor<8xf32>, %z: tensor<8xf32>",
         "%i = weft.iota 0 : tensor<16xf32>\n"
         "%c = weft.concatenate %x, %z along 0 : tensor<8xf32>, tensor<8xf32> "
         "-> tensor<16xf32>\n"
         "%y = weft.add %i, %c : tensor<16xf32>",
         "%y : tensor<16xf32>"});
    add({"constants", "%x: tensor<2x8xf32>",
         "%c = weft.constant dense<0.1> : tensor<2x8xf32>\n"
         "%d = weft.constant dense<0xFF800000> : tensor<2x8xf32>\n"
         "%a = weft.mul %x, %c : tensor<2x8xf32>\n"
         "%y = weft.maximum %a, %d : tensor<2x8xf32>",
         "%y : tensor<2x8xf32>"});
    add({"image to planes", "%x: tensor<2x9x11x3xui8>, %s: tensor<3xf32>",
         "%f = weft.cast %x : tensor<2x9x11x3xui8> -> tensor<2x9x11x3xf32>\n"
         "%s2 = weft.broadcast %s : tensor<3xf32> -> tensor<2x9x11x3xf32>\n"
         "%m = weft.mul %f, %s2 : tensor<2x9x11x3xf32>\n"
         "%y = weft.transpose %m [0, 3, 1, 2] : tensor<2x9x11x3xf32> -> "
         "tensor<2x3x9x11xf32>",
         "%y : tensor<2x3x9x11xf32>"});
    add({"part of the result in its order", "%x: tensor<3x17xi1>, %n: i1",
         "%s = weft.splat %n : i1 -> tensor<4x17xi1>\n"
         "%y = weft.concatenate %x, %s, %s along 0 : tensor<3x17xi1>, "
         "tensor<4x17xi1>, tensor<4x17xi1> -> tensor<11x17xi1>",
         "%y : tensor<11x17xi1>"});
    add({"other shapes of one result", "%x: tensor<6x4xf32>",
         "%e = weft.exp %x : tensor<6x4xf32>\n"
         "%y = weft.reshape %e : tensor<6x4xf32> -> tensor<24xf32>\n"
         "%n = weft.neg %e : tensor<6x4xf32>\n"
         "%z = weft.reshape %n : tensor<6x4xf32> -> tensor<2x3x4xf32>",
         "%y : tensor<24xf32>, %z : tensor<2x3x4xf32>"});
    add({"reshape that regroups", "%x: tensor<6x4xf32>, %z: tensor<8x3xf32>",
         "%t = weft.transpose %x [1, 0] : tensor<6x4xf32> -> tensor<4x6xf32>\n"
         "%r = weft.reshape %t : tensor<4x6xf32> -> tensor<8x3xf32>\n"
         "%y = weft.add %r, %z : tensor<8x3xf32>",
         "%y : tensor<8x3xf32>"});
  }

  void addTranspose(const std::string &sizes, const std::string &type) {
    auto [rows, columns] = llvm::StringRef(sizes).split('x');
    std::string x = tensor(sizes, type),
                y = tensor((columns + "x" + rows).str(), type);
    add({"transpose of " + x, "%x: " + x,
         "%y = weft.transpose %x [1, 0] : " + x + " -> " + y, "%y : " + y});
  }

  /// Large enough for tiles in shared memory.
  void addTransposes() {
    for (const std::string &type : allTypes())
      addTranspose("96x72", type);
    addTranspose("70x67", "f16"); // single elements, tiles that reach beyond
    addTranspose("65x68", "f32");
    addTranspose("9x600", "f32"); // a short side
    addTranspose("600x9", "bf16");
    addTranspose("1100x1040", "i8");
    add({"planes to pixels with a scale and a residual",
         "%x: tensor<3x40x5x12xf16>, %s: tensor<40xf32>, "
         "%r: tensor<3x5x12x40xf16>",
         "%t = weft.transpose %x [0, 2, 3, 1] : tensor<3x40x5x12xf16> -> "
         "tensor<3x5x12x40xf16>\n"
         "%f = weft.cast %t : tensor<3x5x12x40xf16> -> tensor<3x5x12x40xf32>\n"
         "%s2 = weft.broadcast %s : tensor<40xf32> -> tensor<3x5x12x40xf32>\n"
         "%m = weft.mul %f, %s2 : tensor<3x5x12x40xf32>\n"
         "%g = weft.cast %r : tensor<3x5x12x40xf16> -> tensor<3x5x12x40xf32>\n"
         "%a = weft.add %m, %g : tensor<3x5x12x40xf32>\n"
         "%y = weft.cast %a : tensor<3x5x12x40xf32> -> tensor<3x5x12x40xf16>",
         "%y : tensor<3x5x12x40xf16>, %a : tensor<3x5x12x40xf32>"});
    add({"pixels to planes of two types",
         "%x: tensor<2x7x9x24xui8>, %z: tensor<2x7x9x24xf64>, "
         "%n: tensor<2x7x9xf32>",
         "%c = weft.cast %x : tensor<2x7x9x24xui8> -> tensor<2x7x9x24xf64>\n"
         "%a = weft.sub %c, %z : tensor<2x7x9x24xf64>\n"
         "%t = weft.transpose %a [0, 3, 1, 2] : tensor<2x7x9x24xf64> -> "
         "tensor<2x24x7x9xf64>\n"
         "%n1 = weft.reshape %n : tensor<2x7x9xf32> -> tensor<2x1x7x9xf32>\n"
         "%n2 = weft.broadcast %n1 : tensor<2x1x7x9xf32> -> "
         "tensor<2x24x7x9xf32>\n"
         "%d = weft.cast %n2 : tensor<2x24x7x9xf32> -> tensor<2x24x7x9xf64>\n"
         "%y = weft.mul %t, %d : tensor<2x24x7x9xf64>",
         "%y : tensor<2x24x7x9xf64>"});
    add({"a matrix and its transpose", "%x: tensor<80x80xf32>",
         "%t = weft.transpose %x [1, 0] : tensor<80x80xf32> -> "
         "tensor<80x80xf32>\n"
         "%y = weft.add %x, %t : tensor<80x80xf32>\n"
         "%i = weft.iota 0 : tensor<80x80xf32>\n"
         "%z = weft.mul %y, %i : tensor<80x80xf32>",
         "%y : tensor<80x80xf32>, %z : tensor<80x80xf32>"});
    add({"columns backwards", "%x: tensor<3x50x36xf16>",
         "%s = weft.slice %x from [0, 49, 2] by [1, -1, 1] : "
         "tensor<3x50x36xf16> -> tensor<3x50x34xf16>\n"
         "%y = weft.transpose %s [2, 0, 1] : tensor<3x50x34xf16> -> "
         "tensor<34x3x50xf16>",
         "%y : tensor<34x3x50xf16>"});
  }

  // ---- reductions -----------------------------------------------------------

  void addReduction(const std::string &op, const std::string &from,
                    const std::string &axes, const std::string &to,
                    const std::string &type, const std::string &schedule) {
    bool isArg = llvm::StringRef(op).starts_with("arg");
    std::string x = tensor(from, type), y = tensor(to, isArg ? "i32" : type);
    add({op + " of " + x + " over " + axes, "%x: " + x,
         "%y = weft." + op + " %x over " + (isArg ? axes : "[" + axes + "]") +
             " : " + x + " -> " + y,
         "%y : " + y, schedule});
  }

  /// Sums of exp(1/8), which has no short binary form: each addition rounds.
  void addLongSum(const std::string &shape, const std::string &axes,
                  const std::string &result, const std::string &schedule) {
    std::string x = tensor(shape, "f32"), y = tensor(result, "f32");
    add({"long sum of " + shape, "%x: " + x,
         "%zero = weft.sub %x, %x : " + x +
             "\n%n = weft.constant dense<0.125> : " + x +
             "\n%e = weft.exp %n : " + x + "\n%p = weft.add %zero, %e : " + x +
             "\n%y = weft.sum %p over [" + axes + "] : " + x + " -> " + y +
             "\n%m = weft.max %p over [" + axes + "] : " + x + " -> " + y,
         "%y : " + y + ", %m : " + y, schedule});
  }

  void addReductions() {
    for (const std::string &type : allTypes()) {
      bool isBool = type == "i1";
      for (const char *op : {"sum", "prod", "max", "min"}) {
        std::string reduction = isBool ? (op[0] == 's' ? "any" : "all") : op;
        addReduction(reduction, "5x37", "1", "5", type, "row");
        addReduction(reduction, "37x5", "0", "5", type, "column");
      }
      if (isBool)
        continue;
      for (const char *op : {"argmax", "argmin"}) {
        addReduction(op, "3x70", "1", "3", type, "row");
        addReduction(op, "70x3", "0", "3", type, "column");
      }
    }
    addReduction("sum", "3x4099", "1", "3", "f32", "row");
    addReduction("max", "2x5000", "1", "2", "f16", "row");
    addReduction("sum", "2x8192", "1", "2", "f16", "row");
    addReduction("sum", "300x4", "1", "300", "f32", "row");
    addReduction("sum", "300x1", "1", "300", "f32", "column");
    addReduction("sum", "3x0", "1", "3", "f32", "row");
    addReduction("sum", "0x3", "1", "0", "f32", "row");
    add({"rows of nothing, written again", "%x: tensor<3x0xf32>",
         "%e = weft.exp %x : tensor<3x0xf32>\n"
         "%s = weft.sum %e over [1] : tensor<3x0xf32> -> tensor<3xf32>",
         "%e : tensor<3x0xf32>, %s : tensor<3xf32>", "row"});
    addReduction("prod", "0x3", "0", "3", "i32", "column");
    addReduction("sum", "70000", "0", "", "i32", "row");
    addReduction("sum", "2x3x5x7", "0, 2, 3", "3", "f32", "row");
    addReduction("sum", "4x6x8", "1", "4x8", "f32", "column");
    addReduction("sum", "2000x40", "0", "40", "f32", "column");
    // Enough columns for a thread to each, and for two.
    addReduction("sum", "3x262144", "0", "262144", "f32", "column");
    addReduction("max", "5x131075", "0", "131075", "f16", "column");
    addReduction("argmax", "1000", "0", "", "f32", "row");
    addLongSum("1x1048576", "1", "1", "row");
    addLongSum("32771x32", "0", "32", "column");
    addSoftmax("7x33", 1, "f32", "row");
    addSoftmax("3x1000", 1, "f16", "row");
    addSoftmax("2x20000", 1, "f32", "row");
    addSoftmax("33x7", 0, "f32", "column");
    addSoftmax("4x9x6", 1, "bf16", "column");
    addLessLargest("2x70000", 1, "2", "2x1", "f32", "row");
    addLessLargest("2x70001", 1, "2", "2x1", "f16", "row");
    addLessLargest("20000x3", 0, "3", "1x3", "f32", "column");
    addLayerNorm();
    add({"rows divided by a number", "%x: tensor<6x64xf32>",
         "%c = weft.constant dense<0.3> : tensor<6xf32>\n"
         "%k = weft.constant dense<0.3> : tensor<6x64xf32>\n"
         "%m = weft.max %x over [1] : tensor<6x64xf32> -> tensor<6xf32>\n"
         "%q = weft.div %m, %c : tensor<6xf32>\n"
         "%r = weft.reshape %q : tensor<6xf32> -> tensor<6x1xf32>\n"
         "%b = weft.broadcast %r : tensor<6x1xf32> -> tensor<6x64xf32>\n"
         "%z = weft.sub %x, %b : tensor<6x64xf32>\n"
         "%d = weft.div %z, %k : tensor<6x64xf32>\n"
         "%y = weft.sum %d over [1] : tensor<6x64xf32> -> tensor<6xf32>",
         "%y : tensor<6xf32>, %q : tensor<6xf32>", "row"});
    add({"sum of a product with other results",
         "%x: tensor<6x64xf32>, %z: tensor<6x64xf32>",
         "%p = weft.mul %x, %z : tensor<6x64xf32>\n"
         "%s = weft.sum %p over [1] : tensor<6x64xf32> -> tensor<6xf32>\n"
         "%m = weft.max %p over [1] : tensor<6x64xf32> -> tensor<6xf32>\n"
         "%y = weft.sub %m, %s : tensor<6xf32>\n"
         "%k = weft.reshape %y : tensor<6xf32> -> tensor<6x1xf32>",
         "%p : tensor<6x64xf32>, %s : tensor<6xf32>, %k : tensor<6x1xf32>",
         "row"});
  }

  void addSoftmax(const std::string &sizes, int axis, const std::string &type,
                  const std::string &schedule) {
    llvm::SmallVector<llvm::StringRef> dims, rest;
    llvm::StringRef(sizes).split(dims, 'x');
    rest = dims;
    rest.erase(rest.begin() + axis);
    dims[axis] = "1";
    std::string full = tensor(sizes, "f32"),
                reduced = tensor(llvm::join(rest, "x"), "f32"),
                kept = tensor(llvm::join(dims, "x"), "f32");
    std::string typed = tensor(sizes, type);
    auto spread = [&](const char *name) {
      return llvm::formatv("%{0}1 = weft.reshape %{0} : {1} -> {2}\n"
                           "%{0}2 = weft.broadcast %{0}1 : {2} -> {3}\n",
                           name, reduced, kept, full)
          .str();
    };
    std::string body =
        "%f = weft.cast %x : " + typed + " -> " + full + "\n" +
        llvm::formatv("%m = weft.max %f over [{0}] : {1} -> {2}\n", axis, full,
                      reduced)
            .str() +
        spread("m") + "%s = weft.sub %f, %m2 : " + full +
        "\n%e = weft.exp %s : " + full + "\n" +
        llvm::formatv("%t = weft.sum %e over [{0}] : {1} -> {2}\n", axis, full,
                      reduced)
            .str() +
        spread("t") + "%d = weft.div %e, %t2 : " + full +
        "\n%y = weft.cast %d : " + full + " -> " + typed;
    add({"softmax of " + typed, "%x: " + typed, body, "%y : " + typed,
         schedule});
  }

  /// x less the largest of its row: x is read twice, from memory where
  /// registers do not hold the row.
  void addLessLargest(const std::string &sizes, int axis,
                      const std::string &reduced, const std::string &kept,
                      const std::string &type, const std::string &schedule) {
    std::string x = tensor(sizes, type);
    add({"less their largest, " + schedule + "s of " + x, "%x: " + x,
         llvm::formatv("%m = weft.max %x over [{0}] : {1} -> {2}\n"
                       "%k = weft.reshape %m : {2} -> {3}\n"
                       "%b = weft.broadcast %k : {3} -> {1}\n"
                       "%y = weft.sub %x, %b : {1}",
                       axis, x, tensor(reduced, type), tensor(kept, type)),
         "%y : " + x, schedule});
  }

  void addLayerNorm() {
    add({"layer norm",
         "%x: tensor<5x96xf16>, %w: tensor<96xf32>, %b: tensor<96xf32>, "
         "%n: f32",
         R"(
      %f = weft.cast %x : tensor<5x96xf16> -> tensor<5x96xf32>
      %s = weft.sum %f over [1] : tensor<5x96xf32> -> tensor<5xf32>
      %c = weft.constant dense<0.010416666666666666> : tensor<5xf32>
      %mean = weft.mul %s, %c : tensor<5xf32>
      %mean1 = weft.reshape %mean : tensor<5xf32> -> tensor<5x1xf32>
      %mean2 = weft.broadcast %mean1 : tensor<5x1xf32> -> tensor<5x96xf32>
      %d = weft.sub %f, %mean2 : tensor<5x96xf32>
      %q = weft.mul %d, %d : tensor<5x96xf32>
      %t = weft.sum %q over [1] : tensor<5x96xf32> -> tensor<5xf32>
      %v = weft.mul %t, %c : tensor<5xf32>
      %eps = weft.splat %n : f32 -> tensor<5xf32>
      %ve = weft.add %v, %eps : tensor<5xf32>
      %ae = weft.abs %ve : tensor<5xf32>
      %r = weft.rsqrt %ae : tensor<5xf32>
      %r1 = weft.reshape %r : tensor<5xf32> -> tensor<5x1xf32>
      %r2 = weft.broadcast %r1 : tensor<5x1xf32> -> tensor<5x96xf32>
      %z = weft.mul %d, %r2 : tensor<5x96xf32>
      %w2 = weft.broadcast %w : tensor<96xf32> -> tensor<5x96xf32>
      %b2 = weft.broadcast %b : tensor<96xf32> -> tensor<5x96xf32>
      %zw = weft.mul %z, %w2 : tensor<5x96xf32>
      %zb = weft.add %zw, %b2 : tensor<5x96xf32>
      %y = weft.cast %zb : tensor<5x96xf32> -> tensor<5x96xf16>)",
         "%y : tensor<5x96xf16>", "row"});
  }

  // ---- windows and products -------------------------------------------------

  void addConv(const std::string &x, const std::string &w, const std::string &y,
               const std::string &attributes, const std::string &type) {
    std::string channels = llvm::StringRef(w).split('x').first.str();
    add({"conv of " + tensor(x, type) + " and " + tensor(w, type),
         "%x: " + tensor(x, type) + ", %w: " + tensor(w, type) +
             ", %b: " + tensor(channels, type) + ", %r: " + tensor(y, type),
         llvm::formatv("%c = weft.conv %x, %w, %b {0} : {1}, {2}, {3} -> {4}\n"
                       "%d = weft.add %c, %r : {4}\n"
                       "%y = weft.relu %d : {4}",
                       attributes, tensor(x, type), tensor(w, type),
                       tensor(channels, type), tensor(y, type)),
         "%y : " + tensor(y, type), "window"});
  }

  void addWindows() {
    addConv("3x5x8x8", "7x5x3x3", "3x7x8x8",
            "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1",
            "f32");
    addConv("3x16x8x8", "32x16x3x3", "3x32x4x4",
            "stride [2, 2] padding [1, 1, 1, 1] dilation [1, 1] groups 1",
            "f32");
    addConv("2x64x9x9", "70x64x1x1", "2x70x9x9",
            "stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1",
            "f16");
    addConv("2x4x9x7", "6x4x3x2", "2x6x5x8",
            "stride [2, 1] padding [2, 1, 0, 3] dilation [1, 2] groups 1",
            "bf16");
    addConv("2x6x7x7", "9x2x3x3", "2x9x7x7",
            "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 3",
            "f32");
    addConv("2x6x7x7", "6x1x3x3", "2x6x7x7",
            "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 6",
            "f32");
    addConv("2x3x11", "4x3x3", "2x4x11",
            "stride [1] padding [1, 1] dilation [1] groups 1", "f64");
    addConv("1x2x5x4x6", "3x2x2x2x3", "1x3x4x3x4",
            "stride [1, 1, 1] padding [0, 0, 0, 0, 0, 0] dilation [1, 1, 1] "
            "groups 1",
            "f32");
    addConv("5x3x1x1", "70x3x1x1", "5x70x1x1",
            "stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1",
            "f32");
    addConv("1x70x40x40", "66x70x3x3", "1x66x40x40",
            "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1",
            "f32");
    add({"conv of an image",
         "%x: tensor<2x8x8x3xui8>, %s: tensor<3xf32>, %w: tensor<5x3x3x3xf32>",
         "%f = weft.cast %x : tensor<2x8x8x3xui8> -> tensor<2x8x8x3xf32>\n"
         "%s2 = weft.broadcast %s : tensor<3xf32> -> tensor<2x8x8x3xf32>\n"
         "%m = weft.add %f, %s2 : tensor<2x8x8x3xf32>\n"
         "%p = weft.transpose %m [0, 3, 1, 2] : tensor<2x8x8x3xf32> -> "
         "tensor<2x3x8x8xf32>\n"
         "%c = weft.conv %p, %w stride [1, 1] padding [1, 1, 1, 1] dilation "
         "[1, 1] groups 1 : tensor<2x3x8x8xf32>, tensor<5x3x3x3xf32> -> "
         "tensor<2x5x8x8xf32>\n"
         "%y = weft.relu %c : tensor<2x5x8x8xf32>",
         "%y : tensor<2x5x8x8xf32>", "window"});
    for (const char *type : {"f32", "f16", "i32", "i8", "ui8"})
      add({std::string("maxpool of ") + type, "%x: " + tensor("2x3x9x9", type),
           "%y = weft.maxpool %x kernel [3, 3] stride [2, 2] padding [1, 1, 1, "
           "1] : " +
               tensor("2x3x9x9", type) + " -> " + tensor("2x3x5x5", type),
           "%y : " + tensor("2x3x5x5", type), "window"});
    for (const char *type : {"f32", "f8E4M3FN", "i32", "i8", "ui8"})
      for (const char *counts : {"true", "false"})
        for (const char *window : {"kernel [3] stride [2] padding [1, 1]",
                                   "kernel [33] stride [2] padding [16, 16]"})
          add({std::string("avgpool of ") + type + ", " + window +
                   ", padding counts: " + counts,
               "%x: " + tensor("2x3x40", type),
               std::string("%y = weft.avgpool %x ") + window +
                   " count_include_pad " + counts + " : " +
                   tensor("2x3x40", type) + " -> " + tensor("2x3x20", type),
               "%y : " + tensor("2x3x20", type), "window"});
  }

  /// A case for every tile of neighbouring results.
  void addTiled(Case c) {
    const std::string name = c.name;
    add(c);
    for (const std::string &tile : Prepared(c).kernel.tiles) {
      c.name = name + ", tile " + tile;
      c.tile = tile;
      add(c);
    }
  }

  /// relu(conv + bias), or that and a residual, of as many groups as channels.
  /// Weights as weft-assign-layout leaves them: neighbours along the outputs.
  void addDepthwise(const std::string &x, const std::string &window,
                    const std::string &y, const std::string &attributes,
                    const std::string &type, bool hasResidual = false) {
    std::string channels = llvm::StringRef(x).rsplit('x').second.str(),
                w = tensor(window + "x1x" + channels, type),
                v = tensor(channels + "x" + window + "x1", type),
                c = tensor(channels, type), to = tensor(y, type);
    std::string order;
    auto rank = llvm::StringRef(window).count('x') + 2;
    for (size_t i = 0; i <= rank; ++i)
      order += i == 0 ? std::to_string(rank) : ", " + std::to_string(i - 1);
    addTiled({"depthwise conv of " + tensor(x, type) + ", window " + window +
                  ", " + attributes + (hasResidual ? ", with a residual" : ""),
              "%x: " + tensor(x, type) + ", %w: " + w + ", %b: " + c +
                  (hasResidual ? ", %r: " + to : ""),
              "%v = weft.transpose %w [" + order + "] : " + w + " -> " + v +
                  "\n%c = weft.conv %x, %v, %b " + attributes + " groups " +
                  channels + " channels_last : " + tensor(x, type) + ", " + v +
                  ", " + c + " -> " + to + "\n%y = weft.relu %c : " + to +
                  (hasResidual ? residual(to) : ""),
              (hasResidual ? "%z : " : "%y : ") + to, "window"});
  }

  /// Neighbouring channels in one thread.
  void addVectorWindows() {
    for (const char *type : {"f32", "f16", "i8"})
      add({std::string("maxpool with channels last of ") + type,
           "%x: " + tensor("2x9x9x24", type),
           "%p = weft.maxpool %x kernel [3, 3] stride [2, 2] padding [1, 1, 1, "
           "1] channels_last : " +
               tensor("2x9x9x24", type) + " -> " + tensor("2x5x5x24", type) +
               "\n%y = weft.relu %p : " + tensor("2x5x5x24", type),
           "%y : " + tensor("2x5x5x24", type), "window"});
    addTiled({"maxpool with channels last in tiles",
              "%x: " + tensor("2x11x9x16", "i8"),
              "%y = weft.maxpool %x kernel [3, 2] stride [2, 1] padding [1, 0, "
              "0, 1] channels_last : " +
                  tensor("2x11x9x16", "i8") + " -> " + tensor("2x5x9x16", "i8"),
              "%y : " + tensor("2x5x9x16", "i8"), "window"});
    addTiled({"avgpool with channels last",
              "%x: tensor<2x7x7x12xf16>, %s: tensor<12xf32>",
              "%p = weft.avgpool %x kernel [3, 3] stride [2, 2] padding [1, 1, "
              "1, 1] count_include_pad false channels_last : "
              "tensor<2x7x7x12xf16> -> tensor<2x4x4x12xf16>\n"
              "%f = weft.cast %p : tensor<2x4x4x12xf16> -> "
              "tensor<2x4x4x12xf32>\n"
              "%s2 = weft.broadcast %s : tensor<12xf32> -> "
              "tensor<2x4x4x12xf32>\n"
              "%y = weft.mul %f, %s2 : tensor<2x4x4x12xf32>",
              "%p : tensor<2x4x4x12xf16>, %y : tensor<2x4x4x12xf32>",
              "window"});
    // Tiles that fill the results, and that lie over each other at the end.
    addDepthwise("2x8x8x16", "3x3", "2x8x8x16",
                 "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]", "f16");
    addDepthwise("1x15x13x24", "3x3", "1x8x7x24",
                 "stride [2, 2] padding [1, 1, 1, 1] dilation [1, 1]", "f16");
    addDepthwise("1x9x11x8", "3x3", "1x4x15x8",
                 "stride [2, 1] padding [0, 1, 2, 4] dilation [1, 1]", "bf16");
    // Pixels that windows never share, and only neighbours in a row.
    addDepthwise("1x9x9x8", "3x3", "1x9x9x8",
                 "stride [1, 1] padding [2, 2, 2, 2] dilation [2, 2]", "f16");
    addDepthwise("1x14x14x8", "3x3", "1x5x7x8",
                 "stride [2, 2] padding [0, 0, 0, 1] dilation [2, 1]", "f16");
    // Windows too large to be written out, and of one dim and three.
    addDepthwise("1x10x10x8", "5x5", "1x10x10x8",
                 "stride [1, 1] padding [2, 2, 2, 2] dilation [1, 1]", "f16");
    addDepthwise("1x12x4", "11", "1x12x4",
                 "stride [1] padding [5, 5] dilation [1]", "f32");
    addDepthwise("2x9x8", "3", "2x9x8",
                 "stride [1] padding [1, 1] dilation [1]", "f16");
    addDepthwise("1x3x6x5x8", "2x2x2", "1x2x5x4x8",
                 "stride [1, 1, 1] padding [0, 0, 0, 0, 0, 0] dilation "
                 "[1, 1, 1]",
                 "f16");
  }

  // ---- tensor cores ---------------------------------------------------------

  /// Every kernel twice: for the baseline, and with warp groups and clusters.
  void addMatrix(Case c) {
    for (const char *arch : {kBaselineArch, "sm_90a"}) {
      c.arch = arch;
      Case named = c;
      named.name += std::string(" for ") + arch;
      add(named);
      if (!llvm::is_contained(Prepared(c).kernel.tiles, "thin"))
        continue;
      named.name += ", thin";
      named.tile = "thin";
      add(named);
    }
  }

  /// relu(conv * scale + shift + residual), channels last; with weights that
  /// TF32 has if the type is f32.
  static Case matrixConv(const std::string &x, const std::string &w,
                         const std::string &y, const std::string &attributes,
                         const std::string &type) {
    std::string channels = llvm::StringRef(w).split('x').first.str(),
                full = tensor(y, "f32"), c = tensor(channels, "f32");
    std::string body = llvm::formatv(
        "%c = weft.conv %x, %w {0} groups 1 channels_last{6} : {1}, {2} -> "
        "{3}\n"
        "%f = weft.cast %c : {3} -> {4}\n"
        "%s2 = weft.broadcast %s : {5} -> {4}\n"
        "%b2 = weft.broadcast %b : {5} -> {4}\n"
        "%m = weft.mul %f, %s2 : {4}\n"
        "%a = weft.add %m, %b2 : {4}\n"
        "%r2 = weft.cast %r : {3} -> {4}\n"
        "%d = weft.add %a, %r2 : {4}\n"
        "%e = weft.relu %d : {4}\n"
        "%y = weft.cast %e : {4} -> {3}",
        attributes, tensor(x, type), tensor(w, type), tensor(y, type), full, c,
        type == "f32" ? " tf32_weights" : "");
    return {"conv of " + tensor(x, type) + " and " + tensor(w, type),
            "%x: " + tensor(x, type) + ", %w: " + tensor(w, type) +
                ", %s: " + c + ", %b: " + c + ", %r: " + tensor(y, type),
            body, "%y : " + tensor(y, type), "window"};
  }
  void addMatrixConv(const std::string &x, const std::string &w,
                     const std::string &y, const std::string &attributes,
                     const std::string &type) {
    addMatrix(matrixConv(x, w, y, attributes, type));
  }

  /// Neighbouring windows start 16 bytes apart.
  void addImage(const std::string &x, const std::string &w,
                const std::string &y, const std::string &attributes,
                const std::string &type) {
    Case c = matrixConv(x, w, y, attributes, type);
    c.name = "image: " + c.name;
    c.arch = "sm_90a";
    add(c);
  }

  void addImages() {
    // Of 3 channels under a stride of 2, as weft-assign-layout leaves them:
    // pairs of pixels. Windows of 7x7, 3x3 and 5x5.
    addImage("1x30x18x8", "64x7x4x8", "1x15x18x64",
             "stride [2, 1] padding [3, 3, 2, 1] dilation [1, 1]", "f16");
    addImage("3x17x24x8", "32x3x2x8", "3x9x24x32",
             "stride [2, 1] padding [1, 1, 1, 0] dilation [1, 1]", "bf16");
    addImage("2x13x20x8", "24x5x3x8", "2x6x20x24",
             "stride [2, 1] padding [2, 1, 1, 1] dilation [1, 1]", "f16");
    // The same without padding, of four channels.
    addImage("2x9x40x4", "20x3x4x4", "2x4x19x20",
             "stride [2, 2] padding [0, 0, 0, 0] dilation [1, 1]", "f16");
    // Eight channels; more columns than a block has.
    addImage("2x11x19x8", "72x3x4x8", "2x9x16x72",
             "stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1]", "bf16");
    addImage("1x20x33x8", "48x3x3x8", "1x20x33x48",
             "stride [1, 1] padding [2, 2, 2, 2] dilation [2, 2]", "f16");
    // More pixels than a block has; lines that no window reads; more rows than
    // blocks, so that one goes from an image to the next.
    addImage("1x5x150x8", "17x3x2x8", "1x2x150x17",
             "stride [3, 1] padding [0, 1, 1, 0] dilation [1, 1]", "f16");
    addImage("2x11x17x8", "16x2x1x8", "2x4x17x16",
             "stride [3, 1] padding [0, 0, 0, 0] dilation [1, 1]", "f16");
    addImage("40x49x16x8", "16x3x3x8", "40x25x16x16",
             "stride [2, 1] padding [1, 1, 1, 1] dilation [1, 1]", "f16");
    addImage("3x40x8", "16x3x8", "3x39x16",
             "stride [1] padding [0, 1] dilation [1]", "bf16");
  }

  /// Max pooling takes the results of an image's convolution, of both signs.
  void addPooledImage(const std::string &x, const std::string &w,
                      const std::string &y, const std::string &attributes,
                      const std::string &z, const std::string &pooling,
                      const std::string &type) {
    Case c = matrixConv(x, w, y, attributes, type);
    c.name = "image: pooled " + c.name.substr(c.name.find("tensor"));
    c.arch = "sm_90a";
    c.body.replace(c.body.find("weft.relu"), 9, "weft.neg");
    c.body += "\n%z = weft.maxpool %y " + pooling +
              " channels_last : " + tensor(y, type) + " -> " + tensor(z, type);
    c.results = "%z : " + tensor(z, type);
    add(c);
  }

  void addPooledImages() {
    // As ResNet begins.
    addPooledImage("2x30x18x8", "64x7x4x8", "2x15x18x64",
                   "stride [2, 1] padding [3, 3, 2, 1] dilation [1, 1]",
                   "2x8x9x64",
                   "kernel [3, 3] stride [2, 2] padding [1, 1, 1, 1]", "f16");
    // The same as wide as ResNet has it: sums and weights fill the registers.
    addPooledImage("1x8x114x8", "64x7x4x8", "1x4x112x64",
                   "stride [2, 1] padding [3, 2, 0, 1] dilation [1, 1]",
                   "1x2x56x64",
                   "kernel [3, 3] stride [2, 2] padding [1, 1, 1, 1]", "f16");
    // Windows that share nothing; a last row that none has.
    addPooledImage("3x17x24x8", "32x3x2x8", "3x9x24x32",
                   "stride [2, 1] padding [1, 1, 1, 0] dilation [1, 1]",
                   "3x4x12x32",
                   "kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0]", "bf16");
    // A row in all windows around it.
    addPooledImage("2x13x20x8", "24x5x3x8", "2x6x20x24",
                   "stride [2, 1] padding [2, 1, 1, 1] dilation [1, 1]",
                   "2x6x20x24",
                   "kernel [3, 3] stride [1, 1] padding [1, 1, 1, 1]", "f16");
    // More pixels than a block has: those at the border are of two blocks.
    addPooledImage("1x12x150x8", "24x3x2x8", "1x4x150x24",
                   "stride [3, 1] padding [0, 1, 1, 0] dilation [1, 1]",
                   "1x2x75x24",
                   "kernel [3, 3] stride [2, 2] padding [1, 1, 1, 1]", "f16");
    // The last row of an image completes three windows; two blocks of columns.
    addPooledImage("2x11x19x8", "72x3x4x8", "2x9x16x72",
                   "stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1]",
                   "2x9x5x72",
                   "kernel [5, 4] stride [1, 3] padding [2, 2, 1, 0]", "bf16");
    // More rows than blocks.
    addPooledImage("40x49x16x8", "16x3x3x8", "40x25x16x16",
                   "stride [2, 1] padding [1, 1, 1, 1] dilation [1, 1]",
                   "40x12x8x16",
                   "kernel [3, 3] stride [2, 2] padding [1, 0, 1, 0]", "f16");
    // Windows of one row, with rows between them.
    addPooledImage("1x20x33x8", "48x3x3x8", "1x20x33x48",
                   "stride [1, 1] padding [2, 2, 2, 2] dilation [2, 2]",
                   "1x7x8x48",
                   "kernel [1, 2] stride [3, 4] padding [0, 0, 0, 0]", "f16");
  }

  /// The last case, of pairs of pixels, for an image with its channels in
  /// planes: its group puts them side by side, with zeros for those it lacks.
  void takePlanes(int64_t planes) {
    Case &c = list.back();
    llvm::StringRef x = llvm::StringRef(c.inputs).split(", ").first;
    llvm::SmallVector<llvm::StringRef> sizes;
    x.substr(x.find('<') + 1).drop_back().split(sizes, 'x');
    int64_t pairs = 0;
    sizes[2].getAsInteger(10, pairs);
    auto shape = [&](const std::string &text) {
      return tensor(sizes[0].str() + "x" + text, sizes.back().str());
    };
    std::string lines = sizes[1].str(), pixels = std::to_string(2 * pairs),
                last = lines + "x" + pixels + "x", wide = shape(last + "4"),
                paired = shape(lines + "x" + std::to_string(pairs) + "x8"),
                given =
                    shape(std::to_string(planes) + "x" + lines + "x" + pixels),
                turned = shape(last + std::to_string(planes)),
                zeros = shape(last + std::to_string(4 - planes)),
                from = planes < 4 ? "%wide" : "%turned",
                body =
                    "%turned = weft.transpose %planes [0, 2, 3, 1] : " + given +
                    " -> " + turned;
    if (planes < 4)
      body += "\n%zeros = weft.constant dense<0.0> : " + zeros +
              "\n%wide = weft.concatenate %turned, %zeros along 3 : " + turned +
              ", " + zeros + " -> " + wide;
    body += "\n%pairs = weft.reshape " + from + " : " + wide + " -> " + paired +
            "\n%x = weft.contiguous %pairs : " + paired + "\n";
    c.name += " in " + std::to_string(planes) + " planes";
    c.inputs.replace(0, x.size(), "%planes: " + given);
    c.body = body + c.body;
  }

  void addImagesOfPlanes() {
    addImage("2x30x20x8", "64x7x4x8", "2x15x20x64",
             "stride [2, 1] padding [3, 3, 2, 1] dilation [1, 1]", "f16");
    takePlanes(3);
    for (int64_t planes : {1, 2, 4}) {
      addImage("2x11x20x8", "72x3x4x8", "2x9x17x72",
               "stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1]", "bf16");
      takePlanes(planes);
    }
    // A block may begin with the last row of an image.
    addImage("40x49x16x8", "16x3x3x8", "40x25x16x16",
             "stride [2, 1] padding [1, 1, 1, 1] dilation [1, 1]", "f16");
    takePlanes(3);
    addPooledImage("3x17x24x8", "32x3x2x8", "3x9x24x32",
                   "stride [2, 1] padding [1, 1, 1, 0] dilation [1, 1]",
                   "3x4x12x32",
                   "kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0]", "bf16");
    takePlanes(3);
    // Rows that step further than their windows reach, within an image and from
    // one to the next.
    for (auto [x, y, attributes] :
         {std::tuple("40x34x20x8", "40x11x20x64", "stride [3, 1]"),
          std::tuple("40x3x20x8", "40x1x20x64", "stride [2, 1]")}) {
      addImage(x, "64x2x4x8", y,
               std::string(attributes) +
                   " padding [0, 0, 2, 1] dilation [1, 1]",
               "f16");
      list.back().multiprocessors = 1;
      takePlanes(3);
    }
    // Blocks whose first pixel lies within a word; more rows than blocks.
    addPooledImage("1x12x152x8", "24x3x2x8", "1x4x152x24",
                   "stride [3, 1] padding [0, 1, 1, 0] dilation [1, 1]",
                   "1x2x76x24",
                   "kernel [3, 3] stride [2, 2] padding [1, 1, 1, 1]", "f16");
    takePlanes(3);
    addPooledImage("40x49x16x8", "16x3x3x8", "40x25x16x16",
                   "stride [2, 1] padding [1, 1, 1, 1] dilation [1, 1]",
                   "40x12x8x16",
                   "kernel [3, 3] stride [2, 2] padding [1, 0, 1, 0]", "f16");
    takePlanes(3);
  }

  void addMatrixMatmul(const std::string &lhs, const std::string &rhs,
                       const std::string &result, const std::string &type) {
    addMatrix({"matmul of " + tensor(lhs, type) + " and " + tensor(rhs, type),
               "%l: " + tensor(lhs, type) + ", %r: " + tensor(rhs, type),
               "%y = weft.matmul %l, %r : " + tensor(lhs, type) + ", " +
                   tensor(rhs, type) + " -> " + tensor(result, type),
               "%y : " + tensor(result, type), "gemm"});
  }

  /// Operands whose lines run along k, and not; of pieces of four elements and
  /// of two; windows; with weights that TF32 has, by bulk copies where k is
  /// long enough; every tile, of which some share k.
  void addTf32() {
    // Third powers: TF32 has the squares.
    add({"reduced precision to TF32", "%x: tensor<70xf32>",
         "%p = weft.mul %x, %x : tensor<70xf32>\n"
         "%q = weft.mul %p, %x : tensor<70xf32>\n"
         "%y = weft.reduce_precision %q tf32 : tensor<70xf32>",
         "%y : tensor<70xf32>", "loop"});
    size_t first = list.size();
    addMatrixMatmul("3x37x84", "3x84x72", "3x37x72", "f32");
    addMatrixMatmul("20x70", "70x38", "20x38", "f32");
    addMatrixConv("2x9x10x20", "24x3x3x20", "2x9x10x24",
                  "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]", "f32");
    addMatrix({"linear",
               "%x: tensor<45x68xf32>, %w: tensor<70x68xf32>, %b: "
               "tensor<70xf32>",
               "%t = weft.transpose %w [1, 0] : tensor<70x68xf32> -> "
               "tensor<68x70xf32>\n"
               "%m = weft.matmul %x, %t tf32_weights : tensor<45x68xf32>, "
               "tensor<68x70xf32> -> tensor<45x70xf32>\n"
               "%b2 = weft.broadcast %b : tensor<70xf32> -> tensor<45x70xf32>\n"
               "%s = weft.add %m, %b2 : tensor<45x70xf32>\n"
               "%y = weft.cast %s : tensor<45x70xf32> -> tensor<45x70xf16>",
               "%s : tensor<45x70xf32>, %y : tensor<45x70xf16>", "gemm"});
    for (const char *k : {"64", "100"}) // the second by bulk copies
      addMatrix(
          {"product of transposed operands, " + std::string(k),
           llvm::formatv("%x: tensor<{0}x80xf32>, %w: tensor<72x{0}xf32>", k),
           llvm::formatv(
               "%s = weft.transpose %x [1, 0] : tensor<{0}x80xf32> -> "
               "tensor<80x{0}xf32>\n"
               "%t = weft.transpose %w [1, 0] : tensor<72x{0}xf32> -> "
               "tensor<{0}x72xf32>\n"
               "%y = weft.matmul %s, %t tf32_weights : tensor<80x{0}xf32>, "
               "tensor<{0}x72xf32> -> tensor<80x72xf32>",
               k),
           "%y : tensor<80x72xf32>", "gemm"});
    addMatrixConv("2x9x10x32", "24x3x3x32", "2x9x10x24",
                  "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]", "f32");
    addMatrixConv("3x11x9x64", "72x3x3x64", "3x5x5x72",
                  "stride [2, 2] padding [1, 0, 1, 1] dilation [1, 1]", "f32");
    // Of 16 bits its taps would share patches.
    addMatrix({"conv with a result of f16",
               "%x: tensor<2x5x7x64xf32>, %w: tensor<64x3x3x64xf32>",
               "%c = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] "
               "dilation [1, 1] groups 1 channels_last tf32_weights : "
               "tensor<2x5x7x64xf32>, tensor<64x3x3x64xf32> -> "
               "tensor<2x5x7x64xf32>\n"
               "%y = weft.cast %c : tensor<2x5x7x64xf32> -> "
               "tensor<2x5x7x64xf16>",
               "%y : tensor<2x5x7x64xf16>", "window"});
    for (size_t i = first; i < list.size(); ++i) {
      list[i].name += " in TF32";
      list[i].tf32 = true;
    }
    // By threads that copy, and by bulk copies.
    std::vector<Case> tiled;
    for (size_t i = first; i < list.size(); ++i)
      if (list[i].arch == "sm_90a" &&
          (i == first + 1 ||
           list[i].name.starts_with("product of transposed operands, 100")))
        tiled.push_back(list[i]);
    for (Case &c : tiled) {
      std::string name = c.name;
      for (const std::string &tile : Prepared(c).kernel.tiles) {
        // More blocks to a sum are like two.
        if (llvm::StringRef(tile).contains(" splits 4") ||
            llvm::StringRef(tile).contains(" splits 8"))
          continue;
        c.tile = tile;
        c.name = name + ", " + tile;
        add(c);
      }
    }
  }

  /// A product of `rows` and, where `residual` is, what is added to it; behind
  /// it relu, and a product of that.
  void addPairOfMatmuls(const std::string &sizes, int64_t multiprocessors,
                        bool residual, const std::string &type,
                        const std::string &last = "weft.tanh %p : {0}") {
    llvm::SmallVector<llvm::StringRef> n; // rows, depth, width, outputs
    llvm::StringRef(sizes).split(n, 'x');
    auto matrix = [&](int rows, int columns) {
      return tensor((n[rows] + "x" + n[columns]).str(), type);
    };
    std::string x = matrix(0, 1), w = matrix(1, 2), y = matrix(0, 2),
                v = matrix(2, 3), z = matrix(0, 3);
    std::string body = llvm::formatv(
        "%m = weft.matmul %x, %w : {0}, {1} -> {2}\n"
        "%a = {5}\n"
        "%y = weft.reduce_precision %a : {2}\n"
        "%p = weft.matmul %y, %v : {2}, {3} -> {4}\n"
        "%z = {6}",
        x, w, y, v, z,
        residual ? "weft.add %m, %r : " + y : "weft.relu %m : " + y,
        llvm::formatv(last.c_str(), z).str());
    add({"pair of matmuls, " + sizes + " " + type,
         "%x: " + x + ", %w: " + w + ", %v: " + v +
             (residual ? ", %r: " + y : "") + ", %s: " + z,
         body, "%a : " + y + ", %z : " + z, "pair", "sm_90a", "",
         multiprocessors});
  }

  /// As a residual network has them: a bias, a residual and relu, and behind
  /// the second product a bias and relu.
  void addPairOfConvs(const std::string &pixels, const std::string &depth,
                      const std::string &width, const std::string &outputs,
                      int64_t multiprocessors, const std::string &type) {
    auto image = [&](const std::string &channels) {
      return tensor(pixels + "x" + channels, type);
    };
    auto weights = [&](const std::string &to, const std::string &from) {
      return tensor(to + "x1x1x" + from, type);
    };
    std::string x = image(depth), w = weights(width, depth), y = image(width),
                v = weights(outputs, width), z = image(outputs),
                b = tensor(width, type), c = tensor(outputs, type);
    const char *how = " stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] "
                      "groups 1 channels_last : ";
    std::string body = "%m = weft.conv %x, %w, %b" + std::string(how) + x +
                       ", " + w + ", " + b + " -> " + y +
                       "\n%a = weft.add %m, %r : " + y +
                       "\n%y = weft.relu %a : " + y +
                       "\n%t = weft.reduce_precision %y : " + y +
                       "\n%p = weft.conv %t, %v, %c" + how + y + ", " + v +
                       ", " + c + " -> " + z + "\n%z = weft.relu %p : " + z;
    add({"pair of convs, " + pixels + " pixels, " + depth + " " + width + " " +
             outputs + " " + type,
         "%x: " + x + ", %w: " + w + ", %b: " + b + ", %r: " + y +
             ", %v: " + v + ", %c: " + c,
         body, "%y : " + y + ", %z : " + z, "pair", "sm_90a", "",
         multiprocessors});
  }

  /// `%c`, the pixels of `first` and behind them, in steps of `stride`, those
  /// of `second`: their sizes are those of images with the channels last.
  static std::string rowsOfTwo(const std::string &first,
                               const std::string &second,
                               const std::string &both,
                               const std::string &stride,
                               const std::string &type) {
    auto [pixels, channels] = llvm::StringRef(first).rsplit('x');
    std::string x = tensor(first, type), z = tensor(second, type),
                s = tensor(pixels.str() + "x" +
                               llvm::StringRef(second).rsplit('x').second.str(),
                           type),
                starts = "0", steps = "1", axis;
    auto spatial = static_cast<int>(pixels.count('x'));
    for (int i = 0; i < spatial; ++i) {
      starts += ", 0";
      steps += ", " + stride;
    }
    axis = std::to_string(spatial + 1);
    return llvm::formatv("%s = weft.slice %z from [{0}, 0] by [{1}, 1] : {2} "
                         "-> {3}\n"
                         "%c = weft.concatenate %x, %s along {4} : {5}, {3} -> "
                         "{6}\n",
                         starts, steps, z, s, axis, x, tensor(both, type));
  }

  /// As a stage of a residual network begins: a product of the data and of what
  /// the shortcut reads, a bias and relu, and where `residual` is, that.
  void addSumOfConvs(const std::string &first, const std::string &second,
                     const std::string &stride, const std::string &depth,
                     const std::string &width, const std::string &type,
                     bool residual = false) {
    std::string pixels = llvm::StringRef(first).rsplit('x').first.str(),
                both = pixels + "x" + depth,
                y = tensor(pixels + "x" + width, type), b = tensor(width, type),
                ones = "1", zeros = "0, 0", taps = width;
    for (size_t i = llvm::StringRef(pixels).count('x'); i-- > 0;) {
      taps += "x1";
      ones += i > 0 ? ", 1" : "";
      zeros += i > 0 ? ", 0, 0" : "";
    }
    std::string w = tensor(taps + "x" + depth, type);
    std::string body =
        rowsOfTwo(first, second, both, stride, type) +
        llvm::formatv("%m = weft.conv %c, %w, %b stride [{0}] padding [{1}] "
                      "dilation [{0}] groups 1 channels_last : {2}, {3}, {4} "
                      "-> {5}\n%a = {6} : {5}\n%y = weft.relu %a : {5}",
                      ones, zeros, tensor(both, type), w, b, y,
                      residual ? "weft.add %m, %r" : "weft.neg %m")
            .str();
    add({"sum of convs of " + first + " and " + second + " in steps of " +
             stride + ", " + type + (residual ? ", with a residual" : ""),
         "%x: " + tensor(first, type) + ", %z: " + tensor(second, type) +
             ", %w: " + w + ", %b: " + b + (residual ? ", %r: " + y : ""),
         body, "%y : " + y, "window", "sm_90a"});
  }

  /// Rows and columns, of three tensors each, that lie one after the other
  /// along k.
  void addSumOfMatmuls() {
    add({"sum of matmuls",
         "%x: tensor<100x64xf16>, %y: tensor<100x192xf16>, %z: "
         "tensor<100x64xf16>, %u: tensor<72x64xf16>, %v: tensor<72x192xf16>, "
         "%w: tensor<72x64xf16>",
         "%a = weft.concatenate %x, %y, %z along 1 : tensor<100x64xf16>, "
         "tensor<100x192xf16>, tensor<100x64xf16> -> tensor<100x320xf16>\n"
         "%b = weft.concatenate %u, %v, %w along 1 : tensor<72x64xf16>, "
         "tensor<72x192xf16>, tensor<72x64xf16> -> tensor<72x320xf16>\n"
         "%t = weft.transpose %b [1, 0] : tensor<72x320xf16> -> "
         "tensor<320x72xf16>\n"
         "%m = weft.matmul %a, %t : tensor<100x320xf16>, tensor<320x72xf16> -> "
         "tensor<100x72xf16>\n"
         "%r = weft.sigmoid %m : tensor<100x72xf16>",
         "%r : tensor<100x72xf16>", "gemm", "sm_90a"});
    // What is behind the first lies in two tensors itself; lines of weights
    // along columns, as they are in memory.
    add({"sum of a matmul and a sum",
         "%x: tensor<70x64xbf16>, %y: tensor<70x64xbf16>, %z: "
         "tensor<70x128xbf16>, %w: tensor<256x136xbf16>",
         "%a = weft.concatenate %y, %z along 1 : tensor<70x64xbf16>, "
         "tensor<70x128xbf16> -> tensor<70x192xbf16>\n"
         "%b = weft.concatenate %x, %a along 1 : tensor<70x64xbf16>, "
         "tensor<70x192xbf16> -> tensor<70x256xbf16>\n"
         "%m = weft.matmul %b, %w : tensor<70x256xbf16>, tensor<256x136xbf16> "
         "-> tensor<70x136xbf16>",
         "%m : tensor<70x136xbf16>", "gemm", "sm_90a"});
    // Parts that end within a tile, and three of one step each.
    for (const char *parts : {"32 32 64", "64 32 96", "40 88 128"}) {
      llvm::SmallVector<llvm::StringRef> sizes;
      llvm::StringRef(parts).split(sizes, ' ');
      add({"sum of matmuls of " + std::string(parts),
           llvm::formatv("%x: tensor<70x{0}xf16>, %y: tensor<70x{1}xf16>, %w: "
                         "tensor<{2}x72xf16>",
                         sizes[0], sizes[1], sizes[2]),
           llvm::formatv("%a = weft.concatenate %x, %y along 1 : "
                         "tensor<70x{0}xf16>, tensor<70x{1}xf16> -> "
                         "tensor<70x{2}xf16>\n%m = weft.matmul %a, %w : "
                         "tensor<70x{2}xf16>, tensor<{2}x72xf16> -> "
                         "tensor<70x72xf16>",
                         sizes[0], sizes[1], sizes[2]),
           "%m : tensor<70x72xf16>", "gemm", "sm_90a"});
    }
    add({"sum of three matmuls",
         "%x: tensor<70x64xf16>, %y: tensor<70x64xf16>, %z: "
         "tensor<70x64xf16>, %w: tensor<192x72xf16>",
         "%a = weft.concatenate %x, %y, %z along 1 : tensor<70x64xf16>, "
         "tensor<70x64xf16>, tensor<70x64xf16> -> tensor<70x192xf16>\n"
         "%m = weft.matmul %a, %w : tensor<70x192xf16>, tensor<192x72xf16> -> "
         "tensor<70x72xf16>",
         "%m : tensor<70x72xf16>", "gemm", "sm_90a"});
  }

  void addSums() {
    size_t first = list.size();
    // Rows that end within a tile. Every second pixel of lines of an odd number
    // and an even one, of images alone and of several.
    addSumOfConvs("2x13x15x64", "2x13x15x64", "1", "128", "136", "f16");
    addSumOfConvs("2x7x9x64", "2x14x18x128", "2", "192", "200", "f16");
    addSumOfConvs("3x7x8x128", "3x13x15x64", "2", "192", "64", "bf16",
                  /*residual=*/true);
    addSumOfConvs("1x9x13x64", "1x18x26x64", "2", "128", "72", "f16",
                  /*residual=*/true);
    addSumOfConvs("3x50x64", "3x99x192", "2", "256", "64", "f16");
    addSumOfConvs("2x3x5x4x64", "2x6x10x8x64", "2", "128", "64", "f16");
    addSumOfMatmuls();
    // Whatever blocks the model chooses: those with one tile, that share one,
    // and that stay.
    for (size_t i = first, end = list.size(); i < end; ++i) {
      std::vector<std::string> tiles = Emitted(list[i]).kernel.tiles;
      for (const char *kind : {" splits 1", " splits 2", " teams "}) {
        auto tile = llvm::find_if(
            tiles, [&](llvm::StringRef name) { return name.contains(kind); });
        if (tile == tiles.end() || tile == tiles.begin())
          continue;
        Case c = list[i];
        c.name += ", " + *tile;
        c.tile = *tile;
        c.multiprocessors = 2;
        add(c);
      }
    }
  }

  /// The last pair, whose first product multiplies what two tensors hold.
  void takeRowsOfTwo(const std::string &first, const std::string &second,
                     const std::string &stride, const std::string &type) {
    Case &c = list.back();
    llvm::StringRef x = llvm::StringRef(c.inputs).split(", ").first;
    std::string both = x.substr(x.find('<') + 1).rsplit('x').first.str();
    c.name += ", of " + first + " and " + second;
    c.inputs.replace(0, x.size(),
                     "%x: " + tensor(first, type) +
                         ", %z0: " + tensor(second, type));
    std::string rows = rowsOfTwo(first, second, both, stride, type);
    rows.replace(rows.find("%z "), 3, "%z0 ");
    rows.replace(rows.find("%s ="), 4, "%s0 =");
    rows.replace(rows.find("%x, %s "), 7, "%x, %s0 ");
    c.body.replace(c.body.find("%x, "), 4, "%c0, ");
    rows.replace(rows.find("%c ="), 4, "%c0 =");
    c.body = rows + c.body;
  }

  void addPairs() {
    size_t first = list.size();
    // Rows that end within a tile; fewer blocks than tiles.
    addPairOfConvs("2x13x15", "64", "256", "64", 2, "f16");
    addPairOfConvs("1x9x47", "128", "192", "128", 1, "bf16");
    // Weights that do not stay; two teams.
    addPairOfConvs("1x5x101", "128", "512", "128", 2, "f16");
    addPairOfConvs("2x7x20", "64", "320", "256", 1, "f16");
    // Fewer rows than a team has; weights whose lines run along columns.
    addPairOfMatmuls("50x64x64x64", 0, false, "f16");
    addPairOfMatmuls("400x192x128x64", 1, true, "bf16");
    // What is added behind the second product: something else, and what the
    // first one multiplies.
    for (const char *last : {"weft.add %p, %s : {0}", "weft.add %p, %x : {0}"})
      addPairOfMatmuls("200x64x128x64", 1, false, "f16", last);
    // The first product sums two: in one piece of k each, and in several.
    addPairOfConvs("2x13x15", "128", "256", "64", 2, "f16");
    takeRowsOfTwo("2x13x15x64", "2x13x15x64", "1", "f16");
    addPairOfConvs("2x7x15", "256", "192", "128", 1, "bf16");
    takeRowsOfTwo("2x7x15x64", "2x14x30x192", "2", "bf16");
    for (size_t i = first, end = first + 3; i < end; ++i) {
      Case c = list[i];
      c.tile = "teams 3";
      c.name += ", " + c.tile;
      add(c);
    }
  }

  /// The cases added since `first`, once more with this tile and so many
  /// blocks; 0: as many as it takes.
  void addWithTile(size_t first, const std::string &tile,
                   int64_t multiprocessors) {
    for (size_t i = first, end = list.size(); i < end; ++i)
      if (list[i].arch == "sm_90a" && list[i].tile.empty()) {
        Case c = list[i];
        c.name += ", " + tile;
        c.tile = tile;
        c.multiprocessors = multiprocessors;
        add(c);
      }
  }

  /// The product m of x and w, of `depth` steps of k, and what `body` does
  /// behind it: {0} is the type of the result y, {1} the same of float32.
  void addBehindMatmul(const std::string &name, const std::string &sizes,
                       const std::string &depth, const std::string &inputs,
                       const char *body) {
    auto [rows, columns] = llvm::StringRef(sizes).split('x');
    std::string y = tensor(sizes, "f16"),
                x = tensor((rows + "x" + depth).str(), "f16"),
                w = tensor((depth + "x" + columns).str(), "f16");
    std::string behind = llvm::formatv(body, y, tensor(sizes, "f32"));
    addMatrix({"matmul, " + name, "%x: " + x + ", %w: " + w + ", " + inputs,
               "%m = weft.matmul %x, %w : " + x + ", " + w + " -> " + y + "\n" +
                   behind,
               "%y : " + y, "gemm"});
  }

  void addBlocksThatStay() {
    size_t first = list.size();
    // Rows, columns and k that end within a tile; more tiles than stages.
    addMatrixMatmul("3x200x200", "3x200x136", "3x200x136", "bf16");
    size_t conv = list.size();
    addMatrixConv("2x11x13x64", "200x3x3x64", "2x11x13x200",
                  "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]", "f16");
    // Threads that fill no whole lines of results, in blocks with one tile.
    for (const char *tile : {"128x192 warps 8x1 groups bulk stages 4 splits 1",
                             "128x192 warps 8x1 groups bulk stages 4 splits 2"})
      addWithTile(conv, tile, 0);
    // Fewer tiles than blocks.
    addMatrixConv("2x9x9x320", "72x1x1x320", "2x5x5x72",
                  "stride [2, 2] padding [0, 0, 0, 0] dilation [1, 1]", "f16");
    addBehindMatmul("a column is added", "150x72", "128",
                    "%b: tensor<150x1xf16>",
                    "%b2 = weft.broadcast %b : tensor<150x1xf16> -> {0}\n"
                    "%y = weft.add %m, %b2 : {0}");
    // Nothing ends within a tile, and what starts copies needs most registers.
    addBehindMatmul("a residual is added", "128x384", "768",
                    "%r: tensor<128x384xf16>",
                    "%a = weft.add %m, %r : {0}\n"
                    "%y = weft.relu %a : {0}");
    // Only 16-bit elements are brought to the place of the results, and of two
    // operands only one is.
    addBehindMatmul("a float32 is added", "150x72", "128",
                    "%r: tensor<150x72xf32>",
                    "%f = weft.cast %m : {0} -> {1}\n"
                    "%a = weft.add %f, %r : {1}\n"
                    "%y = weft.cast %a : {1} -> {0}");
    addBehindMatmul("two are added", "150x72", "320",
                    "%r: tensor<150x72xf16>, %s: tensor<150x72xf16>",
                    "%f = weft.cast %m : {0} -> {1}\n"
                    "%r2 = weft.cast %r : {0} -> {1}\n"
                    "%s2 = weft.cast %s : {0} -> {1}\n"
                    "%a = weft.mul %f, %r2 : {1}\n"
                    "%b = weft.add %a, %s2 : {1}\n"
                    "%y = weft.cast %b : {1} -> {0}");
    // Columns that stay, over more tiles than there are stages; with three
    // blocks they do not, where there are two tiles of them.
    size_t staying = list.size();
    addBehindMatmul("a row is added", "700x72", "128", "%b: tensor<72xf16>",
                    "%b2 = weft.broadcast %b : tensor<72xf16> -> {0}\n"
                    "%y = weft.add %m, %b2 : {0}");
    addWithTile(staying, "64x64 warps 4x1 groups bulk stages 8 teams 3", 3);
    for (const char *tile : {"64x64 warps 4x1 groups bulk stages 8 teams 3",
                             "64x128 warps 4x1 groups bulk stages 8 teams 2",
                             "128x64 warps 4x1 groups bulk stages 8 teams 2",
                             "128x128 warps 4x1 groups bulk stages 4 teams 2",
                             "64x256 warps 4x1 groups bulk stages 4 teams 2",
                             "128x192 warps 4x1 groups bulk stages 3 teams 2"})
      addWithTile(first, tile, 2);
    // Teams that share a place for results, with an odd number of tiles each
    // and with one more team than tiles.
    size_t shared = list.size();
    addBehindMatmul("a residual is added, many steps", "300x392", "600",
                    "%r: tensor<300x392xf16>",
                    "%a = weft.add %m, %r : {0}\n"
                    "%y = weft.relu %a : {0}");
    addBehindMatmul("a row is added, many steps", "300x392", "600",
                    "%b: tensor<392xf16>",
                    "%b2 = weft.broadcast %b : tensor<392xf16> -> {0}\n"
                    "%y = weft.add %m, %b2 : {0}");
    for (int64_t blocks : {2, 3, 9})
      for (const char *tile :
           {"128x128 warps 4x1 groups bulk stages 6 teams 2",
            "128x192 warps 4x1 groups bulk stages 4 teams 2"})
        addWithTile(shared, tile, blocks);
  }

  /// Convolutions whose taps share patches of the images.
  void addPatch(const std::string &x, const std::string &w,
                const std::string &y, const std::string &attributes,
                const std::string &type) {
    Case c = matrixConv(x, w, y, attributes, type);
    c.name = "patches: " + c.name;
    c.arch = "sm_90a";
    add(c);
  }

  void addPatches() {
    const std::string same =
        "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]";
    size_t first = list.size();
    // Images smaller than a tile, so that one has parts of several, and larger;
    // the last tile reaches beyond the last image.
    addPatch("5x7x7x64", "64x3x3x64", "5x7x7x64", same, "f16");
    addPatch("2x5x29x64", "64x3x3x64", "2x5x29x64", same, "bf16");
    // Fewer tiles than blocks.
    addPatch("1x4x5x64", "64x3x3x64", "1x4x5x64", same, "f16");
    // Nothing behind the sum.
    const std::string bare = "tensor<3x6x9x64xf16>",
                      taps = "tensor<64x3x3x64xf16>";
    add({"patches: conv alone", "%x: " + bare + ", %w: " + taps,
         "%y = weft.conv %x, %w " + same + " groups 1 channels_last : " + bare +
             ", " + taps + " -> " + bare,
         "%y : " + bare, "window", "sm_90a"});
    // Padding on one side, more of it than taps reach, and none in one dim;
    // taps that are apart.
    addPatch("2x9x6x64", "64x3x3x64", "2x8x5x64",
             "stride [1, 1] padding [0, 1, 1, 0] dilation [1, 1]", "f16");
    addPatch("2x6x7x64", "64x3x3x64", "2x7x6x64",
             "stride [1, 1] padding [1, 2, 1, 0] dilation [1, 1]", "f16");
    addPatch("2x6x7x64", "64x3x2x64", "2x10x12x64",
             "stride [1, 1] padding [4, 2, 4, 2] dilation [1, 1]", "f16");
    addPatch("2x6x7x64", "64x3x3x64", "2x8x7x64",
             "stride [1, 1] padding [3, 3, 2, 2] dilation [2, 2]", "bf16");
    // Other windows, of one, two and three dims.
    addPatch("2x9x10x64", "64x3x1x64", "2x9x10x64",
             "stride [1, 1] padding [1, 1, 0, 0] dilation [1, 1]", "f16");
    addPatch("2x9x10x64", "64x1x3x64", "2x9x10x64",
             "stride [1, 1] padding [0, 0, 1, 1] dilation [1, 1]", "f16");
    addPatch("3x50x64", "64x4x64", "3x49x64",
             "stride [1] padding [1, 1] dilation [1]", "f16");
    addWithTile(first, "64x64 warps 4x1 groups bulk patches 4 teams 3", 2);
    addWithTile(first, "128x64 warps 4x1 groups bulk patches 4 teams 2", 2);
    // More taps.
    first = list.size();
    addPatch("2x9x10x64", "64x3x5x64", "2x9x10x64",
             "stride [1, 1] padding [1, 1, 2, 2] dilation [1, 1]", "f16");
    addPatch("2x4x3x5x64", "64x2x3x2x64", "2x4x3x6x64",
             "stride [1, 1, 1] padding [1, 0, 1, 1, 1, 1] dilation [1, 1, 1]",
             "f16");
    addWithTile(first, "64x64 warps 4x1 groups bulk patches 4 teams 3", 2);
    // Two pieces of the channels, and two tiles of columns.
    first = list.size();
    addPatch("1x13x11x128", "128x3x3x128", "1x13x11x128", same, "f16");
    addWithTile(first, "64x64 warps 4x1 groups bulk patches 4 teams 2", 2);
    addWithTile(first, "64x64 warps 4x1 groups bulk patches 4 teams 3", 4);
    // Twice the columns in a tile.
    first = list.size();
    addPatch("3x13x11x64", "128x3x3x64", "3x13x11x128", same, "bf16");
    addWithTile(first, "64x128 warps 4x1 groups bulk patches 4 teams 2", 2);
    addWithTile(first, "256x64 warps 4x1 groups bulk patches 2 teams 2", 2);
    addWithTile(first, "128x64 warps 4x1 groups bulk patches 4 teams 3", 2);
  }

  void addMatrices() {
    const std::string plain =
        "stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1]";
    addMatrixConv("2x7x7x64", "64x1x1x64", "2x7x7x64", plain, "f16");
    addMatrixConv("1x9x9x24", "40x3x3x24", "1x9x9x40",
                  "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]", "f16");
    // Asymmetric padding, strides, dilation; k ends within a tile.
    addMatrixConv("2x11x9x8", "72x3x2x8", "2x6x10x72",
                  "stride [2, 1] padding [2, 1, 0, 3] dilation [1, 2]", "bf16");
    // Pieces of 8 and of 4 bytes; results of 4, 2 and 1 columns a thread.
    addMatrixConv("1x12x12x4", "20x7x7x4", "1x6x6x20",
                  "stride [2, 2] padding [3, 3, 3, 3] dilation [1, 1]", "f16");
    addMatrixConv("1x10x10x2", "18x3x3x2", "1x10x10x18",
                  "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]", "bf16");
    addMatrixConv("1x5x5x32", "17x1x1x32", "1x5x5x17", plain, "f16");
    // A long k with few tiles: split where there are clusters.
    addMatrixConv("1x7x7x512", "64x3x3x512", "1x7x7x64",
                  "stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1]", "f16");
    addMatrixConv("1x17x32", "130x3x32", "1x17x130",
                  "stride [1] padding [1, 1] dilation [1]", "bf16");
    addMatrixConv("1x5x4x6x16", "24x2x2x3x16", "1x4x3x4x24",
                  "stride [1, 1, 1] padding [0, 0, 0, 0, 0, 0] dilation "
                  "[1, 1, 1]",
                  "f16");
    // A short k: pieces of it and columns that lanes have none of, several
    // warps for the columns, rows that several turns and the last one take.
    addMatrixConv("1x7x9x16", "16x1x1x16", "1x7x9x16", plain, "f16");
    addMatrixConv("1x4x4x24", "144x1x1x24", "1x4x4x144", plain, "f16");
    addMatrixConv("2x5x5x144", "24x1x1x144", "2x5x5x24", plain, "bf16");
    addMatrixConv("1x6x4x16", "20x1x1x16", "1x6x4x20", plain, "f16");
    add({"product of many rows",
         "%x: tensor<55003x16xf16>, %w: tensor<8x16xf16>",
         "%t = weft.transpose %w [1, 0] : tensor<8x16xf16> -> "
         "tensor<16x8xf16>\n"
         "%y = weft.matmul %x, %t : tensor<55003x16xf16>, tensor<16x8xf16> -> "
         "tensor<55003x8xf16>",
         "%y : tensor<55003x8xf16>", "gemm"});
    addMatrixMatmul("128x64", "64x128", "128x128", "f16");
    addMatrixMatmul("200x152", "152x136", "200x136", "bf16");
    addMatrixMatmul("17x40", "40x24", "17x24", "f16");
    addMatrixMatmul("3x70x72", "3x72x88", "3x70x88", "f16");
    addMatrixMatmul("64x2048", "2048x64", "64x64", "f16");
    addMatrix({"linear on tensor cores",
               "%x: tensor<45x64xf16>, %w: tensor<70x64xf16>, %b: "
               "tensor<70xf16>",
               "%t = weft.transpose %w [1, 0] : tensor<70x64xf16> -> "
               "tensor<64x70xf16>\n"
               "%m = weft.matmul %x, %t : tensor<45x64xf16>, tensor<64x70xf16> "
               "-> tensor<45x70xf16>\n"
               "%b2 = weft.broadcast %b : tensor<70xf16> -> tensor<45x70xf16>\n"
               "%y = weft.add %m, %b2 : tensor<45x70xf16>",
               "%m : tensor<45x70xf16>, %y : tensor<45x70xf16>", "gemm"});
    addMatrix(headsCase(16));
    addMatrix(headsCase(12)); // pieces of 8 bytes
    addMatrix({"matmul of transposed operands",
               "%x: tensor<64x80xf16>, %w: tensor<72x64xf16>",
               "%s = weft.transpose %x [1, 0] : tensor<64x80xf16> -> "
               "tensor<80x64xf16>\n"
               "%t = weft.transpose %w [1, 0] : tensor<72x64xf16> -> "
               "tensor<64x72xf16>\n"
               "%m = weft.matmul %s, %t : tensor<80x64xf16>, tensor<64x72xf16> "
               "-> tensor<80x72xf16>\n"
               "%y = weft.cast %m : tensor<80x72xf16> -> tensor<80x72xf32>",
               "%y : tensor<80x72xf32>", "gemm"});
  }

  /// Attention of queries `q`, keys `k` and values `v`, of `type`; `body` may
  /// compute %b, a bias of that name.
  void addAttention(const std::string &name, const std::string &q,
                    const std::string &k, const std::string &v,
                    const std::string &y, const std::string &type,
                    const std::string &body, const std::string &biasType = "",
                    const std::string &scale = "0.0625") {
    std::string operands = "%q, %k, %v, %s",
                types = tensor(q, type) + ", " + tensor(k, type) + ", " +
                        tensor(v, type) + ", tensor<f32>";
    if (!biasType.empty()) {
      operands += ", %b";
      types += ", " + biasType;
    }
    Case c = {"attention, " + name,
              "%q: " + tensor(q, type) + ", %k: " + tensor(k, type) +
                  ", %v: " + tensor(v, type),
              "%s = weft.constant dense<" + scale + "> : tensor<f32>\n" + body +
                  "%y = weft.attention " + operands + " : (" + types + ") -> " +
                  tensor(y, type),
              "%y : " + tensor(y, type), "attention"};
    // Widths that warp groups multiply where there are any.
    llvm::StringRef columns = llvm::StringRef(y).rsplit('x').second;
    columns == "64" || columns == "128" ? addMatrix(c) : add(c);
  }
  /// x where the row, an index along `axis`, differs from 3, else `number`.
  static std::string spoiled(const std::string &x, const std::string &sizes,
                             int axis, const std::string &number) {
    return llvm::formatv("%i{0} = weft.iota {3} : {1}\n"
                         "%t{0} = weft.constant dense<3.0> : {1}\n"
                         "%n{0} = weft.constant dense<{4}> : {1}\n"
                         "%c{0} = weft.equal %i{0}, %t{0} : {1}\n"
                         "%{0}s = weft.where %c{0}, %n{0}, %{0} : {2}, {1}\n",
                         x, tensor(sizes, "f16"), tensor(sizes, "i1"), axis,
                         number);
  }
  void addAttentions() {
    // Widths within a block of 64 columns and beyond; tails of rows and keys.
    for (const char *type : {"f16", "bf16"}) {
      addAttention("width 64", "2x3x100x64", "2x3x70x64", "2x3x70x64",
                   "2x3x100x64", type, "");
      addAttention("widths 32 and 48", "2x16x32", "2x17x32", "2x17x48",
                   "2x16x48", type, "");
    }
    addAttention("widths 80 and 64", "66x80", "130x80", "130x64", "66x64",
                 "bf16", "");
    addAttention("many keys", "70x64", "300x64", "300x64", "70x64", "f16", "");
    addAttention("width 80", "66x80", "130x80", "130x80", "66x80", "f16", "");
    addAttention("widths 96 and 16", "64x96", "64x96", "64x16", "64x16", "f16",
                 "");
    addAttention("width 128", "1x65x128", "1x129x128", "1x129x128", "1x65x128",
                 "f16", "");
    addAttention("widths 16 and 176", "20x16", "40x16", "40x176", "20x176",
                 "bf16", "");
    addAttention("width 256", "70x256", "40x256", "40x256", "70x256", "f16",
                 "");
    addAttention("many rows", "216x70x16", "216x16x16", "216x16x16",
                 "216x70x16", "f16", "");
    // Whole tiles of keys, whose scores the softmax scales.
    for (const char *scale : {"0.0625", "-0.25", "0.0"})
      addAttention(std::string("scaled with ") + scale, "2x70x64", "2x256x64",
                   "2x256x64", "2x70x64", "f16", "", "", scale);
    addAttentionBiases();
    addAttentionViews();
    for (const char *sizes : {"40x64", "64x64"})
      addSpoiled(sizes);
  }
  /// One number spoils its row of the query, or every row.
  void addSpoiled(const std::string &sizes) {
    for (const char *number : {"0x7E00", "0x7C00", "0xFC00"}) {
      std::string t = tensor(sizes, "f16"), s = "tensor<f32>",
                  head = "%s = weft.constant dense<0.0625> : tensor<f32>\n",
                  inputs = "%q: " + t + ", %k: " + t + ", %v: " + t,
                  types =
                      " : (" + t + ", " + t + ", " + t + ", " + s + ") -> " + t;
      addMatrix({"attention, a query of " + sizes + " with " + number, inputs,
                 head + spoiled("q", sizes, 0, number) +
                     "%y = weft.attention %qs, %k, %v, %s" + types,
                 "%y : " + t, "attention"});
      addMatrix({"attention, a value of " + sizes + " with " + number, inputs,
                 head + spoiled("v", sizes, 1, number) +
                     "%y = weft.attention %q, %k, %vs, %s" + types,
                 "%y : " + t, "attention"});
    }
  }
  void addAttentionBiases() {
    std::string wide = tensor("3x40x150", "f32"),
                narrow = tensor("3x40x150", "f16"),
                mask = tensor("3x40x150", "i1");
    addMatrix({"attention, a bias of all heads",
               "%q: tensor<3x40x64xbf16>, %k: tensor<3x150x64xbf16>, %v: "
               "tensor<3x150x64xbf16>, %m: tensor<40x150xf32>, %n: bf16",
               "%s = weft.splat %n : bf16 -> tensor<bf16>\n"
               "%b = weft.broadcast %m : tensor<40x150xf32> -> " +
                   wide +
                   "\n%y = weft.attention %q, %k, %v, %s, %b : "
                   "(tensor<3x40x64xbf16>, tensor<3x150x64xbf16>, "
                   "tensor<3x150x64xbf16>, tensor<bf16>, " +
                   wide + ") -> tensor<3x40x64xbf16>",
               "%y : tensor<3x40x64xbf16>", "attention"});
    // -inf before key 20 * row: whole tiles of some rows, and all of the last.
    addAttention(
        "rows without a finite score", "3x40x64", "3x150x64", "3x150x64",
        "3x40x64", "f16",
        "%i = weft.iota 1 : " + narrow + "\n%j = weft.iota 2 : " + narrow +
            "\n%f = weft.constant dense<20.0> : " + narrow +
            "\n%m = weft.mul %i, %f : " + narrow +
            "\n%c = weft.less %j, %m : " + narrow +
            "\n%l = weft.constant dense<0xFC00> : " + narrow +
            "\n%z = weft.constant dense<0.0> : " + narrow +
            "\n%b = weft.where %c, %l, %z : " + mask + ", " + narrow + "\n",
        narrow);
  }
  void addAttentionViews() {
    // Heads of one product, results as rows of all heads, work behind.
    add({"attention of heads in one tensor",
         "%x: tensor<80x192xf16>, %r: tensor<2x40x64xf16>, %n: f16",
         "%a = weft.reshape %x : tensor<80x192xf16> -> "
         "tensor<2x40x3x4x16xf16>\n"
         "%p = weft.transpose %a [2, 0, 3, 1, 4] : tensor<2x40x3x4x16xf16> -> "
         "tensor<3x2x4x40x16xf16>\n"
         "%q1 = weft.slice %p from [0, 0, 0, 0, 0] by [1, 1, 1, 1, 1] : "
         "tensor<3x2x4x40x16xf16> -> tensor<1x2x4x40x16xf16>\n"
         "%k1 = weft.slice %p from [1, 0, 0, 0, 0] by [1, 1, 1, 1, 1] : "
         "tensor<3x2x4x40x16xf16> -> tensor<1x2x4x40x16xf16>\n"
         "%v1 = weft.slice %p from [2, 0, 0, 0, 0] by [1, 1, 1, 1, 1] : "
         "tensor<3x2x4x40x16xf16> -> tensor<1x2x4x40x16xf16>\n"
         "%q = weft.reshape %q1 : tensor<1x2x4x40x16xf16> -> "
         "tensor<2x4x40x16xf16>\n"
         "%k = weft.reshape %k1 : tensor<1x2x4x40x16xf16> -> "
         "tensor<2x4x40x16xf16>\n"
         "%v = weft.reshape %v1 : tensor<1x2x4x40x16xf16> -> "
         "tensor<2x4x40x16xf16>\n"
         "%s = weft.splat %n : f16 -> tensor<f16>\n"
         "%y = weft.attention %q, %k, %v, %s : (tensor<2x4x40x16xf16>, "
         "tensor<2x4x40x16xf16>, tensor<2x4x40x16xf16>, tensor<f16>) -> "
         "tensor<2x4x40x16xf16>\n"
         "%h = weft.reshape %r : tensor<2x40x64xf16> -> tensor<2x40x4x16xf16>\n"
         "%t = weft.transpose %h [0, 2, 1, 3] : tensor<2x40x4x16xf16> -> "
         "tensor<2x4x40x16xf16>\n"
         "%z = weft.add %y, %t : tensor<2x4x40x16xf16>",
         "%z : tensor<2x4x40x16xf16>", "attention"});
    // Heads beside each other, whether they are a dim of the batch or not.
    for (bool apart : {true, false}) {
      std::string heads = apart ? "2x3x" : "6x",
                  q = tensor(heads + "70x64", "f16"),
                  k = tensor(heads + "50x64", "f16"),
                  y = tensor("2x3x70x64", "f16");
      std::string body = "%s = weft.constant dense<0.0625> : tensor<f32>\n"
                         "%a = weft.attention %q, %k, %v, %s : (" +
                         q + ", " + k + ", " + k + ", tensor<f32>) -> " + q +
                         "\n";
      if (!apart)
        body += "%h = weft.reshape %a : " + q + " -> " + y + "\n";
      addMatrix({std::string("attention, rows of all heads") +
                     (apart ? "" : " in the batch"),
                 "%q: " + q + ", %k: " + k + ", %v: " + k,
                 body + "%t = weft.transpose " + (apart ? "%a" : "%h") +
                     " [0, 2, 1, 3] : " + y + " -> tensor<2x70x3x64xf16>",
                 "%t : tensor<2x70x3x64xf16>", "attention"});
    }
    addMatrix({"attention with a residual, rows of all heads",
               "%q: tensor<3x70x64xf16>, %k: tensor<3x50x64xf16>, %v: "
               "tensor<3x50x64xf16>, %r: tensor<3x70x64xf16>",
               "%s = weft.constant dense<0.0625> : tensor<f32>\n"
               "%y = weft.attention %q, %k, %v, %s : (tensor<3x70x64xf16>, "
               "tensor<3x50x64xf16>, tensor<3x50x64xf16>, tensor<f32>) -> "
               "tensor<3x70x64xf16>" +
                   residual("tensor<3x70x64xf16>") +
                   "\n%t = weft.transpose %z [1, 0, 2] : tensor<3x70x64xf16> "
                   "-> tensor<70x3x64xf16>",
               "%t : tensor<70x3x64xf16>", "attention"});
    // Heads that share keys and values are rows of one.
    addMatrix({"attention with keys of several heads",
               "%q: tensor<2x3x30x64xf16>, %k: tensor<2x50x64xf16>, %v: "
               "tensor<2x50x64xf16>",
               "%s = weft.constant dense<0.0625> : tensor<f32>\n"
               "%k1 = weft.reshape %k : tensor<2x50x64xf16> -> "
               "tensor<2x1x50x64xf16>\n"
               "%v1 = weft.reshape %v : tensor<2x50x64xf16> -> "
               "tensor<2x1x50x64xf16>\n"
               "%k2 = weft.broadcast %k1 : tensor<2x1x50x64xf16> -> "
               "tensor<2x3x50x64xf16>\n"
               "%v2 = weft.broadcast %v1 : tensor<2x1x50x64xf16> -> "
               "tensor<2x3x50x64xf16>\n"
               "%y = weft.attention %q, %k2, %v2, %s : (tensor<2x3x30x64xf16>, "
               "tensor<2x3x50x64xf16>, tensor<2x3x50x64xf16>, tensor<f32>) -> "
               "tensor<2x3x30x64xf16>",
               "%y : tensor<2x3x30x64xf16>", "attention"});
    // Elements that are no neighbours, and computed ones.
    addMatrix({"attention of computed operands",
               "%x: tensor<40x64xf16>, %kt: tensor<64x50xf16>, %w: "
               "tensor<50x64xf32>, %n: f16, %m: f16",
               "%c = weft.splat %n : f16 -> tensor<40x64xf16>\n"
               "%q = weft.mul %x, %c : tensor<40x64xf16>\n"
               "%k = weft.transpose %kt [1, 0] : tensor<64x50xf16> -> "
               "tensor<50x64xf16>\n"
               "%v = weft.cast %w : tensor<50x64xf32> -> tensor<50x64xf16>\n"
               "%s = weft.constant dense<0.0625> : tensor<f32>\n"
               "%y = weft.attention %q, %k, %v, %s : (tensor<40x64xf16>, "
               "tensor<50x64xf16>, tensor<50x64xf16>, tensor<f32>) -> "
               "tensor<40x64xf16>\n"
               "%z = weft.relu %y : tensor<40x64xf16>",
               "%z : tensor<40x64xf16>", "attention"});
  }
  void addMatmul(const std::string &lhs, const std::string &rhs,
                 const std::string &result, const std::string &type) {
    add({"matmul of " + tensor(lhs, type) + " and " + tensor(rhs, type),
         "%l: " + tensor(lhs, type) + ", %r: " + tensor(rhs, type),
         "%y = weft.matmul %l, %r : " + tensor(lhs, type) + ", " +
             tensor(rhs, type) + " -> " + tensor(result, type),
         "%y : " + tensor(result, type), "gemm"});
  }

  /// y + r as y is stored.
  static std::string residual(const std::string &t) {
    return "\n%z = weft.add %y, %r : " + t;
  }

  void addResidualProduct(const std::string &lhs, const std::string &rhs,
                          const std::string &result, const std::string &type) {
    std::string l = tensor(lhs, type), r = tensor(rhs, type),
                t = tensor(result, type);
    add({"matmul of " + l + " and " + r + " with a residual",
         "%l: " + l + ", %w: " + r + ", %r: " + t,
         "%y = weft.matmul %l, %w : " + l + ", " + r + " -> " + t + residual(t),
         "%z : " + t, "gemm"});
  }

  /// What a loop, a team or a tile may write over what it reads there alone.
  void addResiduals() {
    addResidualProduct("1x64", "64x65", "1x65", "f32");
    addResidualProduct("1x640", "640x65", "1x65", "f16");
    addResidualProduct("70x33", "33x130", "70x130", "f32");
    addResidualProduct("3x70x72", "3x72x88", "3x70x88", "f64");
    // Tiles of neighbouring results that lie over each other at the end.
    addDepthwise("1x15x13x24", "3x3", "1x8x7x24",
                 "stride [2, 2] padding [1, 1, 1, 1] dilation [1, 1]", "f16",
                 /*hasResidual=*/true);
    std::string t = tensor("2x5x5x24", "f16");
    add({"maxpool with channels last and a residual",
         "%x: tensor<2x9x9x24xf16>, %r: " + t,
         "%y = weft.maxpool %x kernel [3, 3] stride [2, 2] padding [1, 1, 1, 1]"
         " channels_last : tensor<2x9x9x24xf16> -> " +
             t + residual(t),
         "%z : " + t, "window"});
    t = tensor("2x3x20", "f32");
    add({"avgpool with a residual", "%x: tensor<2x3x40xf32>, %r: " + t,
         "%y = weft.avgpool %x kernel [3] stride [2] padding [1, 1] "
         "count_include_pad true : tensor<2x3x40xf32> -> " +
             t + residual(t),
         "%z : " + t, "window"});
    t = tensor("40x64", "f16");
    addMatrix({"attention with a residual",
               "%q: " + t + ", %k: " + t + ", %v: " + t + ", %r: " + t,
               "%s = weft.constant dense<0.0625> : tensor<f32>\n"
               "%y = weft.attention %q, %k, %v, %s : (" +
                   t + ", " + t + ", " + t + ", tensor<f32>) -> " + t +
                   residual(t),
               "%z : " + t, "attention"});
    t = tensor("4x40x64", "f16");
    addMatrix({"product of a residual in another shape",
               "%l: tensor<160x64xf16>, %w: tensor<64x64xf16>, %r: " + t,
               "%m = weft.matmul %l, %w : tensor<160x64xf16>, "
               "tensor<64x64xf16> -> tensor<160x64xf16>\n"
               "%y = weft.reshape %m : tensor<160x64xf16> -> " +
                   t + residual(t),
               "%z : " + t, "gemm"});
    add({"sums with a residual", "%x: tensor<70x64xf32>, %r: tensor<70xf32>",
         "%y = weft.sum %x over [1] : tensor<70x64xf32> -> tensor<70xf32>" +
             residual("tensor<70xf32>"),
         "%z : tensor<70xf32>", "row"});
    add({"sums of columns with a residual",
         "%x: tensor<64x70xf32>, %r: tensor<70xf32>",
         "%y = weft.sum %x over [0] : tensor<64x70xf32> -> tensor<70xf32>" +
             residual("tensor<70xf32>"),
         "%z : tensor<70xf32>", "column"});
  }

  void addProducts() {
    addMatmul("3x4", "4x5", "3x5", "f32");
    addMatmul("70x33", "33x130", "70x130", "f32");
    addMatmul("128x64", "64x128", "128x128", "f16");
    addMatmul("1x64", "64x65", "1x65", "f32");
    addMatmul("65x64", "64x1", "65x1", "f64");
    addMatmul("2x3x17x9", "2x3x9x8", "2x3x17x8", "bf16");
    addMatmul("20x30", "30x10", "20x10", "i32");
    addMatmul("20x30", "30x10", "20x10", "i8");
    addMatmul("20x30", "30x10", "20x10", "i64");
    addMatmul("3x0", "0x5", "3x5", "f32");
    addMatmul("0x4", "4x5", "0x5", "f32");
    add({"linear",
         "%x: tensor<45x64xf32>, %w: tensor<10x64xf32>, %b: tensor<10xf32>",
         "%t = weft.transpose %w [1, 0] : tensor<10x64xf32> -> "
         "tensor<64x10xf32>\n"
         "%m = weft.matmul %x, %t : tensor<45x64xf32>, tensor<64x10xf32> -> "
         "tensor<45x10xf32>\n"
         "%b2 = weft.broadcast %b : tensor<10xf32> -> tensor<45x10xf32>\n"
         "%y = weft.add %m, %b2 : tensor<45x10xf32>",
         "%y : tensor<45x10xf32>", "gemm"});
    add({"matmul of computed operands",
         "%x: tensor<40x24xi8>, %w: tensor<24x56xf32>, %n: f32",
         "%f = weft.cast %x : tensor<40x24xi8> -> tensor<40x24xf32>\n"
         "%s = weft.splat %n : f32 -> tensor<40x24xf32>\n"
         "%p = weft.mul %f, %s : tensor<40x24xf32>\n"
         "%m = weft.matmul %p, %w : tensor<40x24xf32>, tensor<24x56xf32> -> "
         "tensor<40x56xf32>\n"
         "%y = weft.cast %m : tensor<40x56xf32> -> tensor<40x56xf16>",
         "%m : tensor<40x56xf32>, %y : tensor<40x56xf16>", "gemm"});
    add({"batched matmul with one shared operand",
         "%x: tensor<3x20x12xf32>, %w: tensor<12x16xf32>",
         "%v = weft.broadcast %w : tensor<12x16xf32> -> tensor<3x12x16xf32>\n"
         "%y = weft.matmul %x, %v : tensor<3x20x12xf32>, tensor<3x12x16xf32> "
         "-> tensor<3x20x16xf32>",
         "%y : tensor<3x20x16xf32>", "gemm"});
  }
};

} // namespace

Case headsCase(int64_t width) {
  std::string w = std::to_string(width), rows = std::to_string(4 * width);
  return {"product of heads of width " + w,
          "%x: tensor<2x4x20x" + w + "xf16>, %w: tensor<" + rows + "x40xf16>",
          "%t = weft.transpose %x [0, 2, 1, 3] : tensor<2x4x20x" + w +
              "xf16> -> tensor<2x20x4x" + w +
              "xf16>\n%r = weft.reshape %t : tensor<2x20x4x" + w +
              "xf16> -> tensor<40x" + rows +
              "xf16>\n%y = weft.matmul %r, %w : tensor<40x" + rows +
              "xf16>, tensor<" + rows + "x40xf16> -> tensor<40x40xf16>",
          "%y : tensor<40x40xf16>", "gemm"};
}

const std::vector<Case> &allCases() {
  static const auto *cases = [] {
    auto *all = new Cases;
    all->addLoops();
    all->addReductions();
    all->addWindows();
    all->addProducts();
    all->addResiduals();
    all->addVectorWindows();
    all->addMatrices();
    all->addTf32();
    all->addBlocksThatStay();
    all->addSums();
    all->addPairs();
    all->addPatches();
    all->addImages();
    all->addPooledImages();
    all->addImagesOfPlanes();
    all->addAttentions();
    return all;
  }();
  return cases->list;
}

} // namespace weft::cuda_tests
