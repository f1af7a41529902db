# What runs on the emulated computer: the processor must be detected, models must agree with the outputs of the machine that
# built them, and kernels with the references, on every instruction set that their tests find.
set -e
/bin/test_base --gtest_brief=1 --gtest_filter='Cpu.*'
for isa in avx512vnni avx512; do
  export MINNOW_ISA=$isa
  /bin/minnow doctor | /busybox grep -E '^(processor|features|kernels for)'
  /bin/minnow doctor | /busybox grep -q "^kernels for.* $isa *\$"
  for model in /models/*; do
    [ -f "$model" ] || continue
    /bin/minnow compare "$model" "$model.out" --random-inputs --quiet --rtol 1e-5 --atol 1e-5
  done
  /bin/test_lower --gtest_brief=1 --gtest_filter='Lowering.*:VerifyPlan.*'
done
export MINNOW_ISA=avx512vnni
/bin/test_lower --gtest_filter='IntegerKernels.*:CodeKernels.*:Kernels.*'
/bin/test_kernels
