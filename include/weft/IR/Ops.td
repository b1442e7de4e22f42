// SPDX-License-Identifier: Apache-2.0
// The element-wise ops, one row each. From a row follow the op class, its
// verifier and reference page, the C++ function weft::<mnemonic>, the code of
// both back ends, the reference interpreter and an accuracy test.
#ifndef WEFT_IR_OPS
#define WEFT_IR_OPS

include "weft/IR/Elementwise.td"

defvar self = (primitive);

// ---- one operand ------------------------------------------------------------
def NegOp     : Unary<"neg",     "the negative of x",             Number,   self, "oracle::neg(x)">;
def AbsOp     : Unary<"abs",     "the absolute value of x",       Number,   self, "oracle::abs(x)">;
def FloorOp   : Unary<"floor",   "the largest integer not above x", Floating, self, "std::floor(x)">;
def SqrtOp    : Unary<"sqrt",    "the square root of x",          Floating, self, "std::sqrt(x)"> { let low = "0"; let high = "100"; }
let cpu_ulp = 3, cuda_ulp = 3 in {
def ExpOp     : Unary<"exp",     "e to the power of x",           Floating, self, "std::exp(x)">;
def LogOp     : Unary<"log",     "the natural logarithm of x",    Floating, self, "std::log(x)"> { let low = "0.001"; let high = "1000"; }
def SinOp     : Unary<"sin",     "the sine of x",                 Floating, self, "std::sin(x)">;
def CosOp     : Unary<"cos",     "the cosine of x",               Floating, self, "std::cos(x)">;
}
let cpu_ulp = 6, cuda_ulp = 3 in {
def TanhOp    : Unary<"tanh",    "the hyperbolic tangent of x",   Floating, self, "std::tanh(x)">;
def ErfOp     : Unary<"erf",     "the error function of x",       Floating, self, "std::erf(x)">;
}
def RsqrtOp   : Unary<"rsqrt",   "one over the square root of x", Floating,
                      (P_div (P_constant "1"), (P_sqrt $x)), "1 / std::sqrt(x)"> { let low = "0.001"; let high = "100"; let cpu_ulp = 2; let cuda_ulp = 2; }
let cpu_ulp = 6, cuda_ulp = 6 in {
def SigmoidOp : Unary<"sigmoid", "1 / (1 + exp(-x))",             Floating,
                      (P_div (P_constant "1"), (P_add (P_constant "1"), (P_exp (P_neg $x)))), "1 / (1 + std::exp(-x))">;
def SiluOp    : Unary<"silu",    "x times sigmoid(x)",            Floating,
                      (P_div $x, (P_add (P_constant "1"), (P_exp (P_neg $x)))), "x / (1 + std::exp(-x))">;
}
// 1 + erf(x / sqrt(2)) cancels below 0: at -2 an error of one unit in erf is 16
// units of the result. (CUDA's is another form.)
def GeluOp    : Unary<"gelu",    "x times the normal distribution function of x (erf form)", Floating,
                      (P_mul (P_mul (P_constant "0.5"), $x),
                             (P_add (P_constant "1"), (P_erf (P_mul $x, (P_constant "0.70710678118654752"))))),
                      "0.5 * x * std::erfc(-x * 0.70710678118654752)"> { let low = "-2"; let cpu_ulp = 48; let cuda_ulp = 26; let cuda_percent = 15; }
def ReluOp    : Unary<"relu",    "the larger of x and 0",         Number,
                      (P_maximum $x, (P_constant "0")), "oracle::maximum(x, T(0))">;
def LogicalNotOp : Unary<"logical_not", "true where x is false",  Bool,     self, "!x">;

// ---- two operands -----------------------------------------------------------
// Integers wrap. Division by the integer 0 gives 0. bool counts as 0 and 1, and
// every result but 0 is true. floor_div and mod of floats are those of Python;
// a floor_div too large for its type to hold every integer is x / y rounded.
def AddOp      : Binary<"add",       "x + y",                            Any,    self, "oracle::add(x, y)", [Commutative]> { let hasFolder = 1; }
def SubOp      : Binary<"sub",       "x - y",                            Any,    self, "oracle::sub(x, y)"> { let hasFolder = 1; }
def MulOp      : Binary<"mul",       "x * y",                            Any,    self, "oracle::mul(x, y)", [Commutative]> { let hasFolder = 1; }
def DivOp      : Binary<"div",       "x / y, towards 0 for integers",    Any,    self, "oracle::div(x, y)"> { let hasFolder = 1; }
def FloorDivOp : Binary<"floor_div", "the largest integer not above x / y", Any, self, "oracle::floorDiv(x, y)">;
def ModOp      : Binary<"mod",       "x - floor_div(x, y) * y, with the sign of y", Any, self, "oracle::mod(x, y)">;
def PowOp      : Binary<"pow",       "x to the power of y",              Number, self, "oracle::pow(x, y)"> { let low = "0.1"; let high = "5"; let cpu_ulp = 2; let cuda_ulp = 4; }
def MaximumOp  : Binary<"maximum",   "the larger of x and y, NaN if one is NaN",  Any, self, "oracle::maximum(x, y)", [Commutative]>;
def MinimumOp  : Binary<"minimum",   "the smaller of x and y, NaN if one is NaN", Any, self, "oracle::minimum(x, y)", [Commutative]>;
def LogicalAndOp : Binary<"logical_and", "true where x and y are",       Bool,   self, "x && y", [Commutative]>;
def LogicalOrOp  : Binary<"logical_or",  "true where x or y is",         Bool,   self, "x || y", [Commutative]>;

// ---- two operands, bool result ----------------------------------------------
def LessOp         : Comparison<"less",          "true where x < y",  Any, self, "x < y">;
def LessEqualOp    : Comparison<"less_equal",    "true where x <= y", Any, self, "x <= y">;
def GreaterOp      : Comparison<"greater",       "true where x > y",  Any, self, "x > y">;
def GreaterEqualOp : Comparison<"greater_equal", "true where x >= y", Any, self, "x >= y">;
def EqualOp        : Comparison<"equal",         "true where x = y",  Any, self, "x == y">;
def NotEqualOp     : Comparison<"not_equal",     "true where x differs from y; NaN differs from everything", Any, self, "x != y">;

#endif // WEFT_IR_OPS
