// minnow doctor: the processor, the build and the environment, for a bug report.
#include <cstdlib>

#include "base/cpu.h"
#include "base/text.h"
#include "base/threads.h"
#include "cli/support/json.h"
#include "cli/support/terminal.h"
#include "kernels/kernel_row.h"
#include "ops/registry.h"

namespace minnow::cli {
namespace {

std::vector<std::string> strings_of(const std::vector<std::string_view>& views) { return {views.begin(), views.end()}; }

#if defined(__clang__)
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "gcc " __VERSION__;
#endif

class Doctor : public Verb {
 public:
  const char* summary() const override { return "Processor features, build and environment"; }
  const char* example() const override { return "minnow doctor --json"; }
  void declare(Arguments&) override {}

  Result<int> run() override {
    std::vector<std::string> usable;
    for (Isa isa : kIsas) {
      if (isa_available(isa)) usable.emplace_back(to_string(isa));
    }
    const std::vector<std::string> features = strings_of(isa_names(cpu_features()));
    Json json{{"version", MINNOW_VERSION},
              {"compiler", kCompiler},
              {"build_type", MINNOW_BUILD_TYPE},
              {"cpu", cpu_brand()},
              {"hardware_threads", hardware_threads()},
              {"features", features},
              {"kernels", usable},
              {"operators", static_cast<int64_t>(Registry::builtin().all().size())}};
    std::vector<std::vector<std::string>> rows{{"minnow", MINNOW_VERSION},
                                               {"compiler", kCompiler},
                                               {"build type", MINNOW_BUILD_TYPE},
                                               {"processor", printable(cpu_brand())},
                                               {"hardware threads", concat({hardware_threads()})},
                                               {"features", join(features, " ")},
                                               {"kernels for", join(usable, " ")},
                                               {"operators", concat({Registry::builtin().all().size()})}};
    for (const char* name : {"MINNOW_ISA", "MINNOW_DATA", "MINNOW_CACHE", "NO_COLOR", "LANG"}) {
      const char* value = std::getenv(name);
      json["environment"][name] = value != nullptr ? Json(value) : Json();
      rows.push_back({name, value != nullptr ? printable(value) : "not set"});
    }
    MN_TRY(emit(common, json, table(rows)));
    return kExitOk;
  }
};

}  // namespace

std::unique_ptr<Verb> make_doctor() { return std::make_unique<Doctor>(); }

}  // namespace minnow::cli
