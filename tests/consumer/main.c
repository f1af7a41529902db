/* The installed C interface: a network in text form, run on this program's own buffers. */
#include <minnow/minnow.h>
#include <stdio.h>
#include <string.h>

static const char kNetwork[] = "minnow graph 1\ninput %x: float32[n]\n%y = relu(%x)\noutput %y\n";

#define CHECK(call)                                   \
  if ((call) != MN_OK) {                              \
    fprintf(stderr, "%s: %s\n", #call, mn_last_error()); \
    return 1;                                         \
  }

int main(void) {
  float x[3] = {-1.0f, 2.0f, -3.0f}, y[3] = {9.0f, 9.0f, 9.0f};
  mn_model* model = NULL;
  mn_session* session = NULL;
  mn_tensor input = {MN_FLOAT32, 1, {3}, x, sizeof x};
  CHECK(mn_model_open_memory(kNetwork, strlen(kNetwork), "net.mng", NULL, &model));
  CHECK(mn_session_create(model, NULL, &session));
  CHECK(mn_session_set_input(session, 0, &input));
  CHECK(mn_session_set_output(session, 0, y, sizeof y));
  CHECK(mn_session_run(session));
  mn_session_release(session);
  mn_model_release(model);
  printf("%g %g %g\n", y[0], y[1], y[2]);
  return y[0] == 0.0f && y[1] == 2.0f && y[2] == 0.0f ? 0 : 1;
}
