# SPDX-License-Identifier: Apache-2.0
# How every target of this project is compiled and linked.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)

# Contraction is off, so that the CPU code compiled here, the code generated for
# the CPU and the code generated for the GPU agree; `fma` is written out.
# Sections let the linker drop what no test or tool reaches. Programs are compiled
# as libraries are, so that they can share precompiled headers.
add_compile_options(-fPIC -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers
                    -fno-exceptions -fno-rtti -ffp-contract=off
                    -ffunction-sections -fdata-sections)
if(WEFT_WARNINGS_AS_ERRORS)
  add_compile_options(-Werror)
endif()

if(WEFT_SANITIZER)
  add_compile_options(-fsanitize=${WEFT_SANITIZER} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${WEFT_SANITIZER})
endif()

# What the tests run with: no test reads or fills the user's cache.
set(WEFT_TEST_ENVIRONMENT WEFT_CACHE_DIR=${PROJECT_BINARY_DIR}/test-cache)

find_program(WEFT_LLD NAMES ld.lld-19 ld.lld)
if(WEFT_LLD AND CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_link_options(-fuse-ld=${WEFT_LLD})
endif()

find_program(WEFT_CCACHE ccache)
if(WEFT_CCACHE)
  # Precompiled headers are cached only if ccache may ignore their macros.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${WEFT_CCACHE})
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()

# The disk cache tells builds apart by it (lib/Compiler/BuildId.cpp).
add_link_options(LINKER:--build-id=sha1)
