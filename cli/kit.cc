// minnow kit TASK FILE: ready-made tasks. face: faces in a photograph.
#include <algorithm>

#include "api/catalogue.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/support/json.h"
#include "cli/support/model_flags.h"
#include "cli/support/profiling.h"
#include "cli/support/terminal.h"
#include "insight/kinds.h"
#include "kit/vision/draw.h"
#include "kit/vision/face_detector.h"
#include "plan/memory_map.h"
#include "report/block_map.h"
#include "report/page.h"

namespace minnow::cli {
namespace {

using kit::Detection;
using kit::FaceDetector;

constexpr int kTimedRuns = 20;

class Kit : public Verb {
 public:
  const char* summary() const override { return "Ready-made tasks: face (faces and their six key points)"; }
  const char* example() const override { return "minnow kit face photo.jpg --picture faces.png --html faces.html"; }

  void declare(Arguments& arguments) override {
    arguments.positional("TASK", &task_, "face");
    arguments.positional("FILE", &file_, "The photograph (PNG, JPEG or BMP)");
    arguments.option("--model", "NAME|FILE", &model_,
                     "Model of the catalogue or file (default blazeface-short; blazeface-full sees farther)");
    arguments.option("--picture", "FILE.png", &picture_file_, "Write the photograph with what was found");
    arguments.option("--html", "FILE", &html_file_, "Write a page: the picture, the time and the memory it took");
    flags_.declare_open(arguments);
  }

  Result<int> run() override {
    if (task_ != "face") return bad_input({"unknown task '", printable(task_), "': there is face"});
    MN_ASSIGN(const std::string path, model_path());
    MN_ASSIGN(const std::shared_ptr<const Model> model, flags_.open(common, path));
    SessionOptions options;
    options.limits = common.limits;
    options.threads = static_cast<int>(common.threads);
    MN_ASSIGN(FaceDetector detector, FaceDetector::create(model, options));
    MN_ASSIGN(const Bytes bytes, read_file(file_, int64_t{1} << 30));
    MN_ASSIGN(Picture picture, decode_picture(bytes, file_));
    MN_ASSIGN(const std::vector<Detection> faces, detector.detect(picture));
    MN_ASSIGN(const double median_ms, time(detector, picture));
    MN_TRY(emit(common, json(faces, picture, median_ms), text(faces, picture, median_ms)));
    kit::draw_detections(picture, faces);
    if (!picture_file_.empty()) {
      MN_ASSIGN(const std::string png, encode_png(picture));
      MN_TRY(write_file_atomically(picture_file_, png));
    }
    if (!html_file_.empty()) {
      MN_ASSIGN(const std::string html, page(detector, picture, faces, median_ms));
      MN_TRY(write_file_atomically(html_file_, html));
    }
    return kExitOk;
  }

 private:
  Result<std::string> model_path() const {
    const CatalogueModel* known = builtin_catalogue().find(model_);
    if (known == nullptr) return model_;
    Result<std::string> path = find_model_file(*known, known->files[0]);
    if (!path.ok()) return std::move(path.error()).in(concat({"fetch it with `minnow models get ", known->name, "`"}));
    return path;
  }

