# Installing: the program, and libmoldau with its headers for find_package(Moldau) and pkg-config.
#
#   cmake --install build/release --prefix /usr/local
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# One archive, so that applications name one library; what it needs of the system they link too.
set(moldau_parts)
foreach(part lib client machine_client net os env record wire config base)
  list(APPEND moldau_parts $<TARGET_OBJECTS:moldau_${part}>)
endforeach()
add_library(moldau_archive STATIC ${moldau_parts})
set_target_properties(moldau_archive PROPERTIES OUTPUT_NAME moldau LINKER_LANGUAGE CXX
                      ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(MOLDAU_SYSTEM_LIBRARIES spdlog fmt lz4 zstd snappy z xxhash isal)

# Within the tree base/ is found from src/; installed it lies with the other headers.
set(moldau_headers ${CMAKE_BINARY_DIR}/include)
file(GLOB public CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/include
     ${CMAKE_SOURCE_DIR}/include/moldau/*.h)
foreach(header ${public})
  list(APPEND moldau_public ${CMAKE_SOURCE_DIR}/include/${header} ${header})
endforeach()
foreach(header check error_code result strong types uuid)
  list(APPEND moldau_public ${CMAKE_SOURCE_DIR}/src/base/${header}.h moldau/base/${header}.h)
endforeach()
while(moldau_public)
  list(POP_FRONT moldau_public from to)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
  file(READ ${from} text)
  string(REPLACE "#include \"base/" "#include \"moldau/base/" text "${text}")
  file(CONFIGURE OUTPUT ${moldau_headers}/${to} CONTENT "${text}" @ONLY)
endwhile()

configure_file(${CMAKE_CURRENT_LIST_DIR}/MoldauConfig.cmake.in
               ${CMAKE_BINARY_DIR}/package/MoldauConfig.cmake @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/MoldauConfigVersion.cmake
                                 VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
list(TRANSFORM MOLDAU_SYSTEM_LIBRARIES PREPEND -l OUTPUT_VARIABLE flags)
list(JOIN flags " " MOLDAU_LINK_FLAGS)
file(RELATIVE_PATH MOLDAU_UP /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
configure_file(${CMAKE_CURRENT_LIST_DIR}/moldau.pc.in ${CMAKE_BINARY_DIR}/package/moldau.pc @ONLY)

if(TARGET moldau)
  install(TARGETS moldau RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(TARGETS moldau_archive ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${moldau_headers}/moldau DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/package/MoldauConfig.cmake
              ${CMAKE_BINARY_DIR}/package/MoldauConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Moldau)
install(FILES ${CMAKE_BINARY_DIR}/package/moldau.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(MOLDAU_TESTS AND NOT MOLDAU_SANITIZE AND NOT MOLDAU_FUZZ)
  add_test(NAME install COMMAND ${CMAKE_COMMAND} -DBUILD=${CMAKE_BINARY_DIR}
           -DSOURCE=${CMAKE_SOURCE_DIR} -P ${CMAKE_SOURCE_DIR}/cmake/install_test.cmake)
endif()
