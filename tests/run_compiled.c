/* Runs a compiled model on zeros in a process that has the runtime alone, and prints JSON: what the run takes beside
 * the weights, and the peak of resident memory. */
#include <minnow/runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMost = 64 };

static long long peak_rss_bytes(void) {
  char line[256];
  long long kilobytes = -1;
  FILE* status = fopen("/proc/self/status", "r");
  if (status == NULL) return -1;
  while (fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, "VmHWM:", 6) == 0) kilobytes = atoll(line + 6);
  fclose(status);
  return kilobytes < 0 ? -1 : kilobytes * 1024;
}

int main(int argc, char** argv) {
  mn_runtime* model = NULL;
  const void* inputs[kMost];
  void* outputs[kMost];
  size_t bytes = 0;
  if (argc < 2 || mn_runtime_open(argv[1], &model) != MN_OK) return fprintf(stderr, "%s\n", mn_runtime_error()), 1;
  const int input_count = mn_runtime_input_count(model), output_count = mn_runtime_output_count(model);
  if (input_count > kMost || output_count > kMost) return fprintf(stderr, "more than %d ports\n", kMost), 1;
  for (int i = 0; i < input_count + output_count; ++i) {
    mn_runtime_value value;
    const int is_input = i < input_count;
    if ((is_input ? mn_runtime_input(model, i, &value) : mn_runtime_output(model, i - input_count, &value)) != MN_OK)
      return fprintf(stderr, "%s\n", mn_runtime_error()), 1;
    void* memory = calloc(value.bytes + 1, 1);
    if (memory == NULL) return fprintf(stderr, "out of memory\n"), 1;
    memset(memory, 0, value.bytes + 1); /* touches it */
    if (is_input) inputs[i] = memory;
    else outputs[i - input_count] = memory;
    bytes += value.bytes;
  }
  for (int run = 0; run < 2; ++run)
    if (mn_runtime_run(model, inputs, outputs) != MN_OK) return fprintf(stderr, "%s\n", mn_runtime_error()), 1;
  printf("{\"run_bytes\": %zu, \"peak_rss_bytes\": %lld}\n", mn_runtime_memory_bytes(model) + bytes, peak_rss_bytes());
  return 0;
}
