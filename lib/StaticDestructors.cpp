// SPDX-License-Identifier: Apache-2.0
// Part of libweft.so alone: nothing inside is destroyed when a program ends.

/// Where the C++ run time registers destructors of static objects. `exit()` may
/// be called at any moment, also while other threads compile and run kernels;
/// they would work on with what has just been destroyed, LLVM's tables for
/// instance, and crash. The system takes the memory back anyway. Hidden: the
/// program and other libraries keep theirs.
extern "C" __attribute__((visibility("hidden"))) int
__cxa_atexit(void (*)(void *), void *, void *) {
  return 0;
}
