// SPDX-License-Identifier: Apache-2.0
// OpenMP, which a library brings with it: how long its threads wait awake.
#pragma once

namespace weft::runtime {

/// Opens a library that runs on OpenMP's threads. If it is the first, they are
/// told to wait awake only for as long as waking one takes, unless the program
/// or the environment says something else; what the environment held is there
/// again afterwards. Null: dlerror() says why.
void *openWithOpenMp(const char *library);

} // namespace weft::runtime
