#!/usr/bin/env bash
# The tests of an aarch64 build in qemu-user, on one processor for each instruction set: run.sh BUILD_FOLDER [NATIVE_MINNOW].
# Whole models of $MINNOW_DATA run as well and must agree with NATIVE_MINNOW. Exit 77 (skipped) where the build or qemu is missing.
set -euo pipefail
build=$1 native=${2:-build/release/minnow}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
skip() { echo "skipped: $*"; exit 77; }
emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
[ -n "$emulator" ] || skip "no qemu-user (apt-get install qemu-user-static)"
[ -x "$build/test_kernels" ] || skip "$build has no tests built for ARM (scripts/arm builds them)"

# cortex-a53: neon; cortex-a76: dotprod as well; max: i8mm as well. The tests of kernels go through every set that they find.
for cpu in cortex-a53 cortex-a76 max; do
  echo "== $cpu: $("$emulator" -cpu $cpu "$build/minnow" doctor | grep -E '^(features|kernels for)' | tr -s ' \n' ' ')"
  for test in base kernels lower; do
    # Death tests start the test again, which qemu-user cannot do without binfmt_misc.
    "$emulator" -cpu $cpu "$build/test_$test" --gtest_brief=1 --gtest_filter=-*DeathTest*
  done
done

data=${MINNOW_DATA:-$here/../../../shared/data}
python=$here/../../.venv/bin/python
[ -d "$data/models" ] && [ -x "$native" ] && [ -x "$python" ] || { echo "whole models skipped: no data, native build or .venv"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for model in onnx/mnist.onnx onnx/mobilenet_v2_0.35_128_tfs_channel_first.onnx blazeface/face_detection_short_range.tflite \
  micro/person_detect.tflite; do
  rm -rf "$work"/*
  "$native" run "$data/models/$model" --random-inputs --out "$work/native" --quiet >/dev/null
  for isa in generic neon dotprod i8mm; do
    MINNOW_ISA=$isa "$emulator" -cpu max "$build/minnow" run "$data/models/$model" --random-inputs --out "$work/arm" --quiet >/dev/null
    "$python" "$here/compare.py" "$work/native" "$work/arm" "$model on $isa"
  done
done
