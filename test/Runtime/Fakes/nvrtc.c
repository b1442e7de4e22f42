/* SPDX-License-Identifier: Apache-2.0
   A libnvrtc that is as old, new or incomplete as its definitions say. */
#include <stddef.h>
#include <string.h>

int nvrtcVersion(int *major, int *minor) {
  *major = FAKE_VERSION / 10;
  *minor = FAKE_VERSION % 10;
  return 0;
}
int nvrtcGetNumSupportedArchs(int *count) {
  *count = 2;
  return 0;
}
int nvrtcGetSupportedArchs(int *archs) {
  archs[0] = 80;
  archs[1] = 90;
  return 0;
}
int nvrtcCreateProgram(void **program, const char *text, const char *name,
                       int numHeaders, const char *const *headers,
                       const char *const *names) {
  (void)text, (void)name, (void)numHeaders, (void)headers, (void)names;
  static int one;
  *program = &one;
  return 0;
}
int nvrtcDestroyProgram(void **program) {
  *program = 0;
  return 0;
}
/* Compiles nothing: an internal error. */
int nvrtcCompileProgram(void *program, int numOptions,
                        const char *const *options) {
  (void)program, (void)numOptions, (void)options;
  return FAKE_ERROR;
}
int nvrtcGetCUBINSize(void *program, size_t *size) {
  (void)program;
  *size = 0;
  return 0;
}
int nvrtcGetCUBIN(void *program, char *code) {
  (void)program, (void)code;
  return 0;
}
int nvrtcGetPTXSize(void *program, size_t *size) {
  (void)program;
  *size = 0;
  return 0;
}
int nvrtcGetPTX(void *program, char *code) {
  (void)program, (void)code;
  return 0;
}
int nvrtcGetProgramLogSize(void *program, size_t *size) {
  (void)program;
  *size = sizeof("fake log");
  return 0;
}
int nvrtcGetProgramLog(void *program, char *log) {
  (void)program;
  strcpy(log, "fake log");
  return 0;
}
#ifndef FAKE_INCOMPLETE
const char *nvrtcGetErrorString(int error) {
  (void)error;
  return "NVRTC_ERROR_INTERNAL_ERROR";
}
#endif
