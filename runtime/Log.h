// SPDX-License-Identifier: Apache-2.0
// Messages to the user: a callback, standard error by default.
#pragma once

#include "weft/Runtime.h"

#include <chrono>
#include <string>
#include <string_view>

namespace weft::runtime {

/// Whether a message of this level goes anywhere: ask before building one.
bool logEnabled(LogLevel level);

/// `12.3 ms`, for messages.
std::string millisecondsSince(std::chrono::steady_clock::time_point start);

/// Hands `line` to the callback if the level is enabled.
void log(LogLevel level, std::string_view line);

} // namespace weft::runtime
