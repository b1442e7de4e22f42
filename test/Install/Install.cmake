# SPDX-License-Identifier: Apache-2.0
# Installs the build, moves the tree, then configures, builds and runs the
# outside program: the package must not remember where it was installed.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result
                  OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK}/first ${WORK}/prefix ${WORK}/outside)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${WORK}/prefix)

# Public headers include no header of another library, and only installed ones;
# weft/Absl.h is for programs that ask for Abseil.
file(GLOB_RECURSE headers ${WORK}/prefix/include/*)
list(FILTER headers EXCLUDE REGEX "/weft/Absl\\.h$")
foreach(header IN LISTS headers)
  file(STRINGS ${header} lines REGEX "^ *#include")
  foreach(line IN LISTS lines)
    if(line MATCHES "[<\"](absl|llvm|mlir|cuda|nvrtc|nlohmann)")
      message(FATAL_ERROR "${header} is public and says ${line}")
    endif()
    if(line MATCHES "\"(weft/[^\"]+)\"" AND
       NOT EXISTS ${WORK}/prefix/include/${CMAKE_MATCH_1})
      message(FATAL_ERROR "${header} is installed, not what it needs: ${line}")
    endif()
  endforeach()
endforeach()

# The library exports weft's names and no others.
file(GLOB library ${WORK}/prefix/lib*/libweft.so ${WORK}/prefix/lib/*/libweft.so)
run(${LLVM_ROOT}/bin/llvm-nm --dynamic --defined-only --format=just-symbols ${library})
string(REGEX MATCHALL "[^\n]+" symbols "${output}")
list(FILTER symbols EXCLUDE REGEX "^_Z[A-Za-z0-9_]*4weft")
if(symbols AND NOT SANITIZER)
  message(FATAL_ERROR "libweft.so also exports ${symbols}")
endif()

# No header warns under the warnings that programs with -I are built with.
if(GXX)
  file(WRITE ${WORK}/headers.cpp "#include \"weft/Weft.h\"\n")
  run(${GXX} -std=c++20 -Wall -Wextra -Wshadow -Werror -fsyntax-only
      -I${WORK}/prefix/include ${WORK}/headers.cpp)
endif()

# A program without exceptions and run-time types, and one with the defaults;
# that one with g++, too.
if(LAUNCHER)
  set(launcher -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
endif()
foreach(flags "-fno-exceptions -fno-rtti" "" "g++")
  set(compiler ${CXX})
  if(flags STREQUAL "g++")
    if(NOT GXX OR SANITIZER)
      continue()
    endif()
    set(compiler ${GXX})
    set(flags "")
  endif()
  file(REMOVE_RECURSE ${WORK}/outside)
  if(SANITIZER)
    string(APPEND flags " -fsanitize=${SANITIZER}")
  endif()
  run(${CMAKE_COMMAND} -S ${OUTSIDE} -B ${WORK}/outside -G ${GENERATOR}
      -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_BUILD_TYPE=Release
      -D "CMAKE_CXX_FLAGS=${flags}" -D CMAKE_PREFIX_PATH=${WORK}/prefix
      ${launcher} -D LLVM_ROOT=${LLVM_ROOT} -D LLVM_SHARED=${LLVM_SHARED})
  run(${CMAKE_COMMAND} --build ${WORK}/outside)
  run(${WORK}/outside/outside)
  message("${output}")
  if(NOT output MATCHES "outside: all fine")
    message(FATAL_ERROR "the outside program ended early")
  endif()
endforeach()
