// What the tests of streams share: a folder that goes away, running a stock tool, bytes to try.
#pragma once

#include "stream/stream.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>

namespace miraclemax::stream::testing {

class Scratch {
public:
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "mm-stream-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline Bytes bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string content_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline int run(const std::string& command) {
    return std::system(command.c_str());
}

// Half text, half noise, different in every block.
inline std::string mixture(std::size_t size) {
    std::mt19937_64 random(size);
    std::string text;
    text.reserve(size + 64);
    while (text.size() < size) {
        if ((text.size() >> 16U) % 2 == 0) {
            text += "line " + std::to_string(text.size()) + " of a log that repeats itself\n";
        } else {
            const std::uint64_t noise = random();
            text.append(reinterpret_cast<const char*>(&noise), sizeof noise);
        }
    }
    text.resize(size);
    return text;
}

// Writes in pieces of odd sizes, as tar does not, to meet every edge.
inline void feed(Sink& sink, const std::string& text, std::size_t piece = 77777) {
    for (std::size_t at = 0; at < text.size(); at += piece) {
        sink.write(bytes_of(text).subspan(at, std::min(piece, text.size() - at)));
    }
}

} // namespace miraclemax::stream::testing
