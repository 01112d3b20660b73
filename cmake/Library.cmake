# librubor: the rooms up to protocol as one shared library, its headers and a pkg-config file, for a program that measures a
# photo or a pair without a broker. The executable uses the same objects, linked statically.
set(library_rooms imaging calibration analyzer protocol)
set(library_headers
  imaging/status.h imaging/image.h imaging/photo.h imaging/encode.h imaging/color.h
  calibration/calibration.h calibration/chart.h calibration/chart_find.h calibration/profile.h
  analyzer/analyze.h analyzer/record.h analyzer/series.h analyzer/summary.h
  protocol/messages.h protocol/record_wire.h protocol/wire.h protocol/worker_wire.h)

set(objects "")
foreach(room ${library_rooms})
  list(APPEND objects $<TARGET_OBJECTS:rubor_${room}>)
endforeach()
set(map ${CMAKE_CURRENT_LIST_DIR}/library/rubor.map)
add_library(librubor SHARED ${objects})
set_target_properties(librubor PROPERTIES OUTPUT_NAME rubor LINKER_LANGUAGE C VERSION ${PROJECT_VERSION} SOVERSION 0 LINK_DEPENDS ${map})
target_link_options(librubor PRIVATE -Wl,--version-script=${map})
if(NOT RUBOR_SANITIZE)
  target_link_options(librubor PRIVATE -Wl,--no-undefined)
endif()
target_link_libraries(librubor PRIVATE PkgConfig::JPEG PkgConfig::PNG PkgConfig::LCMS PkgConfig::EXIF PkgConfig::NETTLE
  PkgConfig::JANSSON PkgConfig::MSGPACK Threads::Threads m)

set(RUBOR_MSGPACK_MODULE ${MSGPACK_MODULE_NAME})
configure_file(cmake/library/rubor.pc.in ${CMAKE_BINARY_DIR}/rubor.pc @ONLY)
install(TARGETS librubor LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_BINARY_DIR}/rubor.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES cmake/library/rubor.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rubor)
foreach(header ${library_headers})
  get_filename_component(room ${header} DIRECTORY)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rubor/${room})
endforeach()
