/* minnow's runtime: runs a compiled model (.mnw, made by `minnow compile`) and nothing else. The library is libminnow_rt.
 *
 * The conventions are those of minnow.h, whose types this header uses; mn_runtime_error() takes the place of
 * mn_last_error(). A runtime runs one call at a time. Inputs and outputs are the caller's memory: nothing is copied, and
 * a run allocates nothing.
 */
#ifndef MINNOW_RUNTIME_H
#define MINNOW_RUNTIME_H

#include <minnow/minnow.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mn_runtime mn_runtime;

typedef struct mn_runtime_value {
  const char* name; /* valid as long as the runtime */
  mn_dtype dtype;
  int32_t rank;
  int64_t dims[MN_MAX_RANK];
  size_t bytes;
} mn_runtime_value;

/* Opens a file, or bytes that stay the caller's and must outlive the runtime (at a multiple of 64 bytes weights are used
 * where they lie). Of the plans in the file the first that this processor can run is taken. */
MN_API mn_status mn_runtime_open(const char* path, mn_runtime** out);
MN_API mn_status mn_runtime_open_memory(const void* data, size_t bytes, mn_runtime** out);
MN_API void mn_runtime_release(mn_runtime* runtime);

MN_API int32_t mn_runtime_input_count(const mn_runtime* runtime);
MN_API int32_t mn_runtime_output_count(const mn_runtime* runtime);
MN_API mn_status mn_runtime_input(const mn_runtime* runtime, int32_t index, mn_runtime_value* out);
MN_API mn_status mn_runtime_output(const mn_runtime* runtime, int32_t index, mn_runtime_value* out);
/* Bytes beside inputs, outputs and weights. */
MN_API size_t mn_runtime_memory_bytes(const mn_runtime* runtime);

/* One pointer an input and an output, in order, each to as many bytes as its description says. */
MN_API mn_status mn_runtime_run(mn_runtime* runtime, const void* const* inputs, void* const* outputs);
/* States (streaming caches and the like) back to their first values. */
MN_API mn_status mn_runtime_reset(mn_runtime* runtime);

/* Why the last call of this thread failed: one line, "" when it did not. */
MN_API const char* mn_runtime_error(void);

#ifdef __cplusplus
}
#endif

#endif
