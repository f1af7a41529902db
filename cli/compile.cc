// minnow compile MODEL -o OUT.mnw: plans for given sizes, to be run by libminnow_rt.
#include "api/compile.h"

#include <algorithm>
#include <iterator>

#include "api/inspect.h"
#include "base/bytes.h"
#include "base/text.h"
#include "cli/support/json.h"
#include "cli/support/model_flags.h"
#include "kernels/kernel_row.h"

namespace minnow::cli {
namespace {

class Compile : public Verb {
 public:
  const char* summary() const override {
    return "Compile a model for given sizes into one file that the runtime opens";
  }
  const char* example() const override {
    return "minnow compile model.onnx --shape x=1,3,224,224 --isa avx2,generic -o model.mnw";
  }

  void declare(Arguments& arguments) override {
    model_.declare(arguments);
    arguments.option("--shape", "NAME=DIMS", &shapes_, "Dims of an input that the model leaves open (repeatable)");
    arguments.option("--isa", "LIST", &isas_,
                     "Instruction sets to plan for, the best first: avx512vnni, avx512, avx_vnni, avx2, generic; on "
                     "ARM i8mm, dotprod, neon, "
                     "generic (default: the best here)");
    arguments.flag("--runtime-only", &runtime_only_, "Leave the graph out: smaller, and only libminnow_rt opens it");
  }

  Result<int> run() override {
    MN_CHECK(ends_with(common.output, ".mnw"), "-o FILE: expected a name that ends in .mnw, got '",
             printable(common.output), "'");
    const std::string target = std::exchange(common.output, {});  // the report goes to standard output
    MN_ASSIGN(const std::shared_ptr<const Model> model, model_.open(common));
    MN_ASSIGN(const std::vector<Type> types, concrete_inputs(model->graph(), shapes_));
    CompileOptions options;
    options.threads = static_cast<int>(std::max<int64_t>(common.threads, 1));
    options.graph = !runtime_only_;
    MN_ASSIGN(options.isas, parse_isas());
    MN_ASSIGN(const Compiled compiled, compile_model(*model, types, options));
    MN_TRY(write_file_atomically(target, compiled.bytes));
    const auto bytes = static_cast<int64_t>(compiled.bytes.size());
    Json json{{"source", model_.path},
              {"target", target},
              {"bytes", bytes},
              {"steps", compiled.steps},
              {"arena_bytes", compiled.arena_bytes},
              {"threads", options.threads},
              {"isas", Json::array()}};
    for (Isa isa : options.isas) json["isas"].push_back(to_string(isa));
    MN_TRY(emit(common, json,
                concat({printable(target), ": ", human_bytes(bytes), ", ", compiled.steps, " steps, arena ",
                        human_bytes(compiled.arena_bytes), "\n"})));
    return kExitOk;
  }

 private:
  Result<std::vector<Isa>> parse_isas() const {
    if (isas_.empty()) return std::vector<Isa>{best_isa()};
    std::vector<Isa> isas;
    std::string names;
    for (Isa isa : kIsas) {
      if (isa_built(isa)) names += concat({names.empty() ? "" : ", ", to_string(isa)});
    }
    for (std::string_view name : split(isas_, ',')) {
      const auto isa = std::find_if(std::begin(kIsas), std::end(kIsas), [&](Isa i) { return name == to_string(i); });
      MN_CHECK(isa != std::end(kIsas) && isa_built(*isa), "--isa: expected one or several of ", names, "; got '",
               printable(name), "'");
      isas.push_back(*isa);
    }
    return isas;
  }

  ModelFlags model_;
  std::vector<std::string> shapes_;
  std::string isas_;
  bool runtime_only_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_compile() { return std::make_unique<Compile>(); }

}  // namespace minnow::cli
