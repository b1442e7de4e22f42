# SPDX-License-Identifier: Apache-2.0
# The packages Weft is built from. LLVM and MLIR are linked statically and
# hidden, so that libweft.so can live beside another LLVM in one process.
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)

# Abseil is linked statically too, where its archives lie beside the shared
# libraries that distributions name in their CMake files.
find_package(absl REQUIRED)
get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
list(FILTER imported INCLUDE REGEX "^absl::")
foreach(target IN LISTS imported)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL SHARED_LIBRARY)
    continue()
  endif()
  get_target_property(configs ${target} IMPORTED_CONFIGURATIONS)
  foreach(config IN LISTS configs)
    get_target_property(location ${target} IMPORTED_LOCATION_${config})
    string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${location}")
    if(EXISTS "${archive}")
      set_target_properties(${target} PROPERTIES
        IMPORTED_LOCATION_${config} "${archive}" IMPORTED_SONAME_${config} "")
    endif()
  endforeach()
endforeach()

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
