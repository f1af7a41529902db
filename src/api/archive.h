// Reads single members out of package archives (zip for wheels, tar.gz for npm), with bounds: what a hostile archive
// says about sizes is never believed before it is checked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace minnow {

// The bytes of one regular member. Refuses encrypted members, links, absolute or ".." names, duplicate names, more than
// max_bytes unpacked, and more than 1,000 times the packed size (zip bombs).
Result<Bytes> read_zip_member(const Bytes& archive, std::string_view member, int64_t max_bytes);
Result<Bytes> read_tar_gz_member(const Bytes& archive, std::string_view member, int64_t max_bytes);

}  // namespace minnow
