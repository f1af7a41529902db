// Runs many test folders (model.onnx or model.tflite, tolerance.json, test_data_set_N) and prints what fails and why:
//   suite_runner [--list FILE] [--reference] [--no-fork] [--seconds S] FOLDER…
// A folder without a model stands for the test folders inside it, at any depth. Each test runs in a child process,
// so that one crash is one failure. The last line is "N passed, N failed"; --list writes {"name": "pass" or the
// reason}.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include <nlohmann/json.hpp>

#include "api/compare.h"
#include "api/model.h"
#include "api/session.h"
#include "api/test_data.h"
#include "base/guard.h"
#include "base/text.h"

namespace minnow {
namespace {

namespace fs = std::filesystem;

struct Settings {
  bool reference = false;
  bool fork = true;
  double seconds = 20;
  std::string list;
  std::vector<std::string> folders;
};

fs::path model_in(const fs::path& folder) {
  const fs::path onnx = folder / "model.onnx";
  return fs::exists(onnx) ? onnx : folder / "model.tflite";
}

Closeness read_tolerance(const fs::path& folder) {
  Closeness closeness;
  std::ifstream file(folder / "tolerance.json");
  if (!file) return closeness;
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return closeness;
  closeness.relative = json.value("rtol", closeness.relative);
  closeness.absolute = json.value("atol", closeness.absolute);
  return closeness;
}

Status run_test(const fs::path& folder, const Settings& settings) {
  OpenOptions open;
  open.limits.seconds = settings.seconds;
  open.optimize = !settings.reference;
  MN_ASSIGN(const std::shared_ptr<const Model> model, Model::open_file(model_in(folder).string(), open));
  SessionOptions options;
  options.limits = open.limits;
  options.kernels = !settings.reference;
  MN_ASSIGN(const std::unique_ptr<Session> session, Session::create(model, options));
  MN_ASSIGN(const std::vector<std::string> sets, list_data_sets(folder.string()));
  const Closeness closeness = read_tolerance(folder);
  for (const std::string& set : sets) {
    MN_ASSIGN(const DataSet data, read_data_set(set, model->graph(), open.limits));
    MN_ASSIGN(const std::vector<Datum> outputs, session->run(data.inputs));
    for (size_t i = 0; i < outputs.size(); ++i) {
      Closeness bound = closeness;
      // Two units in the last place, the bound that ONNX's own backend test runner sets for this type.
      if (data.outputs[i].tensor.dtype() == DType::bfloat16) bound.relative = std::max(bound.relative, 0x1p-6);
      const Difference difference = compare_values(outputs[i], data.outputs[i], bound);
      MN_CHECK(difference.close, "output ", i, ": ", difference.reason);
    }
  }
  return {};
}

std::string run_here(const fs::path& folder, const Settings& settings) {
  const Status status = guarded([&]() -> Status { return run_test(folder, settings); });
  return status.ok() ? "pass" : concat({to_string(status.error().code), ": ", status.error().message});
}

std::string run_in_child(const fs::path& folder, const Settings& settings) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) return "pipe failed";
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) return "fork failed";
  if (child == 0) {
    close(pipe_ends[0]);
    alarm(static_cast<unsigned>(settings.seconds) + 10);
    const std::string reason = run_here(folder, settings);
    const ssize_t written = write(pipe_ends[1], reason.data(), std::min<size_t>(reason.size(), 4000));
    _exit(written > 0 ? 0 : 1);
  }
  close(pipe_ends[1]);
  std::string reason;
  char buffer[4096];
  for (ssize_t count; (count = read(pipe_ends[0], buffer, sizeof buffer)) > 0;)
    reason.append(buffer, static_cast<size_t>(count));
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return concat({"crash: ", strsignal(WTERMSIG(status))});
  return reason.empty() ? "crash: no answer" : reason;
}

std::vector<fs::path> find_tests(const std::vector<std::string>& folders) {
  std::vector<fs::path> tests;
  for (const std::string& folder : folders) {
    if (fs::exists(model_in(folder))) {
      tests.emplace_back(folder);
      continue;
    }
    std::vector<fs::path> inside;
    std::error_code error;
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const fs::path name = it->path().filename();
      if (name == "model.onnx" || name == "model.tflite") inside.push_back(it->path().parent_path());
    }
    std::sort(inside.begin(), inside.end());
    tests.insert(tests.end(), inside.begin(), inside.end());
  }
  return tests;
}

bool parse_arguments(int argc, char** argv, Settings* settings) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--reference") settings->reference = true;
    else if (argument == "--no-fork") settings->fork = false;
    else if (argument == "--list" && i + 1 < argc) settings->list = argv[++i];
    else if (argument == "--seconds" && i + 1 < argc) settings->seconds = parse_double(argv[++i]).value_or(20);
    else if (starts_with(argument, "--")) return false;
    else settings->folders.emplace_back(argument);
  }
  return !settings->folders.empty();
}

}  // namespace

int suite_main(int argc, char** argv) {
  Settings settings;
  if (!parse_arguments(argc, argv, &settings)) {
    std::fprintf(stderr, "usage: suite_runner [--list FILE] [--reference] [--no-fork] [--seconds S] FOLDER...\n");
    return 2;
  }
  Registry::builtin();  // built once, before the children
  std::map<std::string, std::string> results;
  int passed = 0, failed = 0;
  for (const fs::path& folder : find_tests(settings.folders)) {
    const std::string reason = settings.fork ? run_in_child(folder, settings) : run_here(folder, settings);
    const std::string name = concat({folder.parent_path().filename().string(), "/", folder.filename().string()});
    results[name] = reason;
    ++(reason == "pass" ? passed : failed);
    if (reason != "pass") std::printf("FAIL %s: %s\n", name.c_str(), reason.c_str());
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  if (!settings.list.empty())
    std::ofstream(settings.list) << nlohmann::json(results).dump(1, ' ', false,
                                                                 nlohmann::json::error_handler_t::replace)
                                 << "\n";
  return failed == 0 ? 0 : 1;
}

}  // namespace minnow

int main(int argc, char** argv) { return minnow::suite_main(argc, argv); }
