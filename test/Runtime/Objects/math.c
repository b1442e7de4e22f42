// SPDX-License-Identifier: Apache-2.0
// Calls functions of the C library, which the loader reaches by jumps.
float expf(float x);
double pow(double x, double y);

double both(float x) { return expf(x) + pow(x, 3) + expf(-x); }
