// A host of one backup, with podman or without.
#pragma once

#include "error.hpp"
#include "fakes/fake_engine.hpp"
#include "podman/rest_engine.hpp"
#include "run/restore_record.hpp"
#include "unit/cli/ran.hpp"
#include "unit/openpgp/keyring.hpp"
#include "unit/store/scratch.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace miraclemax::cli {

namespace fs = std::filesystem;

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
                throw podman::NotThere(ExitCode::podman, "podman's socket was not found");
            if (podman_is_ill)
                throw Error(ExitCode::podman, "podman refused to talk to podman: status 500");
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
        const auto done = ran(std::move(words), composition);
        said = done.out + done.err;
        return done.code;
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
    openpgp::testing::Keyring keys;
    Composition composition;
    std::vector<run::Tier> tiers;
    bool has_podman = true;
    bool podman_is_ill = false;
    std::string said;
};

} // namespace miraclemax::cli
