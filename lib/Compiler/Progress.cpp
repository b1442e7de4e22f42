// SPDX-License-Identifier: Apache-2.0
#include "Progress.h"

namespace weft::compiler {

static Progress &callback() {
  static auto *progress = new Progress; // never destroyed
  return *progress;
}

void setProgress(Progress progress) { callback() = std::move(progress); }

ProgressCount::ProgressCount(Activity activity, int64_t total)
    : activity_(activity), total_(total) {
  if (callback() && total_ > 0)
    callback()(activity_, 0, total_);
}

ProgressCount::~ProgressCount() {
  // After an error not all is done, but nothing more will be.
  if (callback() && done_ < total_)
    callback()(activity_, total_, total_);
}

void ProgressCount::addDone() {
  int64_t done = ++done_;
  if (callback())
    callback()(activity_, done, total_);
}

} // namespace weft::compiler
