#include "unit/cli/bare_host.hpp"

#include "archive/staging.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace miraclemax::cli {
namespace {

using nlohmann::json;
using test::content;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RestoreCommand : public BareHost {
protected:
    int restore(std::vector<std::string> words, bool with_key = true) {
        words.insert(words.begin(), "restore");
        if (with_key)
            words.push_back(open_deeply());
        return run(std::move(words));
    }
    // The events of a run with --json.
    [[nodiscard]] std::vector<json> events() const {
        std::vector<json> found;
        std::istringstream lines(said);
        for (std::string each; std::getline(lines, each);)
            if (each.starts_with('{'))
                found.push_back(json::parse(each));
        return found;
    }
    // Volumes and containers beside the one that there is.
    void change_host(const std::function<void(fakes::FakeEngine&)>& change) {
        composition.connect = [change, before = composition.connect](const std::string& socket) {
            auto engine = before(socket);
            change(dynamic_cast<fakes::FakeEngine&>(*engine));
            return engine;
        };
    }
    [[nodiscard]] std::string archive_of(const std::string& component) const {
        return root / "backups/latest/volumes" / (component + ".tar.gz.gpg");
    }
    static void damage(const fs::path& archive) { test::put(archive, content(archive).substr(1)); }

    fs::path file = root / "volumes/data/_data/file";
};

TEST_F(RestoreCommand, AnEmptyValueIsNotNone) {
    test::put(file, "live");
    for (const std::string option : {"--to", "--into", "--path", "--component", "--from-backup", "--signer"})
        for (const std::vector<std::string>& form :
             {std::vector<std::string>{option, ""}, std::vector<std::string>{option + "="}}) {
            std::vector<std::string> words{"--latest", "--force"};
            words.insert(words.end(), form.begin(), form.end());
            EXPECT_EQ(restore(words), 2) << form.front() << said;
            EXPECT_THAT(said, HasSubstr(option + " is given, and is empty")) << form.front();
        }
    EXPECT_EQ(content(file), "live");
    EXPECT_EQ(run({"prune", "--gone", ""}), 2);
}

TEST_F(RestoreCommand, ADryRunLooksForThePath) {
    test::put(root / "volumes/data/_data/folder/inner", "more");
    fs::create_hard_link(root / "volumes/data/_data/folder/inner", root / "volumes/data/_data/link");
    ASSERT_EQ(run({"backup"}), 0);
    const std::string component = "--component=data";
    EXPECT_EQ(restore({"--latest", component, "--path=no/such", "--dry-run"}), 11) << said;
    EXPECT_THAT(said, HasSubstr("only no/such of"));
    EXPECT_THAT(said, Not(HasSubstr("nothing was changed")));
    EXPECT_EQ(restore({"--latest", component, "--path=no/such", "--verify-only"}), 11) << said;
    EXPECT_EQ(restore({"--latest", component, "--path=no/such", "--force"}), 11) << said;
    for (const std::string way : {"--dry-run", "--force"}) {
        EXPECT_EQ(restore({"--latest", component, "--path=link", way}), 1) << said;
        EXPECT_THAT(said, HasSubstr("is another name of data/folder/inner"));
    }
    EXPECT_EQ(restore({"--latest", component, "--path=folder", "--dry-run", "--json"}), 0) << said;
    EXPECT_EQ(events().front().at("only"), "folder");
    test::put(root / "volumes/data/_data/folder/inner", "ruined");
    EXPECT_EQ(restore({"--latest", component, "--path=folder//", "--force"}), 0) << said; // as tar shows it
    EXPECT_EQ(content(root / "volumes/data/_data/folder/inner"), "more");
    for (const std::string path : {"/", "//", ".", "folder/../file"})
        EXPECT_EQ(restore({"--latest", component, "--path=" + path, "--force"}), 2) << path;
}

TEST_F(RestoreCommand, TheWayBackIsToldAsJson) {
    test::put(file, "newer");
    ASSERT_EQ(restore({"--latest", "--force"}), 0) << said;
    EXPECT_EQ(restore({"--undo", "--force", "--json", "--component=data", "--component=data"}, false), 0);
    EXPECT_EQ(content(file), "newer");
    ASSERT_THAT(events(), Not(IsEmpty())) << said;
    EXPECT_EQ(events().back().at("event"), "ended");
    EXPECT_EQ(events().back().at("act"), "undo");
    EXPECT_EQ(events().back().at("components"), json({"data"}));
    EXPECT_EQ(said.find("the data from before"), std::string::npos);
    EXPECT_EQ(restore({"--discard-old", "--force", "--json"}, false), 0);
    EXPECT_EQ(events().back().at("act"), "discard_old");
    EXPECT_EQ(events().back().at("exit_code"), 0);
}

TEST_F(RestoreCommand, TheWayBackTakesNoOptionThatItPassesOver) {
    test::put(file, "newer");
    ASSERT_EQ(restore({"--latest", "--force"}), 0) << said;
    for (const std::string act : {"--undo", "--discard-old"})
        for (const std::string option :
             {"--from-backup=latest", "--latest", "--to=/x", "--into=x", "--path=x", "--in-place",
              "--dry-run", "--verify-only", "--selinux-labels", "--rollback-on-unhealthy"}) {
            EXPECT_EQ(restore({act, option, "--force"}, false), 2) << option;
            EXPECT_THAT(said, HasSubstr(option.substr(0, option.find('='))));
        }
    EXPECT_EQ(restore({"--undo", "--discard-old", "--force"}, false), 2);
    EXPECT_EQ(content(file), "content");
    EXPECT_EQ(restore({"--undo", "--force"}, false), 0) << said;
}

// What a dead run left is put in order by who is asked to change something.
TEST_F(RestoreCommand, ARehearsalSettlesNothing) {
    const auto settings = composition.load("").settings;
    const auto staged = file.parent_path() / ".miraclemax-dead-run";
    archive::begin_staging({.root = file.parent_path(), .single = false, .run = "dead-run", .only = {}});
    run::RestoreRecords(settings).keep({.run = "dead-run",
                                        .at = "2026-01-01T00:00:00+00:00",
                                        .components = {{.component = "data",
                                                        .backup = "20260101_000000",
                                                        .volume = {},
                                                        .volume_created_at = {},
                                                        .path = file.parent_path(),
                                                        .single = false,
                                                        .only = {},
                                                        .step = run::Step::staging}}});
    const auto record = settings.restores() / "dead-run.json";
    for (const std::string way : {"--dry-run", "--verify-only"}) {
        EXPECT_EQ(restore({"--latest", way}), 0) << said;
        EXPECT_THAT(said, HasSubstr("`miraclemax recover`"));
        EXPECT_TRUE(fs::exists(record));
        EXPECT_TRUE(fs::exists(staged));
    }
    EXPECT_EQ(restore({"--latest", "--force"}), 0) << said;
    EXPECT_FALSE(fs::exists(record));
    EXPECT_FALSE(fs::exists(staged));
    EXPECT_EQ(restore({"--latest", "--dry-run"}), 0) << said;
    EXPECT_THAT(said, Not(HasSubstr("recover")));
}

TEST_F(RestoreCommand, WhatIsLeftOutIsSaidAtTheEndToo) {
    test::put(root / "volumes/gone/_data/file", "precious");
    const auto before = composition.connect;
    change_host([&](fakes::FakeEngine& engine) {
        engine.add_volume({.name = "gone",
                           .mountpoint = root / "volumes/gone/_data",
                           .labels = {{"miraclemax.backup", "true"}}});
    });
    ASSERT_EQ(run({"backup"}), 0) << said;
    composition.connect = before;
    ASSERT_EQ(run({"backup"}), 0) << said;
    EXPECT_EQ(restore({"--latest", "--force"}), 0) << said;
    EXPECT_THAT(said, HasSubstr("warning: gone is NOT restored"));
    EXPECT_THAT(said.substr(said.find("\nrestored\n")),
                AllOf(HasSubstr("NOT among them: gone"), HasSubstr("`miraclemax restore --component gone`")));
    EXPECT_EQ(restore({"--latest", "--force", "--json"}), 0) << said;
    EXPECT_EQ(events().front().at("left_out").at(0).at("component"), "gone");
}

// --verify-only and `verify --deep` are one thing.
TEST_F(RestoreCommand, VerifyOnlyKeepsWhatItProved) {
    EXPECT_EQ(run({"list"}), 0);
    EXPECT_THAT(said, Not(HasSubstr(" deep")));
    EXPECT_EQ(restore({"--latest", "--verify-only"}), 0) << said;
    EXPECT_THAT(said, HasSubstr("opened and compared"));
    EXPECT_THAT(said, HasSubstr("everything could be restored: nothing was changed"));
    EXPECT_EQ(run({"list"}), 0);
    EXPECT_THAT(said, HasSubstr(" deep"));
    EXPECT_EQ(restore({"--latest", "--verify-only", "--json"}), 0) << said;
    EXPECT_EQ(events().front().at("event"), "plan");
    EXPECT_EQ(events().back().at("event"), "verified");
    EXPECT_EQ(events().back().at("exit_code"), 0);
}

TEST_F(RestoreCommand, VerifyOnlyEndsAsVerifyDeepDoes) {
    ASSERT_EQ(run({"backup"}), 0) << said;
    std::vector<fs::path> backups;
    for (const auto& each : fs::directory_iterator(root / "backups"))
        if (each.is_directory() && !each.is_symlink() && !each.path().filename().string().starts_with('.'))
            backups.push_back(each.path());
    std::sort(backups.begin(), backups.end());
    ASSERT_EQ(backups.size(), 2U);
    fs::remove_all(backups.front()); // the chain is broken
    EXPECT_EQ(run({"verify", "--deep", open_deeply()}), 13) << said;
    EXPECT_EQ(restore({"--latest", "--verify-only"}), 13) << said;
    EXPECT_THAT(said, HasSubstr("whole, but THE CHAIN BEFORE IT IS BROKEN"));
    EXPECT_EQ(restore({"--latest", "--dry-run"}), 0) << said; // it can be restored all the same
}

TEST_F(RestoreCommand, VerifyOnlyGoesOnAfterABadArchive) {
    test::put(root / "volumes/more/_data/file", "more");
    change_host([&](fakes::FakeEngine& engine) {
        engine.add_volume({.name = "more",
                           .mountpoint = root / "volumes/more/_data",
                           .labels = {{"miraclemax.backup", "true"}}});
    });
    ASSERT_EQ(run({"backup"}), 0) << said;
    damage(archive_of("data"));
    ASSERT_EQ(run({"backup", "--component=more"}), 0) << said;
    EXPECT_EQ(restore({"--latest", "--verify-only"}), 13) << said;
    EXPECT_THAT(said, HasSubstr("FAULTY: volumes/data.tar.gz.gpg"));
    EXPECT_THAT(said, HasSubstr("opened and compared"));
    EXPECT_THAT(said, HasSubstr("1 of 2 backups are good"));
}

TEST_F(RestoreCommand, VerifyOnlyIsNotStoppedByWhatStopsARestore) {
    change_host([&](fakes::FakeEngine& engine) {
        engine.add_container(
            {.name = "quadlet",
             .auto_remove = true,
             .state = podman::State::running,
             .mounts = {
                 {.type = "volume", .name = "data", .source = file.parent_path(), .destination = "/data"}}});
    });
    EXPECT_EQ(restore({"--latest", "--dry-run"}), 1) << said;
    EXPECT_EQ(restore({"--latest", "--verify-only"}), 0) << said;
    EXPECT_THAT(said, HasSubstr("every archive is whole"));
    EXPECT_THAT(said, Not(HasSubstr("everything could be restored")));
}

} // namespace
} // namespace miraclemax::cli
