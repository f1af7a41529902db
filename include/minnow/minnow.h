/* minnow: run trained networks. The C interface.
 *
 * Conventions
 * - Status: functions that can fail return an mn_status. When it is not MN_OK, mn_last_error() tells why in one line.
 * - Null: every function accepts null pointers: it returns MN_BAD_INPUT, or does nothing where it returns no status.
 * - Ownership: what a function gives through an out pointer of an opaque type belongs to the caller, who releases it
 *   with the type's release function. Models, sessions, values and operator sets count references: releasing one that
 *   others still need is fine.
 * - Layout: tensors are row-major and contiguous. Data must be aligned to its element size (8 for strings).
 * - Threads: a model, a value and an operator set may be used by many threads at once. A session runs one call at a
 *   time: a second thread gets MN_BAD_INPUT, not a race. mn_session_cancel may be called from any thread at any time.
 *   Different sessions of one model run in parallel.
 * - Exceptions: none leave the library; callbacks must not throw through it either (those that do become MN_INTERNAL).
 */
#ifndef MINNOW_MINNOW_H
#define MINNOW_MINNOW_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define MN_API
#else
#define MN_API __attribute__((visibility("default")))
#endif

/* In C++ an enumeration may hold any int, as in C: a value that this version does not know is an error, not undefined.
 */
