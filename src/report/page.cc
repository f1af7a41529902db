#include "report/page.h"

#include <span>

#include "base/result.h"
#include "base/text.h"
#include "report/escape.h"

namespace minnow {
namespace {

std::string data_uri(std::string_view mime, std::string_view bytes) {
  return concat({"data:", mime, ";base64,", base64_encode(std::as_bytes(std::span(bytes)))});
}

}  // namespace

std::string html_page(std::string_view title, const std::vector<PageSection>& sections) {
  std::string page = concat(
      {"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>", escape_xml(title),
       "</title>\n<style>body{font-family:sans-serif;margin:24px;max-width:1240px}table{border-collapse:collapse}"
       "td,th{padding:3px 12px;text-align:left;border-bottom:1px solid #ddd}iframe{width:100%;border:1px solid #ddd}"
       "img{max-width:100%}</style></head>\n<body><h1>",
       escape_xml(title), "</h1>\n"});
  for (const PageSection& section : sections)
    page += concat({"<h2>", escape_xml(section.heading), "</h2>\n", section.html, "\n"});
  return page + "</body></html>\n";
}

std::string html_text(std::string_view text) { return concat({"<p>", escape_xml(text), "</p>"}); }

std::string html_table(const std::vector<std::vector<std::string>>& rows) {
  std::string html = "<table>\n";
  for (size_t r = 0; r < rows.size(); ++r) {
    const char* cell = r == 0 ? "th" : "td";
    html += "<tr>";
    for (const std::string& text : rows[r]) html += concat({"<", cell, ">", escape_xml(text), "</", cell, ">"});
    html += "</tr>\n";
  }
  return html + "</table>";
}

std::string html_picture(std::string_view mime, std::string_view bytes, int width) {
  return concat({"<img width=\"", width, "\" alt=\"\" src=\"", data_uri(mime, bytes), "\">"});
}

std::string html_frame(std::string_view svg, int height) {
  return concat({"<iframe height=\"", height, "\" src=\"", data_uri("image/svg+xml", svg), "\"></iframe>"});
}

}  // namespace minnow
