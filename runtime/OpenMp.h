// SPDX-License-Identifier: Apache-2.0
// OpenMP, which a library brings with it: how long its threads wait awake, and
// whether this process has them.
#pragma once

namespace weft::runtime {

/// Opens a library that runs on OpenMP's threads. If it is the first, they are
/// told to wait awake only for as long as waking one takes, unless the program
/// or the environment says something else; what the environment held is there
/// again afterwards. Null: dlerror() says why.
void *openWithOpenMp(const char *library);

/// Where the functions of OpenMP that an open library calls are to be looked
/// up: the program's own come before those that the library brings.
void *openMpOf(void *library);

/// Whether the threads that OpenMP counts on may be those of the process that
/// this one was forked from: it would wait for them for good. Known once a
/// library is open.
bool isOpenMpOfParent();

} // namespace weft::runtime
