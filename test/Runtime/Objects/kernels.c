// SPDX-License-Identifier: Apache-2.0
// Kernels as the CPU back end makes them: constants in .rodata, calls inside
// the object, a table of code addresses, nothing from outside.
typedef long long int64;

static const float kTable[4] = {0.5f, 1.5f, 2.5f, 3.5f};
static const float *const kPointers[2] = {&kTable[1], &kTable[3]};

// out[i] = table[i % 4]
void from_table(void *const *args, int64 begin, int64 end) {
  float *out = args[0];
  for (int64 i = begin; i < end; ++i)
    out[i] = kTable[i & 3];
}

// out[i] = *pointers[i % 2]: data relocated by absolute addresses
void from_pointers(void *const *args, int64 begin, int64 end) {
  float *out = args[0];
  for (int64 i = begin; i < end; ++i)
    out[i] = *kPointers[i & 1];
}

__attribute__((noinline)) float scaled(float x, float factor) {
  return x * factor;
}

// out[i] = x[i] * factor, the factor a scalar of the call
void scale(void *const *args, int64 begin, int64 end) {
  const float *x = args[0];
  const float *factor = args[1];
  float *out = args[2];
  for (int64 i = begin; i < end; ++i)
    out[i] = scaled(x[i], *factor);
}

// out[i] = x[i] + y[i]
void add(void *const *args, int64 begin, int64 end) {
  const float *x = args[0];
  const float *y = args[1];
  float *out = args[2];
  for (int64 i = begin; i < end; ++i)
    out[i] = x[i] + y[i];
}

// out[i] = the thread that computes it; each piece waits for another to begin,
// but not for ever: some seconds
void meet(void *const *args, int64 begin, int64 end) {
  int64 *begun = args[0];
  int64 *out = args[1];
  __atomic_add_fetch(begun, 1, __ATOMIC_SEQ_CST);
  for (int64 turn = 0; turn < 10000000000; ++turn)
    if (__atomic_load_n(begun, __ATOMIC_SEQ_CST) >= 2)
      break;
  for (int64 i = begin; i < end; ++i)
    out[i] = (int64)__builtin_thread_pointer();
}
