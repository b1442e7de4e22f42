# One function for each kind of target in this project.

# weft_add_library(WeftCore SOURCES a.cpp ... [DEPENDS ...] [MLIR])
#
# A layer: an object library that is linked into libweft.so, the tools and the
# tests. It sees the headers of the layers it names in DEPENDS and no others;
# MLIR adds LLVM's headers and the shared precompiled header.
function(weft_add_library name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  add_library(weft::${name} ALIAS ${name})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                            ${PROJECT_BINARY_DIR}/include)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE})
  add_dependencies(${name} WeftGenerated)
  if(ARG_MLIR)
    target_link_libraries(${name} PUBLIC WeftLLVMHeaders)
    target_precompile_headers(${name} REUSE_FROM WeftMLIRPrecompiled)
  endif()
endfunction()

# weft_tablegen(OUTPUT.inc SOURCE.td <mlir|weft> flags...)
#
# Generates ${PROJECT_BINARY_DIR}/include/weft/<folder>/OUTPUT.inc and makes
# every library wait for it.
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
  set_property(GLOBAL APPEND PROPERTY WEFT_GENERATED ${out})
endfunction()