#ifdef __cplusplus
#define MN_INT_ENUM : int
extern "C" {
#else
#define MN_INT_ENUM
#endif

#define MN_MAX_RANK 8

typedef enum mn_status MN_INT_ENUM {
  MN_OK = 0,
  MN_BAD_INPUT = 1,   /* the file, the arguments or the data are wrong */
  MN_UNSUPPORTED = 2, /* understood, but not something minnow can do */
  MN_LIMIT = 3,       /* one of the limits in mn_options was hit */
  MN_OUT_OF_MEMORY = 4,
  MN_CANCELLED = 5, /* by mn_session_cancel or a progress callback */
  MN_IO = 6,        /* a file could not be read or written */
  MN_INTERNAL = 7   /* a fault of minnow: please report it */
} mn_status;

/* Element types. The values never change. Types under 8 bits take one byte an element. */
typedef enum mn_dtype MN_INT_ENUM {
  MN_UNDEFINED = 0,
  MN_FLOAT32 = 1,
  MN_FLOAT64 = 2,
  MN_FLOAT16 = 3,
  MN_BFLOAT16 = 4,
  MN_FLOAT8E4M3FN = 5,
  MN_FLOAT8E4M3FNUZ = 6,
  MN_FLOAT8E5M2 = 7,
  MN_FLOAT8E5M2FNUZ = 8,
  MN_FLOAT8E8M0 = 9,
  MN_FLOAT4E2M1 = 10,
  MN_INT8 = 11,
  MN_INT16 = 12,
  MN_INT32 = 13,
  MN_INT64 = 14,
  MN_UINT8 = 15,
  MN_UINT16 = 16,
  MN_UINT32 = 17,
  MN_UINT64 = 18,
  MN_INT4 = 19,
  MN_UINT4 = 20,
  MN_INT2 = 21,
  MN_UINT2 = 22,
  MN_BOOL = 23,   /* one byte, 0 or 1 */
  MN_STRING = 24, /* data points to mn_string */
  MN_COMPLEX64 = 25,
  MN_COMPLEX128 = 26
} mn_dtype;

typedef enum mn_kind MN_INT_ENUM { MN_NONE = 0, MN_TENSOR = 1, MN_SEQUENCE = 2, MN_OPTIONAL = 3 } mn_kind;
typedef enum mn_log_level MN_INT_ENUM {
  MN_LOG_ERROR = 0,
  MN_LOG_WARNING = 1,
  MN_LOG_INFO = 2,
  MN_LOG_DEBUG = 3
} mn_log_level;

typedef struct mn_model mn_model;
typedef struct mn_session mn_session;
typedef struct mn_value mn_value;         /* a tensor, a sequence or nothing; immutable */
typedef struct mn_operators mn_operators; /* a set of the application's own operators */
typedef struct mn_call mn_call;           /* one call of an own operator; valid during the callback */

typedef struct mn_string {
  const char* data; /* bytes, not ended by zero */
  size_t size;
} mn_string;

/* A view of a tensor: who owns `data` is said where views are given or taken. */
typedef struct mn_tensor {
  mn_dtype dtype;
  int32_t rank; /* 0 to MN_MAX_RANK */
  int64_t dims[MN_MAX_RANK];
  void* data;   /* may be null when there are no elements */
  size_t bytes; /* of data: elements * element size, for strings elements * sizeof(mn_string) */
} mn_tensor;

/* What a model declares about an input or output. Strings live as long as the model. */
typedef struct mn_port {
  const char* name;
  mn_kind kind;
  mn_dtype dtype;            /* of a tensor; MN_UNDEFINED: not known */
  int32_t rank;              /* of a tensor; -1: not known */
  int64_t dims[MN_MAX_RANK]; /* -1: known only when the model runs */
} mn_port;

/* ---- library
 * ---------------------------------------------------------------------------------------------------------- */

/* "0.1.0". Lives for ever. */
MN_API const char* mn_version(void);
/* The message of the last failed call on this thread, "" when there was none. Valid until the thread's next failing
 * call. */
MN_API const char* mn_last_error(void);
/* "bad input", "limit exceeded", … Lives for ever. */
MN_API const char* mn_status_name(mn_status status);
/* "float32", … Lives for ever. */
MN_API const char* mn_dtype_name(mn_dtype dtype);
/* Bytes one element takes in an mn_tensor; sizeof(mn_string) for strings, 0 for MN_UNDEFINED. */
MN_API size_t mn_dtype_bytes(mn_dtype dtype);

/* Receives log messages (without a line end), one call at a time, from any thread. */
typedef void (*mn_log_callback)(void* user, mn_log_level level, const char* message);
/* Process-wide. A null callback brings back standard error. Messages less severe than `level` are dropped. */
MN_API void mn_set_log(mn_log_callback callback, void* user, mn_log_level level);

/* ---- options
 * ---------------------------------------------------------------------------------------------------------- */

/* Told about a run: `fraction` of the main graph's nodes done, in [0, 1]; `what` names the node. Called on the thread
 * that runs. Anything but 0 cancels the run, which then returns MN_CANCELLED. */
typedef int (*mn_progress_callback)(void* user, double fraction, const char* what);

/* For mn_model_open and mn_session_create. Always start from mn_options_init. */
typedef struct mn_options {
  size_t struct_size; /* set by mn_options_init: newer libraries may have more fields */
  int64_t max_bytes;  /* tensors alive at once, bytes (default 8 GiB) */
  int64_t max_nodes;  /* of a graph, functions expanded (default 1,000,000) */
  int64_t max_depth;  /* nested subgraphs and messages (default 64) */
  int64_t max_steps;  /* node executions in one run (default 100,000,000) */
  double max_seconds; /* of one run; 0: no limit (default) */
  int32_t threads;    /* 1 to 256; 0: one for each hardware thread (default 1) */
  int32_t map;        /* not 0: map model files instead of reading them (they must not shrink meanwhile) */
  int32_t no_passes;  /* not 0: run the graph as it was imported */
  int32_t borrow;     /* not 0: mn_model_open_memory refers to the caller's bytes, which must outlive the model */
  uint64_t seed;      /* of random operators that have none of their own (default 0) */
  mn_progress_callback progress; /* may be null */
  void* progress_user;
  const mn_operators* operators; /* own operators, may be null; kept alive by the model */
} mn_options;

MN_API void mn_options_init(mn_options* options);

/* ---- models
 * ----------------------------------------------------------------------------------------------------------- */

/* Opens a model file (ONNX or .mng; told by its content). `options` may be null. Errors name the file, the node and the
 * cause. */
MN_API mn_status mn_model_open(const char* path, const mn_options* options, mn_model** model);
/* The same from memory. The bytes are copied unless options->borrow. `name` (may be null) stands for the file in
 * messages. External data is refused: there is no folder to read it from. */
MN_API mn_status mn_model_open_memory(const void* data, size_t size, const char* name, const mn_options* options,
                                      mn_model** model);
/* Adds an owner: one more mn_model_release is due. */
MN_API void mn_model_retain(mn_model* model);
MN_API void mn_model_release(mn_model* model);

MN_API int32_t mn_model_input_count(const mn_model* model);
MN_API int32_t mn_model_output_count(const mn_model* model);
/* Input or output number `index`. Fails with MN_UNSUPPORTED for more than MN_MAX_RANK dimensions. */
MN_API mn_status mn_model_input(const mn_model* model, int32_t index, mn_port* port);
MN_API mn_status mn_model_output(const mn_model* model, int32_t index, mn_port* port);
/* The index of an input or output by name; -1 when there is none (mn_last_error lists the names). */
MN_API int32_t mn_model_find_input(const mn_model* model, const char* name);
MN_API int32_t mn_model_find_output(const mn_model* model, const char* name);
/* Named states: values that a session keeps from run to run. */
MN_API int32_t mn_model_state_count(const mn_model* model);
/* Lives as long as the model; null when there is no such state. */
MN_API const char* mn_model_state_name(const mn_model* model, int32_t index);

/* ---- values
 * ----------------------------------------------------------------------------------------------------------- */

/* Copies the data. */
MN_API mn_status mn_value_from_tensor(const mn_tensor* tensor, mn_value** value);
/* A sequence of values (each is kept alive); `count` may be 0. */
MN_API mn_status mn_value_from_sequence(const mn_value* const* elements, size_t count, mn_value** value);
/* An absent optional. */
MN_API mn_status mn_value_none(mn_value** value);
MN_API void mn_value_release(mn_value* value);
MN_API mn_kind mn_value_kind(const mn_value* value);
/* Elements of a sequence, 0 for others. */
MN_API size_t mn_value_count(const mn_value* value);
/* Element `index` of a sequence, as a value of its own. */
MN_API mn_status mn_value_element(const mn_value* value, size_t index, mn_value** element);
/* A read-only view of a tensor value; valid as long as the value. */
MN_API mn_status mn_value_tensor(const mn_value* value, mn_tensor* view);

/* ---- sessions
 * --------------------------------------------------------------------------------------------------------- */

/* A session keeps its model alive. `options` may be null; limits, threads, seed and progress count. */
MN_API mn_status mn_session_create(const mn_model* model, const mn_options* options, mn_session** session);
/* A release while another thread runs the session cancels the run; the session goes when that call returns. */
MN_API void mn_session_release(mn_session* session);

/* Binds the caller's data to an input without copying it (strings are copied): it must stay valid and unchanged until
 * the input is bound anew or the session is released. dtype, rank and dims are checked here as far as the model
 * declares them. */
MN_API mn_status mn_session_set_input(mn_session* session, int32_t index, const mn_tensor* tensor);
/* The same with a value: for sequences and optionals. */
MN_API mn_status mn_session_set_input_value(mn_session* session, int32_t index, const mn_value* value);
/* Has an output written to the caller's buffer by each run; the run fails with MN_BAD_INPUT when the output needs another
 * number of bytes than `bytes`. A run that fails may leave anything in it. The buffer may be an input's memory, too. Not
 * for strings. A null buffer ends it. */
MN_API mn_status mn_session_set_output(mn_session* session, int32_t index, void* buffer, size_t bytes);
/* Runs the model on the bound inputs. All inputs that are not optional must be bound. */
MN_API mn_status mn_session_run(mn_session* session);
/* A read-only view of a tensor output of the last run, if that succeeded; valid until the next run or the release. It may
 * view the caller's buffer. */
MN_API mn_status mn_session_output(mn_session* session, int32_t index, mn_tensor* view);
/* Any output as a value of its own. */
MN_API mn_status mn_session_output_value(mn_session* session, int32_t index, mn_value** value);
/* Ends the run in progress with MN_CANCELLED. Does nothing when none is. Any thread. */
MN_API void mn_session_cancel(mn_session* session);

/* States by name. Setting checks dtype and dims against the model's. */
MN_API mn_status mn_session_get_state(mn_session* session, const char* name, mn_value** value);
MN_API mn_status mn_session_set_state(mn_session* session, const char* name, const mn_tensor* tensor);
/* Back to the model's initial values. */
MN_API mn_status mn_session_reset_states(mn_session* session);
/* All states to and from one file (safetensors). Saving writes the whole file or nothing. */
MN_API mn_status mn_session_save_states(mn_session* session, const char* path);
MN_API mn_status mn_session_load_states(mn_session* session, const char* path);

/* ---- own operators
 * ---------------------------------------------------------------------------------------------------- */

typedef enum mn_attribute_kind MN_INT_ENUM {
  MN_ATTRIBUTE_INT = 1,
  MN_ATTRIBUTE_FLOAT = 2,
  MN_ATTRIBUTE_STRING = 3,
  MN_ATTRIBUTE_INTS = 4,
  MN_ATTRIBUTE_FLOATS = 5
} mn_attribute_kind;

typedef struct mn_attribute {
  const char* name;
  mn_attribute_kind kind;
  int32_t required; /* not 0: a node without it is an error */
} mn_attribute;

/* Tells the types of the outputs: look at the inputs with mn_call_input_type (and mn_call_input, whose data is null
 * while a value is not known), set each output with mn_call_set_output_type. Called when a model is opened and before
 * each evaluation. Evaluates: reads the inputs, fills the outputs that mn_call_output gives (already allocated as infer
 * said; sizes that depend on data are asked for with mn_call_allocate_output). Both run on the thread of the caller, of
 * several sessions at once. They return MN_OK, or mn_call_fail(…). */
typedef mn_status (*mn_operator_callback)(mn_call* call, void* user);

typedef struct mn_operator {
  size_t struct_size; /* sizeof(mn_operator) */
  const char* domain; /* as in the ONNX file, for example "my.company" */
  const char* name;
  int32_t first_version; /* of the domain's operator set, usually 1 */
  int32_t last_version;  /* 0: any */
  int32_t min_inputs, max_inputs;
  int32_t min_outputs, max_outputs;
  const mn_attribute* attributes;
  size_t attribute_count;
  mn_operator_callback infer;
  mn_operator_callback evaluate;
  void* user;                  /* handed to the callbacks */
  void (*destroy)(void* user); /* called once when nothing needs the operator any more; may be null */
} mn_operator;

MN_API mn_status mn_operators_create(mn_operators** operators);
/* Adds one operator; all texts are copied. Not while models are opened with this set. When it fails, `destroy` is not
 * called. */
MN_API mn_status mn_operators_add(mn_operators* operators, const mn_operator* definition);
MN_API void mn_operators_release(mn_operators* operators);

MN_API int32_t mn_call_input_count(const mn_call* call);
MN_API int32_t mn_call_output_count(const mn_call* call);
/* The declared type of an input (name is null); kind MN_NONE when it is absent. */
MN_API mn_status mn_call_input_type(const mn_call* call, int32_t index, mn_port* type);
/* infer: dims may hold -1 for sizes known only when it runs; rank -1 for an unknown rank. */
MN_API mn_status mn_call_set_output_type(mn_call* call, int32_t index, mn_dtype dtype, int32_t rank,
                                         const int64_t* dims);
/* A read-only view of an input tensor, valid during the callback. */
MN_API mn_status mn_call_input(const mn_call* call, int32_t index, mn_tensor* view);
/* evaluate: a view whose data the callback fills. Not for strings. */
MN_API mn_status mn_call_output(mn_call* call, int32_t index, mn_tensor* view);
MN_API mn_status mn_call_allocate_output(mn_call* call, int32_t index, mn_dtype dtype, int32_t rank,
                                         const int64_t* dims, mn_tensor* view);
/* Attributes; `fallback` where the node has none. The string and arrays live during the callback. */
MN_API int64_t mn_call_int(const mn_call* call, const char* name, int64_t fallback);
MN_API double mn_call_float(const mn_call* call, const char* name, double fallback);
MN_API const char* mn_call_string(const mn_call* call, const char* name, const char* fallback);
MN_API const int64_t* mn_call_ints(const mn_call* call, const char* name, size_t* count);
MN_API const float* mn_call_floats(const mn_call* call, const char* name, size_t* count);
/* Sets the message of the error and returns `status` (MN_INTERNAL when that is MN_OK). */
MN_API mn_status mn_call_fail(mn_call* call, mn_status status, const char* message);

#ifdef __cplusplus
}
#endif

#endif
