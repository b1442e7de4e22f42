// SPDX-License-Identifier: Apache-2.0
// Stands for oneDNN and an OpenMP that has no GOMP_parallel: every function is
// there, none does anything. Keeps what the environment says while the library
// is loaded, which is when OpenMP reads it, and puts a variable into it.
#include "runtime/OneDnnFunctions.h"

#include <cstdlib>
#include <cstring>

using namespace weft::runtime;

#define FAKE_FUNCTION(member, symbol, parameters)                              \
  int symbol parameters { return 0; }

#pragma GCC visibility push(default)
extern "C" {

WEFT_ONEDNN_FUNCTIONS(FAKE_FUNCTION)
WEFT_ONEDNN3_FUNCTIONS(FAKE_FUNCTION)
size_t dnnl_memory_desc_get_size(DnnLayout) { return 0; }
DnnLayout dnnl_primitive_desc_query_md(DnnObject, int, int) { return nullptr; }
const DnnVersion *dnnl_version() {
  static const DnnVersion version = {3, 1, 4};
  return &version;
}
unsigned dnnl_get_effective_cpu_isa() { return 0; }

void omp_set_num_threads(int) {}
int omp_get_max_threads() { return 1; }
#ifndef FAKE_INCOMPLETE
int omp_get_level() { return 0; }
#endif

const char *fake_wait_policy, *fake_spin_count;

} // extern "C"
#pragma GCC visibility pop

static const char *copyOf(const char *variable) {
  const char *value = std::getenv(variable);
  return value ? strdup(value) : nullptr;
}

__attribute__((constructor)) static void load() {
  fake_wait_policy = copyOf("OMP_WAIT_POLICY");
  fake_spin_count = copyOf("GOMP_SPINCOUNT");
  setenv("WEFT_TEST_FAKE", "loaded", 1);
}
