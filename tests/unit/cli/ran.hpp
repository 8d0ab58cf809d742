// A command line that is run in this process: what it answers and says.
#pragma once

#include "cli/command_line.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace miraclemax::cli {

struct Ran {
    int code;
    std::string out, err;
};

// The words from the program's name on.
inline Ran ran(std::vector<std::string> words, const Composition& composition) {
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = command_line(static_cast<int>(argv.size()), argv.data(), composition);
    return {.code = code,
            .out = testing::internal::GetCapturedStdout(),
            .err = testing::internal::GetCapturedStderr()};
}

} // namespace miraclemax::cli