  static Result<double> time(FaceDetector& detector, const Picture& picture) {
    std::vector<double> times;
    for (int i = 0; i < kTimedRuns; ++i) {
      const Stopwatch watch;
      MN_TRY(detector.detect(picture));
      times.push_back(watch.elapsed_ms());
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
  }

  static Json json(const std::vector<Detection>& faces, const Picture& picture, double median_ms) {
    Json result{
        {"width", picture.width}, {"height", picture.height}, {"median_ms", median_ms}, {"faces", Json::array()}};
    for (const Detection& face : faces) {
      Json points = Json::object();
      for (size_t p = 0; p < face.points.size(); ++p)
        points[std::string(kit::kFacePoints[p])] = {face.points[p].x, face.points[p].y};
      result["faces"].push_back({{"score", face.score},
                                 {"left", face.box.left},
                                 {"top", face.box.top},
                                 {"width", face.box.width},
                                 {"height", face.box.height},
                                 {"points", points}});
    }
    return result;
  }

  static std::vector<std::vector<std::string>> rows(const std::vector<Detection>& faces, const Picture& picture) {
    const auto at = [&](float x, float y) {
      return concat({static_cast<int64_t>(x * static_cast<float>(picture.width)), ", ",
                     static_cast<int64_t>(y * static_cast<float>(picture.height))});
    };
    std::vector<std::vector<std::string>> rows{
        {"face", "score", "left, top", "width, height", "right eye", "left eye"}};
    for (const Detection& face : faces) {
      rows.push_back({concat({rows.size()}), fixed(static_cast<double>(face.score), 3), at(face.box.left, face.box.top),
                      at(face.box.width, face.box.height), at(face.points[0].x, face.points[0].y),
                      at(face.points[1].x, face.points[1].y)});
    }
    return rows;
  }

  static std::string summary_of(size_t faces, const Picture& picture, double median_ms) {
    return concat({faces, faces == 1 ? " face" : " faces", " in ", picture.width, " x ", picture.height,
                   " pixels; detection takes ", fixed(median_ms, 3), " ms (median of ", kTimedRuns, ")"});
  }

  static std::string text(const std::vector<Detection>& faces, const Picture& picture, double median_ms) {
    const std::string summary = summary_of(faces.size(), picture, median_ms) + "\n";
    return faces.empty() ? summary : table(rows(faces, picture), {true, true, true, true, true, true}) + summary;
  }

  Result<std::string> page(FaceDetector& detector, const Picture& marked, const std::vector<Detection>& faces,
                           double median_ms) const {
    constexpr int64_t kShownWidth = 900;
    const int64_t width = std::min(marked.width, kShownWidth);
    MN_ASSIGN(
        const std::string png,
        encode_png(width == marked.width
                       ? marked
                       : resize_picture(marked, width, std::max<int64_t>(1, marked.height * width / marked.width))));
    std::vector<PageSection> sections{
        {"Faces", html_picture("image/png", png, static_cast<int>(width)) + html_table(rows(faces, marked))},
        {"Time", html_text(summary_of(faces.size(), marked, median_ms))}};
    MN_ASSIGN(const kit::LetterboxedTensor input, detector.input(marked));
    MN_ASSIGN(const Profile profile,
              profile_session(common, detector.session(), std::vector<Datum>{input.tensor}, kTimedRuns, nullptr));
    FlameOptions flame;
    flame.unit = FlameUnit::nanoseconds;
    flame.coloring = FlameColoring::kind;
    flame.kinds = operator_kinds();
    flame.kind_of = operator_kind;
    flame.title = concat({profile.model, ": the network alone"});
    MN_ASSIGN(const std::string flame_picture, flame_svg(profile_stacks(profile, ProfileBy::time), flame));
    sections[1].html += html_frame(flame_picture, 260);
    const Type type = Type::of(input.tensor);
    const Model& model = detector.session().model();
    PlanOptions options;
    options.threads = detector.session().threads();
    if (const auto lowered = model.lowering().lower(std::span(&type, 1), options)) {
      std::vector<MapBlock> blocks;
      for (const MemoryBlock& block : memory_map(lowered->plan))
        blocks.push_back({block.name, block.offset, block.bytes, block.first, block.last, block.scratch});
      sections.push_back(
          {"Memory",
           html_frame(block_map_svg(concat({model.name(), ": ", human_bytes(lowered->plan.arena_bytes)}), blocks,
                                    static_cast<int32_t>(lowered->plan.steps.size()), lowered->plan.arena_bytes),
                      640)});
    }
    return html_page(concat({"Faces in ", printable(file_name_of(file_))}), sections);
  }

  ModelFlags flags_;
  std::string task_, file_, model_ = "blazeface-short", picture_file_, html_file_;
};

}  // namespace

std::unique_ptr<Verb> make_kit() { return std::make_unique<Kit>(); }

}  // namespace minnow::cli
