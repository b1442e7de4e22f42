/* SPDX-License-Identifier: Apache-2.0
   A libnvrtc that is as old, new or incomplete as its definitions say. It makes
   nothing of any text, or with FAKE_CODE what looks like machine code; of a
   text that holds what the environment's FAKE_NVRTC_REFUSES is, an error. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifdef FAKE_CODE
static const char code[] = "\177ELF of nothing";
enum { codeSize = sizeof(code) };
#else
static const char code[] = "";
enum { codeSize = 0 };
#endif

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
  (void)name, (void)numHeaders, (void)headers, (void)names;
  *program = strdup(text);
  return 0;
}
int nvrtcDestroyProgram(void **program) {
  free(*program);
  *program = 0;
  return 0;
}
int nvrtcCompileProgram(void *program, int numOptions,
                        const char *const *options) {
  (void)numOptions, (void)options;
  const char *refused = getenv("FAKE_NVRTC_REFUSES");
  if (refused && strstr(program, refused))
    return 6;
  return FAKE_ERROR;
}
int nvrtcGetCUBINSize(void *program, size_t *size) {
  (void)program;
  *size = codeSize;
  return 0;
}
int nvrtcGetCUBIN(void *program, char *to) {
  (void)program;
  memcpy(to, code, codeSize);
  return 0;
}
int nvrtcGetPTXSize(void *program, size_t *size) {
  (void)program;
  *size = 0;
  return 0;
}
int nvrtcGetPTX(void *program, char *to) {
  (void)program, (void)to;
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
