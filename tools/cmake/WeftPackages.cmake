# The packages Weft is built from. LLVM and MLIR are linked statically and
# hidden, so that libweft.so can live beside another LLVM in one process.
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(LLVM 19.1 REQUIRED CONFIG HINTS /usr/lib/llvm-19/lib/cmake/llvm)
# Found through LLVM's own prefix: find_package(MLIR) would also import the
# shared libraries, and both kinds in one program abort at start.
set(WEFT_LLVM_ROOT ${LLVM_INSTALL_PREFIX})
find_program(WEFT_MLIR_TBLGEN mlir-tblgen PATHS ${WEFT_LLVM_ROOT}/bin
             NO_DEFAULT_PATH REQUIRED)
find_program(WEFT_LLVM_CONFIG llvm-config PATHS ${WEFT_LLVM_ROOT}/bin
             NO_DEFAULT_PATH REQUIRED)

# Headers only: what the layers that see MLIR compile against.
add_library(WeftLLVMHeaders INTERFACE)
target_include_directories(WeftLLVMHeaders SYSTEM INTERFACE
                           ${WEFT_LLVM_ROOT}/include)

# The archives, for final binaries only (libweft.so, weft-opt, tests).
execute_process(
  COMMAND ${WEFT_LLVM_CONFIG} --link-static --libfiles orcjit native passes
  OUTPUT_VARIABLE WEFT_LLVM_ARCHIVES OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(WEFT_LLVM_ARCHIVES UNIX_COMMAND "${WEFT_LLVM_ARCHIVES}")
file(GLOB WEFT_MLIR_ARCHIVES ${WEFT_LLVM_ROOT}/lib/libMLIR*.a)
list(FILTER WEFT_MLIR_ARCHIVES EXCLUDE REGEX
     "CAPI|TableGen|Tblgen|Lsp|Test|Python|Rust")
add_library(WeftLLVM INTERFACE)
target_link_libraries(WeftLLVM INTERFACE
  "$<LINK_GROUP:RESCAN,${WEFT_MLIR_ARCHIVES},${WEFT_LLVM_ARCHIVES}>"
  z zstd ${CMAKE_DL_LIBS} Threads::Threads m)
target_link_options(WeftLLVM INTERFACE LINKER:--gc-sections LINKER:--as-needed)
