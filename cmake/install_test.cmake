# Installs into a folder of the build and builds the examples upon that (test `install`).
set(prefix ${BUILD}/install_test/prefix)
set(examples ${BUILD}/install_test/examples)
file(REMOVE_RECURSE ${BUILD}/install_test)
foreach(step "--install;${BUILD};--prefix;${prefix}"
             "-S;${SOURCE}/examples;-B;${examples};-DCMAKE_PREFIX_PATH=${prefix};-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
             "--build;${examples}")
  execute_process(COMMAND ${CMAKE_COMMAND} ${step} COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
endforeach()
execute_process(COMMAND ${examples}/moldau-example-produce RESULT_VARIABLE code ERROR_QUIET)
if(NOT code EQUAL 2)
  message(FATAL_ERROR "the example does not run: ${code}")
endif()
file(REMOVE_RECURSE ${BUILD}/install_test)
