// SPDX-License-Identifier: Apache-2.0
// Keeps state between calls.
int counter = 7;

int next(void) { return ++counter; }
