// SPDX-License-Identifier: Apache-2.0
// What the sanitizers must know about LLVM, whose packages are not
// instrumented; linked into every program of a sanitizer build.

// LLVM's allocators poison memory in functions compiled here, from its headers,
// and unpoison it in functions of its archives, which do not.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_odr_violation=0";
}

extern "C" const char *__ubsan_default_options() {
  return "print_stacktrace=1";
}

// What the archives, and LLVM's OpenMP, synchronise by atomics the thread
// sanitizer cannot see.
extern "C" const char *__tsan_default_suppressions() {
  return "race:^llvm::\nrace:^mlir::\ncalled_from_lib:libomp.so\n";
}

// A child of a program with threads may start its own: a test does.
extern "C" const char *__tsan_default_options() { return "die_after_fork=0"; }
