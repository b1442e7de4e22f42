// SPDX-License-Identifier: Apache-2.0
// Which build of the library wrote a plan.
#pragma once

#include <string>

namespace weft::compiler {

/// Names this build of the library: the linker's build id of the file that
/// this code was loaded from. Plans of other builds are not read: their format
/// and their kernels may differ. Empty if the file carries none.
std::string buildId();

} // namespace weft::compiler
