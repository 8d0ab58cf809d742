// A configuration written into a folder of its own, and loaded with variables that a test sets.
#pragma once

#include "config/config.hpp"
#include "error.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace miraclemax::config {

class WrittenConfig : public testing::Test {
protected:
    WrittenConfig() {
        std::string name = (std::filesystem::temp_directory_path() / "config-test-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~WrittenConfig() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    std::string write(const std::string& name, const std::string& content) {
        std::ofstream(folder_ / name, std::ios::binary) << content;
        return (folder_ / name).string();
    }
    Config load(const std::string& yaml) {
        std::vector<std::string> names;
        for (const auto& [name, value] : variables_)
            names.push_back(name);
        return load_config(
            write("config.yml", yaml),
            [this](const std::string& name) {
                const auto found = variables_.find(name);
                return found == variables_.end() ? std::nullopt : std::optional(found->second);
            },
            names);
    }
    std::string problems(const std::string& yaml) {
        try {
            (void)load(yaml);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::config);
            return error.what();
        }
        return "none";
    }

    std::filesystem::path folder_;
    std::map<std::string, std::string> variables_;
};

} // namespace miraclemax::config
