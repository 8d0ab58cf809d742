// A folder with a socket in it, and what came of a call: for the tests of this folder.
#pragma once

#include "error.hpp"
#include "podman/rest_engine.hpp"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>

namespace miraclemax::podman {

class Folder {
public:
    Folder() {
        path_ = (std::filesystem::temp_directory_path() / "bad_podman_XXXXXX").string();
        if (mkdtemp(path_.data()) == nullptr)
            throw std::runtime_error("mkdtemp");
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::string socket() const { return path_ + "/sock"; }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

inline ConnectionOptions quick(const std::string& socket) {
    return {.socket = socket,
            .deadline = std::chrono::milliseconds{1000},
            .retry_for = std::chrono::milliseconds{100}};
}

struct Outcome {
    ExitCode code = ExitCode::ok;
    std::string message{};
    std::string remedy{};
};

inline Outcome outcome_of(const std::function<void()>& act) {
    try {
        act();
        return {};
    } catch (const Error& error) {
        return {error.code(), error.what(), error.remedy()};
    }
}

} // namespace miraclemax::podman
