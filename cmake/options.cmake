# Compiler flags shared by every target, and the launcher and linker that make rebuilds quick where they are installed.
add_compile_options(-Wall -Wextra -Wno-missing-field-initializers -fno-math-errno)
if(MINNOW_THREADS)
  add_compile_definitions(MINNOW_THREADS=1)
else()
  add_compile_definitions(MINNOW_THREADS=0)
endif()
if(MINNOW_SANITIZE)
  add_compile_options(-fsanitize=${MINNOW_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${MINNOW_SANITIZE})
endif()
if(MINNOW_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(MINNOW_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()
find_program(MINNOW_CCACHE ccache)
if(MINNOW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # ccache keeps what is compiled with a precompiled header only when it is told that this is fine.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${MINNOW_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${MINNOW_CCACHE})
endif()
find_program(MINNOW_MOLD mold)
if(MINNOW_MOLD AND NOT MINNOW_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
  # As other linkers do by themselves: cold functions of all files lie together, apart from what runs often.
  add_link_options(-fuse-ld=mold -Wl,-z,keep-text-section-prefix)
endif()
string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")

# minnow_cold(TARGET): what runs per element of a model's tensors lies in kernels (-O3) and, where no kernel has been
# written, in loops of the references, which need the vectoriser but little else of -O2: that would take a quarter more
# build time.
function(minnow_cold target)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(${target} PRIVATE -O1 -ftree-vectorize)
  endif()
endfunction()

# minnow_precompiled(TARGET OWNER HEADER …): most of the time that a small file takes goes into the same few headers. The
# target named OWNER compiles them; the others, compiled with the same flags, use what it has made.
function(minnow_precompiled target owner)
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

# minnow_unity(TARGET): a release build compiles eight files of a room as one: what glue costs is the templates that every
# file instantiates again (command line 100 s of processor time without, 31 s with). The other presets compile file by file,
# so a missing #include is found there.
function(minnow_unity target)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()
