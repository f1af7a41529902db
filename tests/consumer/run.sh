#!/usr/bin/env bash
# Installs a build into a fresh prefix and builds, links and runs a project that finds it. Usage: run.sh BUILD_FOLDER
set -eu
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$build/consumer
rm -rf "$work"
cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$here" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$work/build" >/dev/null
test "$("$work/build/consumer_c")" = "0 2 0"
"$work/build/consumer_cpp" | grep -q "'z'"
"$work/prefix/bin/minnow" doctor >/dev/null
# libminnow_rt holds nothing of operators, passes or importers, and a program links against it alone.
! nm -C --defined-only "$work"/prefix/lib*/libminnow_rt.a "$work"/prefix/lib/*/libminnow_rt.a 2>/dev/null | grep -E ' minnow::(ops::|Registry|Builder|import_|Graph|Interpreter)'
echo "consumer: C and C++ programs found, linked and ran the installed library"
