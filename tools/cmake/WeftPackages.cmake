# SPDX-License-Identifier: Apache-2.0
# The packages Weft is built from. LLVM and MLIR are linked statically and
# hidden, so that libweft.so can live beside another LLVM in one process.
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)

# Abseil stays a shared library: the archives of the distributions are not
# position independent. Its symbols carry the distribution's inline namespace,
# so a program may bring another one.
find_package(absl REQUIRED)

# LLVM's own prefix is all that is taken from its package: the imported targets
# of the static MLIR libraries pull in libLLVM.so as well, and both kinds in one
# program abort at start.
find_program(WEFT_LLVM_CONFIG NAMES llvm-config-19 llvm-config
             HINTS /usr/lib/llvm-19/bin REQUIRED)
execute_process(COMMAND ${WEFT_LLVM_CONFIG} --version
                OUTPUT_VARIABLE WEFT_LLVM_VERSION
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT WEFT_LLVM_VERSION MATCHES "^19\\.1\\.")
  message(FATAL_ERROR "Weft needs LLVM 19.1; ${WEFT_LLVM_CONFIG} is "
                      "${WEFT_LLVM_VERSION}")
endif()
execute_process(COMMAND ${WEFT_LLVM_CONFIG} --prefix
                OUTPUT_VARIABLE WEFT_LLVM_ROOT
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
find_program(WEFT_MLIR_TBLGEN mlir-tblgen PATHS ${WEFT_LLVM_ROOT}/bin
             NO_DEFAULT_PATH REQUIRED)

# Headers only: what the layers that see MLIR compile against.
add_library(WeftLLVMHeaders INTERFACE)
target_include_directories(WeftLLVMHeaders SYSTEM INTERFACE
                           ${WEFT_LLVM_ROOT}/include)

# The archives; they reach final binaries only (libweft.so, weft-opt, tests).
execute_process(
  COMMAND ${WEFT_LLVM_CONFIG} --link-static --libfiles orcjit native passes
  OUTPUT_VARIABLE llvm_archives OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(llvm_archives UNIX_COMMAND "${llvm_archives}")
file(GLOB mlir_archives ${WEFT_LLVM_ROOT}/lib/libMLIR*.a)
list(FILTER mlir_archives EXCLUDE REGEX
     "CAPI|TableGen|Tblgen|Lsp|Test|Python|Rust")
add_library(WeftLLVM INTERFACE)
target_link_libraries(WeftLLVM INTERFACE
  "$<LINK_GROUP:RESCAN,${mlir_archives},${llvm_archives}>"
  z zstd ${CMAKE_DL_LIBS} Threads::Threads m)

if(WEFT_BUILD_TESTS)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  find_package(GTest REQUIRED)
  include(GoogleTest)
  find_file(WEFT_LIT lit.py PATHS ${WEFT_LLVM_ROOT}/build/utils/lit
            NO_DEFAULT_PATH REQUIRED)
endif()
