# Warnings and the flags that keep results the same bits on every CPU:
# no -ffast-math anywhere, and no fused multiply-add unless a kernel asks for it by name.
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
                    -Wformat=2 -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings
                    -ffp-contract=off -fno-strict-aliasing -fstack-protector-strong)
# Nothing here reads errno after a function of math.h nor lets floating-point exceptions trap, and no function
# is replaced at load time: saying so changes no result, but loops with a choice in them become vectors.
add_compile_options(-fno-math-errno -fno-trapping-math -fno-semantic-interposition)
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64 RUBOR_VERSION="${PROJECT_VERSION}")
set(CMAKE_C_FLAGS_RELEASE "-O3 -g1 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g") # asserts stay on
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  # snprintf into a fixed field cuts on purpose: texts are bounded, and a cut sentence is better than none.
  add_compile_options(-Wno-format-truncation)
endif()
if(RUBOR_WERROR)
  add_compile_options(-Werror)
endif()
if(RUBOR_SCALAR)
  add_compile_definitions(RUBOR_SCALAR=1)
endif()
if(RUBOR_SANITIZE)
  string(REPLACE ";" "," _san "${RUBOR_SANITIZE}")
  add_compile_options(-fsanitize=${_san} -fno-omit-frame-pointer -fno-sanitize-recover=all -O1 -g)
  add_link_options(-fsanitize=${_san})
endif()
if(RUBOR_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "RUBOR_FUZZ needs clang: configure with -DCMAKE_C_COMPILER=clang")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
