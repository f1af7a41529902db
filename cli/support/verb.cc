#include "cli/support/verb.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/guard.h"
#include "base/log.h"
#include "cli/support/terminal.h"

namespace minnow::cli {

struct Arguments::Impl {
  CLI::App* app;
};

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_input:
    case ErrorCode::io: return kExitBadInput;
    case ErrorCode::unsupported: return kExitUnsupported;
    case ErrorCode::limit:
    case ErrorCode::out_of_memory: return kExitLimit;
    case ErrorCode::cancelled: return kExitInterrupted;
    case ErrorCode::internal: return kExitBadInput;
  }
  return kExitBadInput;
}

void Arguments::positional(const char* name, std::string* target, const char* help, bool required) {
  impl_.app->add_option(name, *target, help)->required(required);
}
void Arguments::positional(const char* name, std::vector<std::string>* target, const char* help, bool required) {
  impl_.app->add_option(name, *target, help)->required(required);
}
void Arguments::flag(const char* names, bool* target, const char* help) { impl_.app->add_flag(names, *target, help); }
void Arguments::option(const char* names, const char* value, std::string* target, const char* help) {
  impl_.app->add_option(names, *target, help)->type_name(value);
}
void Arguments::option(const char* names, const char* value, std::vector<std::string>* target, const char* help) {
  impl_.app->add_option(names, *target, help)
      ->type_name(value)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}
void Arguments::option(const char* names, const char* value, int64_t* target, const char* help) {
  impl_.app->add_option(names, *target, help)->type_name(value);
}
void Arguments::option(const char* names, const char* value, uint64_t* target, const char* help) {
  impl_.app->add_option(names, *target, help)->type_name(value);
}
void Arguments::option(const char* names, const char* value, double* target, const char* help) {
  impl_.app->add_option(names, *target, help)->type_name(value);
}

namespace {

void declare_common(Arguments& arguments, CommonFlags& common) {
  arguments.flag("--json", &common.json, "Results as JSON (stable keys: docs/cli.md)");
  arguments.option("-o,--output", "FILE", &common.output, "Write the results to FILE, whole or not at all");
  arguments.option("--threads", "N", &common.threads, "Threads; 0: one for each hardware thread (default 1)");
  arguments.option("--seed", "N", &common.seed, "Seed of everything random (default 0)");
  arguments.option("--max-bytes", "N", &common.limits.bytes, "Limit: bytes of tensors alive at once");
  arguments.option("--max-nodes", "N", &common.limits.nodes, "Limit: nodes of the graph");
  arguments.option("--max-depth", "N", &common.limits.depth, "Limit: nested subgraphs and messages");
  arguments.option("--max-steps", "N", &common.limits.steps, "Limit: node executions in one run");
  arguments.option("--max-seconds", "S", &common.limits.seconds, "Limit: seconds of one run; 0: none");
  arguments.flag("-q,--quiet", &common.quiet, "No progress bars and no warnings");
  arguments.flag("-v,--verbose", &common.verbose, "More messages on standard error");
}

int report_error(const CommonFlags& common, const Error& error) {
  std::fprintf(stderr, "minnow: error: %s\n", error.message.c_str());
  if (common.json) {
    const nlohmann::ordered_json json{
        {"error", {{"code", std::string(to_string(error.code))}, {"message", error.message}}}};
    (void)emit_text(common, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  return exit_code(error.code);
}

Status check_common(const CommonFlags& common) {
  const Limits& limits = common.limits;
  MN_CHECK(common.threads >= 0 && common.threads <= 256, "--threads: expected 0 to 256, got ",
           static_cast<long long>(common.threads));
  MN_CHECK(limits.bytes > 0 && limits.nodes > 0 && limits.depth > 0 && limits.steps > 0,
           "limits must be positive numbers");
  MN_CHECK(limits.seconds >= 0, "--max-seconds: expected 0 or more, got ", limits.seconds);
  return {};
}

int run_verb(Verb& verb) {
  set_log_level(verb.common.quiet ? LogLevel::error : verb.common.verbose ? LogLevel::debug : LogLevel::warning);
  Result<int> result = guarded([&]() -> Result<int> {
    MN_TRY(check_common(verb.common));
    return verb.run();
  });
  int code = result.ok() ? *result : report_error(verb.common, result.error());
  const int flushed = finish_output();
  return code == kExitOk ? flushed : code;
}

}  // namespace

int run_command_line(int argc, char** argv, const std::vector<VerbRow>& rows) {
  CLI::App app("minnow: run, check and convert neural networks", "minnow");
  app.set_version_flag("--version", "minnow " MINNOW_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 ok, 1 a gate failed, 2 bad input, 3 unsupported, 4 a limit was hit, 130 interrupted.");
  std::vector<std::unique_ptr<Verb>> verbs;
  Verb* chosen = nullptr;
  for (const VerbRow& row : rows) {
    Verb* verb = verbs.emplace_back(row.make()).get();
    CLI::App* sub = app.add_subcommand(row.name, verb->summary());
    Arguments::Impl impl{sub};
    Arguments arguments(impl);
    verb->declare(arguments);
    declare_common(arguments, verb->common);
    sub->footer(std::string("Example:\n  ") + verb->example());
    sub->callback([verb, &chosen] { chosen = verb; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    app.exit(error);
    return asked ? finish_output() : kExitBadInput;
  }
  return chosen != nullptr ? run_verb(*chosen) : kExitBadInput;
}

}  // namespace minnow::cli
