// A host that is a folder, and programs that are written down instead of run.
#pragma once

#include "installation/installation.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

namespace miraclemax::installation::testing {

namespace fs = std::filesystem;

class FakeOutside : public Outside {
public:
    Answer run(const std::vector<std::string>& words) override {
        ran.push_back(spelled(words));
        const auto found = answers.find(ran.back());
        return found == answers.end() ? standard : found->second;
    }
    std::vector<std::string> ran;
    std::map<std::string, Answer> answers;
    Answer standard{};
};

class Scene : public ::testing::Test {
protected:
    Scene() {
        char form[] = "/tmp/mmin-XXXXXX";
        root = ::mkdtemp(form);
        host.systemd = true;
        host.quadlet = true;
        host.image = true;
        wish.example_config =
            "instance: miraclemax\n\nbackup:\n  # Where.\n  folder: /backups\n\nstate:\n"
            "  folder: /var/lib/miraclemax\n\nencryption:\n  keys: [/keys]\n  default: optional\n";
        wish.private_key_out = root / "private.asc";
        wish.without_key = true;
        wish.signing_key = false;
    }
    ~Scene() override { fs::remove_all(root); }

    [[nodiscard]] Installation installation() { return {make_plan(host, wish), root, outside}; }
    Made install(const std::string& passphrase = "") {
        return installation().carry_out(passphrase, [this](const std::string& line) { said += line + "\n"; });
    }
    bool undo() {
        const auto at = places(host, wish);
        const auto record = read_record(real(at.record()));
        EXPECT_TRUE(record.has_value());
        return uninstall(root, at, *record, outside,
                         [this](const std::string& line) { said += line + "\n"; });
    }
    [[nodiscard]] fs::path real(const fs::path& path) const { return root / path.relative_path(); }
    [[nodiscard]] std::string content(const fs::path& path) const {
        std::ostringstream text;
        text << std::ifstream(real(path)).rdbuf();
        return text.str();
    }
    void write(const fs::path& path, const std::string& text) const {
        fs::create_directories(real(path).parent_path());
        std::ofstream(real(path)) << text;
    }
    [[nodiscard]] mode_t mode(const fs::path& path) const {
        struct stat status {};
        return ::lstat(real(path).c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
    }
    // Everything below the root, by path.
    [[nodiscard]] std::vector<std::string> tree() const {
        std::vector<std::string> paths;
        for (const auto& entry : fs::recursive_directory_iterator(root))
            paths.push_back(entry.path().string().substr(root.string().size()));
        std::sort(paths.begin(), paths.end());
        return paths;
    }

    fs::path root;
    Host host;
    Wish wish;
    FakeOutside outside;
    std::string said;
};

// Runs a command of the test by sh; its output.
inline std::string output_of(const std::string& command, int& status) {
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::string output;
    char buffer[4096];
    while (const auto count = std::fread(buffer, 1, sizeof buffer, pipe))
        output.append(buffer, count);
    status = ::pclose(pipe);
    return output;
}

} // namespace miraclemax::installation::testing
