// SPDX-License-Identifier: Apache-2.0
// Needs a symbol from outside.
float missing_function(float x);

float calls_out(float x) { return missing_function(x) + 1; }
