#include "cli/command_line.hpp"

#include "error.hpp"
#include "fakes/fake_engine.hpp"
#include "unit/cli/ran.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

namespace miraclemax::cli {
namespace {

class CommandLine : public testing::Test {
protected:
    CommandLine() {
        char form[] = "/tmp/mmcli-XXXXXX";
        root = ::mkdtemp(form);
        std::filesystem::create_directories(root / "backups");
        composition.load = [this](const std::string& file) -> cli::Setup {
            loaded = file;
            if (file == "bad")
                throw Error(ExitCode::config, "bad line 1: unknown key", "see `miraclemax config`");
            return {.settings = {.instance = "test",
                                 .backups = root / "backups",
                                 .state = root / "state",
                                 .signing = false},
                    .socket = ""};
        };
        composition.connect = [](const std::string&) -> std::unique_ptr<podman::Engine> {
            auto engine = std::make_unique<fakes::FakeEngine>();
            engine->add_volume({.name = "data"});
            return engine;
        };
        composition.self_id = [] { return std::nullopt; };
        composition.example_config = [] { return "instance: miraclemax\n"; };
        composition.work = [](const worker::Control& control) { return control.descriptor; };
    }
    ~CommandLine() override { std::filesystem::remove_all(root); }

    Ran run(std::vector<std::string> words) { return ran(std::move(words), composition); }

    std::filesystem::path root;
    std::string loaded = "nothing";
    Composition composition;
};

TEST_F(CommandLine, WrongUsageDoesNothing) {
    for (const auto& words : std::vector<std::vector<std::string>>{{"miraclemax"},
                                                                   {"miraclemax", "bakup"},
                                                                   {"miraclemax", "backup", "--ful"},
                                                                   {"miraclemax", "backup", "--component"},
                                                                   {"pai-miraclemax-backup", "list"}}) {
        const auto ran = run(words);
        EXPECT_EQ(ran.code, 2) << words.back();
        EXPECT_FALSE(ran.err.empty());
    }
    EXPECT_EQ(loaded, "nothing");
}

TEST_F(CommandLine, EveryCommandHasHelpWithTheExitCodes) {
    for (const char* verb :
         {"backup", "plan", "verify", "list", "show", "recover", "check", "serve", "key", "config"}) {
        const auto ran = run({"miraclemax", verb, "--help"});
        EXPECT_EQ(ran.code, 0) << verb;
        EXPECT_NE(ran.out.find("Exit codes"), std::string::npos) << verb;
    }
    EXPECT_EQ(run({"/usr/bin/pai-miraclemax-backup", "--help"}).code, 0);
}

TEST_F(CommandLine, ErrorsHaveTheirCodeAndRemedy) {
    const auto bad = run({"miraclemax", "list", "--config", "bad"});
    EXPECT_EQ(bad.code, 6);
    EXPECT_NE(bad.err.find("bad line 1"), std::string::npos);
    EXPECT_NE(bad.err.find("miraclemax config"), std::string::npos);
    const auto nothing = run({"pai-miraclemax-backup", "--full"});
    EXPECT_EQ(nothing.code, 4);
    EXPECT_NE(nothing.err.find("data"), std::string::npos);
    EXPECT_EQ(run({"miraclemax", "show", "20200101_000000"}).code, 11);
}

TEST_F(CommandLine, VerifyKnowsWhatIsAskedAndNeedsNoPodman) {
    composition.connect = [](const std::string&) -> std::unique_ptr<podman::Engine> {
        throw Error(ExitCode::podman, "there is none");
    };
    EXPECT_EQ(run({"miraclemax", "verify"}).code, 11);
    EXPECT_EQ(run({"miraclemax", "verify", "--all"}).code, 11);
    for (const std::vector<std::string>& more :
         std::vector<std::vector<std::string>>{{"--all", "--latest"},
                                               {"20251016_030000", "--latest"},
                                               {"--sample", "0"},
                                               {"--sample", "101%"},
                                               {"--sample", "some"},
                                               {"--key", "x"},
                                               {"--signer", "ABCD"}}) {
        std::vector<std::string> words{"miraclemax", "verify"};
        words.insert(words.end(), more.begin(), more.end());
        EXPECT_EQ(run(words).code, 2) << more.back();
    }
    EXPECT_EQ(run({"miraclemax", "verify", "--deep", "--key", "/missing"}).code, 8);
}

TEST_F(CommandLine, ListIsEmptyAndJsonIsAList) {
    EXPECT_EQ(run({"miraclemax", "list"}).out, "no backup yet\n");
    EXPECT_EQ(run({"miraclemax", "list", "--json"}).out, "[]\n");
}

TEST_F(CommandLine, TheWorkerIsGivenItsDescriptor) {
    EXPECT_EQ(run({"miraclemax", "worker", "--descriptor", "7"}).code, 7);
}

} // namespace
} // namespace miraclemax::cli
