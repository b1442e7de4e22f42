// SPDX-License-Identifier: Apache-2.0
// A line for people who wait.
#pragma once

namespace weft::tools {

/// From now on a compilation that has taken a second says how far it is, if
/// standard error is a terminal. The line is gone when it has ended.
void showProgress();

} // namespace weft::tools
