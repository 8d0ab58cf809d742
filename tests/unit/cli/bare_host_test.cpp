// A recovery's first steps: the backups' disk is read-only, and podman may not be there.
#include "cli/command_line.hpp"

#include "error.hpp"
#include "fakes/fake_engine.hpp"
#include "podman/rest_engine.hpp"
#include "unit/openpgp/keyring.hpp"
#include "unit/store/scratch.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

namespace miraclemax::cli {
namespace {

namespace fs = std::filesystem;
using openpgp::testing::Keyring;
using test::content;
using testing::HasSubstr;

class BareHost : public testing::Test {
protected:
    BareHost() {
        fs::create_directory(root / "backups");
        test::put(root / "volumes/data/_data/file", "content");
        const auto key = keys.make_key("recipient");
        test::put(root / "key.asc", keys.gpg("--armor --export " + key));
        test::put(root / "key.sec", keys.gpg("--export-secret-keys " + key));
        composition.load = [this](const std::string&) -> cli::Setup {
            return {.settings = {.instance = "test",
                                 .backups = root / "backups",
                                 .state = root / "state",
                                 .program = MIRACLEMAX_PROGRAM,
                                 .key_files = {root / "key.asc"},
                                 .tiers = tiers},
                    .socket = ""};
        };
        composition.connect = [this](const std::string&) -> std::unique_ptr<podman::Engine> {
            if (!has_podman)
                throw Error(ExitCode::podman, "podman's socket was not found");
            auto engine = std::make_unique<fakes::FakeEngine>();
            engine->add_volume({.name = "data",
                                .mountpoint = root / "volumes/data/_data",
                                .labels = {{"miraclemax.backup", "true"}}});
            return engine;
        };
        composition.connect_on_use = [](const std::string&) {
            return podman::connect_on_use({.socket = "/nowhere/podman.sock"});
        };
        composition.self_id = [] { return std::nullopt; };
        EXPECT_EQ(run({"backup"}), 0);
    }

    int run(std::vector<std::string> words) {
        words.insert(words.begin(), "miraclemax");
        std::vector<char*> argv;
        for (auto& word : words)
            argv.push_back(word.data());
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int code = command_line(static_cast<int>(argv.size()), argv.data(), composition);
        said = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
        return code;
    }
    // With the backup folder mounted read-only.
    void on_read_only(const std::function<void()>& act) {
        const int result = test::in_child([&] {
            if (!test::make_read_only(root / "backups"))
                return 77;
            act();
            return HasFailure() ? 1 : 0;
        });
        if (test::exited(result, 77))
            GTEST_SKIP() << "no right to mount";
        EXPECT_TRUE(test::exited(result, 0));
    }
    [[nodiscard]] std::string open_deeply() const { return "--key=" + (root / "key.sec").string(); }

    test::Scratch root;
    Keyring keys;
    Composition composition;
    std::vector<run::Tier> tiers;
    bool has_podman = true;
    std::string said;
};

TEST_F(BareHost, VerifyDeepNeedsNoPodman) {
    has_podman = false;
    EXPECT_EQ(run({"verify", "--deep", open_deeply()}), 0) << said;
    EXPECT_THAT(said, HasSubstr("opened and compared"));
    composition.self_id = [] { return std::string(64, 'a'); }; // a sidecar's workers are containers
    EXPECT_EQ(run({"verify", "--deep", open_deeply()}), 7);
}

// The program itself, whose workers are its own children.
TEST_F(BareHost, TheProgramVerifiesDeeplyWhereThereIsNoSocket) {
    std::ostringstream mounts;
    mounts << std::ifstream("/proc/self/mountinfo").rdbuf();
    if (podman::own_container_id(mounts.str()))
        GTEST_SKIP() << "within a container of podman's";
    for (const char* socket : {"", "/nowhere/podman.sock"}) {
        const auto command = fmt::format(
            "env CONTAINER_HOST= XDG_RUNTIME_DIR=/nowhere MIRACLEMAX_PODMAN_SOCKET={} "
            "MIRACLEMAX_BACKUP_FOLDER={} MIRACLEMAX_STATE_FOLDER={} {} verify --deep --key {} >{} 2>&1",
            socket, (root / "backups").string(), (root / "state").string(), MIRACLEMAX_PROGRAM,
            (root / "key.sec").string(), (root / "said").string());
        EXPECT_EQ(std::system(command.c_str()), 0) << content(root / "said");
    }
}

TEST_F(BareHost, AReadOnlyFolderIsListedShownAndVerified) {
    on_read_only([&] {
        EXPECT_EQ(run({"list"}), 0) << said;
        EXPECT_THAT(said, HasSubstr("1 component"));
        EXPECT_EQ(run({"show"}), 0) << said;
        EXPECT_EQ(run({"verify", "--all"}), 0) << said;
        EXPECT_EQ(run({"verify", "--deep", open_deeply()}), 0) << said;
    });
}

TEST_F(BareHost, AReadOnlyFolderIsRestoredFrom) {
    const auto file = root / "volumes/data/_data/file";
    on_read_only([&] {
        test::put(file, "lost");
        EXPECT_EQ(run({"restore", "--latest", "--dry-run", open_deeply()}), 0) << said;
        EXPECT_EQ(content(file), "lost");
        EXPECT_EQ(run({"restore", "--latest", "--force", open_deeply()}), 0) << said;
        EXPECT_EQ(content(file), "content");
        EXPECT_EQ(run({"restore", "--undo", "--force"}), 0) << said;
        EXPECT_EQ(content(file), "lost");
    });
}

TEST_F(BareHost, WhatWritesToAReadOnlyFolderIsRefused) {
    on_read_only([&] {
        for (const std::vector<std::string>& words :
             {std::vector<std::string>{"backup"}, {"prune"}, {"keep", "latest"}}) {
            EXPECT_EQ(run(words), 9) << words.front();
            EXPECT_THAT(said, HasSubstr("Read-only file system"));
        }
    });
}

TEST_F(BareHost, ASecondPlaceIsSetUpOnceAndFilled) {
    has_podman = false;
    EXPECT_EQ(run({"replicate"}), 2);
    tiers = {{.name = "nas", .folder = root / "nas"}};
    fs::create_directory(root / "nas");
    EXPECT_EQ(run({"replicate"}), 9);
    EXPECT_THAT(said, HasSubstr("nas: FAILED: " + (root / "nas").string() + " has no mark of a tier"));
    EXPECT_TRUE(fs::is_empty(root / "nas"));
    EXPECT_EQ(run({"replicate", "--init", "--dry-run"}), 2);
    EXPECT_EQ(run({"replicate", "--init"}), 0);
    EXPECT_THAT(said, HasSubstr("the same file system as"));
    EXPECT_EQ(run({"replicate", "--dry-run"}), 0);
    EXPECT_THAT(said, HasSubstr("nas: would copy "));
    EXPECT_EQ(run({"replicate", "--json", "--tier", "nas"}), 0);
    EXPECT_THAT(said, HasSubstr("\"exit_code\": 0"));
    EXPECT_EQ(run({"replicate"}), 0);
    EXPECT_THAT(said, HasSubstr("nas: 0 backups copied, 0 B; it holds 1 backup, "));
    EXPECT_EQ(run({"replicate", "--tier", "tape"}), 2);
}

} // namespace
} // namespace miraclemax::cli
