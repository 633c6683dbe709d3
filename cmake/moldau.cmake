# Helpers of the build: one function per kind of target. Folder = target = namespace.
option(MOLDAU_PCH "Precompile the standard headers" ON)
option(MOLDAU_FUZZ "Build the libFuzzer targets (clang)" OFF)
option(MOLDAU_TESTS "Build the tests" ON)
option(MOLDAU_BENCHMARKS "Build the micro benchmarks" OFF)
set(MOLDAU_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

add_library(moldau_options INTERFACE)
target_include_directories(moldau_options INTERFACE ${CMAKE_SOURCE_DIR}/src
                                                    ${CMAKE_BINARY_DIR}/gen)
target_compile_options(moldau_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
  -fno-strict-aliasing -fstack-protector-strong -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
target_compile_definitions(moldau_options INTERFACE _GLIBCXX_ASSERTIONS _FILE_OFFSET_BITS=64)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Symmetric transfer is a tail call only with this flag (see docs/contributing.md).
  target_compile_options(moldau_options INTERFACE -foptimize-sibling-calls -fpch-preprocess
                         -ftrivial-auto-var-init=zero)
else()
  target_compile_options(moldau_options INTERFACE -ftrivial-auto-var-init=zero)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # -fPIE everywhere, not CMake's -fPIC for libraries: one precompiled header fits all targets, and
  # functions of ours may be inlined.
  # Sections by function: what nobody calls (much of the generated codec) is left out.
  target_compile_options(moldau_options INTERFACE -D_FORTIFY_SOURCE=2 -fcf-protection -fPIE
                         -ffunction-sections -fdata-sections)
  target_link_options(moldau_options INTERFACE -Wl,-z,relro,-z,now -Wl,--gc-sections -pie)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
if(MOLDAU_SANITIZE)
  target_compile_options(moldau_options INTERFACE -fsanitize=${MOLDAU_SANITIZE}
                         -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(moldau_options INTERFACE -fsanitize=${MOLDAU_SANITIZE})
endif()
if(MOLDAU_FUZZ)
  target_compile_options(moldau_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_package(Threads REQUIRED)
find_package(GTest)

if(MOLDAU_PCH)
  file(WRITE ${CMAKE_BINARY_DIR}/pch.cc "\n")
  add_library(moldau_pch STATIC ${CMAKE_BINARY_DIR}/pch.cc)
  target_link_libraries(moldau_pch PRIVATE moldau_options)
  target_precompile_headers(moldau_pch PRIVATE <algorithm> <array> <atomic> <coroutine> <cstdint>
    <deque> <functional> <map> <memory> <mutex> <optional> <span> <string> <string_view>
    <unordered_map> <utility> <variant> <vector>)
endif()

function(moldau_pch_for target)
  if(MOLDAU_PCH)
    target_precompile_headers(${target} REUSE_FROM moldau_pch)
  endif()
endfunction()

# moldau_library(NAME deps...): a library of all *.cc of this folder (not _test, _fuzz, _bench),
# a test program NAME_test of all *_test.cc, a fuzzer per *_fuzz.cc, a benchmark per *_bench.cc.
# EXTRA sources may be given after SOURCES; libraries for tests only after TEST_DEPS.
function(moldau_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;TEST_DEPS" ${ARGN})
  file(GLOB all CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench)\\.cc$")
  list(APPEND sources ${ARG_SOURCES})
  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC moldau_options ${ARG_UNPARSED_ARGUMENTS})
    moldau_pch_for(${name})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE moldau_options ${ARG_UNPARSED_ARGUMENTS})
  endif()
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(tests AND MOLDAU_TESTS AND GTest_FOUND)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} ${ARG_TEST_DEPS} GTest::gtest_main
                                               GTest::gmock Threads::Threads)
    moldau_pch_for(${name}_test)
    add_test(NAME ${name}_test COMMAND ${name}_test
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name}_test PROPERTIES TIMEOUT 600)
  endif()
  if(MOLDAU_FUZZ)
    set(fuzzers ${all})
    list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
    foreach(file IN LISTS fuzzers)
      get_filename_component(stem ${file} NAME_WE)
      add_executable(${stem} ${file})
      target_link_libraries(${stem} PRIVATE ${name} ${ARG_TEST_DEPS} Threads::Threads)
      target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
      set_property(GLOBAL APPEND PROPERTY MOLDAU_FUZZERS ${stem})
    endforeach()
  endif()
  if(MOLDAU_BENCHMARKS)
    set(benches ${all})
    list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
    foreach(file IN LISTS benches)
      get_filename_component(stem ${file} NAME_WE)
      add_executable(${stem} ${file})
      target_link_libraries(${stem} PRIVATE ${name} ${ARG_TEST_DEPS} benchmark Threads::Threads)
    endforeach()
  endif()
endfunction()
