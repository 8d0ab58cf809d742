// A recovery's first steps: the backups' disk is read-only, and podman may not be there.
#include "unit/cli/bare_host.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

namespace miraclemax::cli {
namespace {

using test::content;
using testing::HasSubstr;
using testing::Not;

TEST_F(BareHost, VerifyDeepNeedsNoPodman) {
    has_podman = false;
    EXPECT_EQ(run({"verify", "--deep", open_deeply()}), 0) << said;
    EXPECT_THAT(said, HasSubstr("opened and compared"));
    composition.self_id = [] { return std::string(64, 'a'); }; // a sidecar's workers are containers
    EXPECT_EQ(run({"verify", "--deep", open_deeply()}), 7);
}

TEST_F(BareHost, ARestoreIsProvenWithoutPodman) {
    const std::vector<std::string> latest{"restore", "--latest", "--verify-only"};
    const std::vector<std::string> with_key{"restore", "--latest", "--verify-only", open_deeply()};
    has_podman = false;
    EXPECT_EQ(run(with_key), 0) << said;
    EXPECT_THAT(said, HasSubstr("no container is looked for or stopped: podman's socket was not found\n"));
    EXPECT_THAT(said, Not(HasSubstr("uses it")));
    EXPECT_THAT(said, Not(HasSubstr("new volume")));
    EXPECT_THAT(said, HasSubstr("everything could be restored: nothing was changed"));
    EXPECT_EQ(run({"restore", "--from-backup", "latest", "--verify-only", "--component", "data", "--json",
                   open_deeply()}),
              0)
        << said;
    EXPECT_THAT(said, HasSubstr("\"no_podman\":\"podman's socket was not found\""));
    EXPECT_EQ(run(latest), 8) << said;
    EXPECT_EQ(run({"restore", "--latest", "--verify-only", "--component", "other", open_deeply()}), 11);
    const auto archive = root / "backups/latest/volumes/data.tar.gz.gpg";
    const auto whole = content(archive);
    test::put(archive, whole.substr(1));
    EXPECT_EQ(run(with_key), 13) << said;
    test::put(archive, whole);
    composition.self_id = [] { return std::string(64, 'a'); };
    EXPECT_EQ(run(with_key), 7);
}

TEST_F(BareHost, AFolderIsRestoredToWithoutPodman) {
    const auto to = "--to=" + (root / "rescue").string();
    const auto file = root / "rescue/data/file";
    has_podman = false;
    EXPECT_EQ(run({"restore", "--latest", "--dry-run", to, open_deeply()}), 0) << said;
    EXPECT_FALSE(fs::exists(root / "rescue"));
    EXPECT_EQ(run({"restore", "--latest", "--force", to, open_deeply()}), 0) << said;
    EXPECT_THAT(said, HasSubstr("no container is looked for or stopped: podman's socket was not found\n"));
    EXPECT_EQ(content(file), "content");
    test::put(file, "touched");
    EXPECT_EQ(run({"restore", "--latest", "--path=file", "--component=data", "--force", to, open_deeply()}),
              0)
        << said;
    EXPECT_EQ(content(file), "content");
    composition.self_id = [] { return std::string(64, 'a'); };
    EXPECT_EQ(run({"restore", "--latest", "--force", to, open_deeply()}), 7);
}

TEST_F(BareHost, EverythingElseOfARestoreNeedsPodman) {
    has_podman = false;
    for (const std::vector<std::string>& words : {std::vector<std::string>{"--latest", "--force"},
                                                  {"--latest", "--dry-run"},
                                                  {"--latest", "--verify-only", "--in-place"},
                                                  {"--latest", "--component=data", "--into=new", "--force"},
                                                  {"--undo", "--force"},
                                                  {"--discard-old", "--force"}}) {
        auto all = words;
        all.insert(all.begin(), "restore");
        all.push_back(open_deeply());
        EXPECT_EQ(run(all), 7) << said;
        EXPECT_THAT(said, HasSubstr("podman's socket was not found"));
    }
}

TEST_F(BareHost, APodmanThatAnswersWithAnErrorIsThere) {
    podman_is_ill = true;
    EXPECT_EQ(run({"restore", "--latest", "--verify-only", open_deeply()}), 7);
    EXPECT_EQ(run({"restore", "--latest", "--force", "--to=" + (root / "rescue").string(), open_deeply()}),
              7);
    EXPECT_FALSE(fs::exists(root / "rescue"));
}

// What a dead run left waits for podman, and nothing is laid over it.
TEST_F(BareHost, WhatADeadRunLeftIsKeptWithoutPodman) {
    const auto setup = composition.load("");
    run::RestoreRecords records(setup.settings);
    const auto keep = [&](run::RestoredComponent one, run::RestoredComponent other) {
        records.keep({.run = "20251016-030000-2-000001", .at = "", .components = {one, other}});
    };
    const run::RestoredComponent moving{.component = "web",
                                        .backup = "20251016_030000",
                                        .volume = "web-data",
                                        .volume_created_at = "then",
                                        .path = "/srv/web",
                                        .step = run::Step::swapping,
                                        .group = "web"};
    run::RestoredComponent folder{.component = "data",
                                  .backup = "20251016_030000",
                                  .volume = {},
                                  .volume_created_at = {},
                                  .path = root / "rescue/data",
                                  .step = run::Step::swapped,
                                  .group = "web"};
    keep(moving, folder);
    const auto left = content(setup.settings.restores() / "20251016-030000-2-000001.json");
    has_podman = false;
    const auto into = [&](const char* name) {
        return run({"restore", "--latest", "--force", "--to=" + (root / name).string(), open_deeply()});
    };
    EXPECT_EQ(into("rescue"), 10) << said;
    EXPECT_THAT(said, HasSubstr("restore into another folder"));
    EXPECT_FALSE(fs::exists(root / "rescue/data"));
    EXPECT_EQ(into("other"), 0) << said;
    EXPECT_EQ(content(root / "other/data/file"), "content");
    EXPECT_EQ(content(setup.settings.restores() / "20251016-030000-2-000001.json"), left);
}

// The program itself, whose workers are its own children.
TEST_F(BareHost, TheProgramNeedsNoSocketToOpenArchives) {
    std::ostringstream mounts;
    mounts << std::ifstream("/proc/self/mountinfo").rdbuf();
    if (podman::own_container_id(mounts.str()))
        GTEST_SKIP() << "within a container of podman's";
    int number = 0;
    for (const std::string socket : {"", "/nowhere/podman.sock", "/dev/null"}) {
        const auto rescue = root / fmt::format("rescue-{}", ++number);
        for (const auto& words : {std::string("verify --deep"), std::string("restore --latest --verify-only"),
                                  "restore --latest --force --to " + rescue.string()}) {
            const auto command =
                fmt::format("env CONTAINER_HOST= XDG_RUNTIME_DIR=/nowhere MIRACLEMAX_PODMAN_SOCKET={} "
                            "MIRACLEMAX_BACKUP_FOLDER={} MIRACLEMAX_STATE_FOLDER={} {} {} --key {} >{} 2>&1",
                            socket, (root / "backups").string(), (root / "state").string(),
                            MIRACLEMAX_PROGRAM, words, (root / "key.sec").string(), (root / "said").string());
            EXPECT_EQ(std::system(command.c_str()), 0) << words << content(root / "said");
        }
        EXPECT_EQ(content(rescue / "data/file"), "content");
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
