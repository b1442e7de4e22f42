# SPDX-License-Identifier: Apache-2.0
# One function for each kind of target in this project.

# The headers that nearly every MLIR source includes, parsed once: 7 s -> 2 s a
# file. The libraries reuse it, so they must be compiled with equal flags.
file(WRITE ${PROJECT_BINARY_DIR}/precompiled/empty.cpp "")
add_library(WeftMLIRPrecompiled STATIC ${PROJECT_BINARY_DIR}/precompiled/empty.cpp)
target_link_libraries(WeftMLIRPrecompiled PRIVATE WeftLLVMHeaders)
target_precompile_headers(WeftMLIRPrecompiled PRIVATE
  <mlir/Dialect/Arith/IR/Arith.h>
  <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/IR/Builders.h>
  <mlir/IR/BuiltinOps.h>
  <mlir/IR/BuiltinTypes.h>
  <mlir/IR/PatternMatch.h>
  <mlir/Pass/Pass.h>
  <mlir/Transforms/GreedyPatternRewriteDriver.h>)

# weft_add_library(WeftCore SOURCES a.cpp ... [DEPENDS ...] [PRIVATE ...] [MLIR])
#
# A layer: a static library that is linked into libweft.so, the tools and the
# tests. It sees the headers of the layers it names in DEPENDS and no others;
# MLIR adds LLVM's headers and the shared precompiled header, and LLVM itself to
# the final binary. Layers without MLIR hold the public functions, so their
# symbols are visible; lib/weft.map decides which of them libweft.so exports.
function(weft_add_library name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  add_library(weft::${name} ALIAS ${name})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                            ${PROJECT_BINARY_DIR}/include
                                     PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE})
  add_dependencies(${name} WeftGenerated)
  set_property(GLOBAL APPEND PROPERTY WEFT_LAYERS ${name})
  if(ARG_MLIR)
    target_link_libraries(${name} PUBLIC WeftLLVMHeaders INTERFACE WeftLLVM)
    target_precompile_headers(${name} REUSE_FROM WeftMLIRPrecompiled)
  else()
    set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET default
                                             VISIBILITY_INLINES_HIDDEN OFF)
  endif()
endfunction()

if(WEFT_SANITIZER)
  add_library(WeftSanitizerDefaults OBJECT
              ${PROJECT_SOURCE_DIR}/tools/cmake/SanitizerDefaults.cpp)
endif()

# weft_add_program(weft-opt SOURCES a.cpp ... LIBS ... [MLIR])
#
# A program in ${PROJECT_BINARY_DIR}/bin, linked from the layers it names.
function(weft_add_program name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  if(WEFT_SANITIZER)
    target_link_libraries(${name} PRIVATE WeftSanitizerDefaults)
  endif()
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  target_link_options(${name} PRIVATE LINKER:--gc-sections LINKER:--as-needed)
  add_dependencies(${name} WeftGenerated)
  if(ARG_MLIR)
    target_link_libraries(${name} PRIVATE WeftLLVMHeaders WeftLLVM)
    target_precompile_headers(${name} REUSE_FROM WeftMLIRPrecompiled)
  endif()
endfunction()

# weft_add_test(weft-core-tests SOURCES a.cpp ... LIBS ... [MLIR] [WHOLE])
#
# A GoogleTest program. Each of its tests is a test of ctest, labelled `gpu` if
# its name contains Gpu and `cpu` otherwise; WHOLE makes the program one test,
# for hundreds of short cases. The programs are asked for their tests when ctest
# runs, not when they are built.
function(weft_add_test name)
  cmake_parse_arguments(ARG "MLIR;WHOLE" "" "SOURCES;LIBS" ${ARGN})
  set(mlir)
  if(ARG_MLIR)
    set(mlir MLIR)
  endif()
  weft_add_program(${name} ${mlir} SOURCES ${ARG_SOURCES}
                   LIBS ${ARG_LIBS} GTest::gmock GTest::gtest GTest::gtest_main)
  if(NOT ARG_MLIR)
    target_precompile_headers(${name} REUSE_FROM WeftTestPrecompiled)
  endif()
  target_compile_definitions(${name} PRIVATE
    WEFT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set(common ENVIRONMENT "${WEFT_TEST_ENVIRONMENT}" TIMEOUT 900)
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES ${common} LABELS cpu)
  else()
    gtest_discover_tests(${name} NO_PRETTY_VALUES NO_PRETTY_TYPES
      DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      TEST_FILTER "-*Gpu*" TEST_LIST ${name}_cpu
      PROPERTIES ${common} LABELS cpu)
    gtest_discover_tests(${name} NO_PRETTY_VALUES NO_PRETTY_TYPES
      DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      TEST_FILTER "*Gpu*" TEST_LIST ${name}_gpu
      PROPERTIES ${common} LABELS gpu)
  endif()
endfunction()

# weft_tablegen(OUTPUT.inc SOURCE.td <mlir|weft> flags...)
#
# Generates OUTPUT.inc into the mirror of the current folder under
# ${PROJECT_BINARY_DIR} and makes every library wait for it.
function(weft_tablegen output source generator)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(out ${PROJECT_BINARY_DIR}/${folder}/${output})
  if(generator STREQUAL mlir)
    set(tool ${WEFT_MLIR_TBLGEN})
    set(tool_target)
  else()
    set(tool $<TARGET_FILE:weft-tblgen>)
    set(tool_target weft-tblgen)
  endif()
  set(in ${CMAKE_CURRENT_SOURCE_DIR}/${source})
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${tool} ${ARGN} -I ${PROJECT_SOURCE_DIR}/include
            -I ${WEFT_LLVM_ROOT}/include ${in} -o ${out}
            --write-if-changed -d ${out}.d
    DEPENDS ${in} ${tool_target}
    DEPFILE ${out}.d
    COMMENT "Generating ${folder}/${output}")
  # A rule is visible only in its folder, a target everywhere.
  string(MAKE_C_IDENTIFIER "WeftGenerated_${folder}_${output}" target)
  add_custom_target(${target} DEPENDS ${out})
  set_property(GLOBAL APPEND PROPERTY WEFT_GENERATED ${target})
endfunction()

# weft_reference_page(dialect.md SOURCE.td flags...)
#
# Generates a page of reference into ${PROJECT_BINARY_DIR}/docs/reference. Kept
# out of the sources: there a change of one op would be a change of two files.
function(weft_reference_page page source)
  set(out ${PROJECT_BINARY_DIR}/docs/reference/${page})
  set(in ${CMAKE_CURRENT_SOURCE_DIR}/${source})
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${WEFT_MLIR_TBLGEN} ${ARGN} -I ${PROJECT_SOURCE_DIR}/include
            -I ${WEFT_LLVM_ROOT}/include ${in} -o ${out} -d ${out}.d
    DEPENDS ${in}
    DEPFILE ${out}.d
    COMMENT "Generating docs/reference/${page}")
  if(NOT TARGET weft-docs)
    add_custom_target(weft-docs ALL)
  endif()
  string(MAKE_C_IDENTIFIER "WeftReference_${page}" target)
  add_custom_target(${target} DEPENDS ${out})
  add_dependencies(weft-docs ${target})
endfunction()
