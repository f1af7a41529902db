/* The runtime alone: a compiled model on zeros. Prints the number of outputs and the largest element of the first. */
#include <minnow/runtime.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  mn_runtime* model = NULL;
  mn_runtime_value input, output;
  if (argc < 2 || mn_runtime_open(argv[1], &model) != MN_OK || mn_runtime_input(model, 0, &input) != MN_OK ||
      mn_runtime_output(model, 0, &output) != MN_OK)
    return fprintf(stderr, "%s\n", mn_runtime_error()), 1;
  float *x = calloc(1, input.bytes), *y = calloc(1, output.bytes), best = 0;
  const void* inputs[] = {x};
  void* outputs[] = {y};
  if (mn_runtime_run(model, inputs, outputs) != MN_OK) return fprintf(stderr, "%s\n", mn_runtime_error()), 1;
  for (size_t i = 0; i < output.bytes / sizeof *y; ++i) best = y[i] > best ? y[i] : best;
  printf("%d %g\n", mn_runtime_output_count(model), best);
  mn_runtime_release(model);
  free(x), free(y);
  return 0;
}
