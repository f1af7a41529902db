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
# A network of kernels, compiled, runs in a program that has the runtime alone.
printf 'minnow graph 1\ninput %%x: float32[n, 4]\n%%y = relu(%%x)\n%%z = add(%%y, %%y)\noutput %%z\n' >"$work/net.mng"
"$work/prefix/bin/minnow" compile "$work/net.mng" --shape x=2,4 --isa generic -o "$work/net.mnw" >/dev/null
test "$("$work/build/consumer_rt" "$work/net.mnw")" = "1 0"
# libminnow_rt holds nothing of operators, passes or importers, and a program links against it alone.
! nm -C --defined-only "$work"/prefix/lib*/libminnow_rt.a "$work"/prefix/lib/*/libminnow_rt.a 2>/dev/null | grep -E ' minnow::(ops::|Registry|Builder|import_|Graph|Interpreter)'
echo "consumer: C and C++ programs found, linked and ran the installed library"
