// minnow VERB MODEL [--flags]: the verbs are the sources beside this one.
#include "cli/support/terminal.h"
#include "cli/support/verb.h"

namespace minnow::cli {
#define MN_VERB(name) std::unique_ptr<Verb> make_##name();
#include "verb_list.inc"
#undef MN_VERB

int main(int argc, char** argv) {
  install_signal_handlers();
  const std::vector<VerbRow> verbs = {
#define MN_VERB(name) {#name, make_##name},
#include "verb_list.inc"
#undef MN_VERB
  };
  return run_command_line(argc, argv, verbs);
}

}  // namespace minnow::cli

int main(int argc, char** argv) { return minnow::cli::main(argc, argv); }
