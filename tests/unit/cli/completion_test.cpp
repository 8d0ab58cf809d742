#include "cli/command_line.hpp"
#include "cli/completion.hpp"

#include "error.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace miraclemax::cli {
namespace {

namespace fs = std::filesystem;

std::string output_of(const std::string& command, int* status = nullptr) {
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::string output;
    char buffer[4096];
    while (const auto count = std::fread(buffer, 1, sizeof buffer, pipe))
        output.append(buffer, count);
    const int ended = ::pclose(pipe);
    if (status != nullptr)
        *status = ended;
    return output;
}

bool has(const char* program) {
    return std::system((std::string("command -v ") + program + " >/dev/null 2>&1").c_str()) == 0;
}

// What the program prints of itself, in files.
class Printed : public testing::Test {
protected:
    Printed() {
        char form[] = "/tmp/mmco-XXXXXX";
        folder = ::mkdtemp(form);
        for (const auto& [words, file] :
             std::vector<std::pair<std::string, std::string>>{{"completion bash", "bash"},
                                                              {"completion zsh", "_miraclemax"},
                                                              {"completion fish", "fish"},
                                                              {"man", "miraclemax.1"}}) {
            std::ofstream(folder / file) << call(words);
        }
        fs::create_directory(folder / "files");
        std::ofstream(folder / "files/my key.asc");
        fs::create_directory(folder / "files/a folder");
    }
    ~Printed() override { fs::remove_all(folder); }

    static std::string call(std::string words, int expected = 0) {
        std::vector<std::string> all{"miraclemax"};
        for (std::size_t at = 0; at != std::string::npos;) {
            at = words.find(' ');
            all.push_back(words.substr(0, at));
            words.erase(0, at == std::string::npos ? at : at + 1);
        }
        std::vector<char*> argv;
        for (auto& word : all)
            argv.push_back(word.data());
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const Composition composition{};
        EXPECT_EQ(command_line(static_cast<int>(argv.size()), argv.data(), composition), expected);
        testing::internal::GetCapturedStderr();
        return testing::internal::GetCapturedStdout();
    }

    // What bash offers for the last of these words.
    std::string offered(const std::string& words, int last) const {
        std::ofstream(folder / "ask.sh")
            << "cd " << (folder / "files").string() << "\n. " << (folder / "bash").string()
            << "\nCOMP_WORDS=(" << words << ")\nCOMP_CWORD=" << last
            << "\n_miraclemax\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
        return output_of("bash --norc " + (folder / "ask.sh").string());
    }

    fs::path folder;
};

TEST_F(Printed, BashOffersCommandsAndTheirOptions) {
    EXPECT_EQ(offered("miraclemax ver", 1), "verify\n");
    EXPECT_EQ(offered("miraclemax --config x.yml backup --fu", 4), "--full\n");
    EXPECT_EQ(offered("miraclemax restore --f", 2), "--from-backup\n--force\n");
    EXPECT_EQ(offered("miraclemax list --fo", 2), "\n");
    EXPECT_EQ(offered("pai-miraclemax-restore --unsi", 1), "--unsigned\n");
    EXPECT_EQ(offered("/usr/bin/pai-miraclemax-backup-install --unin", 1), "--uninstall\n");
    EXPECT_EQ(offered("miraclemax wor", 1), "\n") << "hidden";
    EXPECT_EQ(offered("miraclemax backup --plann", 2), "\n") << "hidden";
}

TEST_F(Printed, BashOffersFilesFoldersOrNothingAfterAnOption) {
    EXPECT_EQ(offered("miraclemax restore --key my", 3), "my key.asc\n");
    EXPECT_EQ(offered("miraclemax restore --to ''", 3), "a folder\n");
    EXPECT_EQ(offered("miraclemax --config m", 2), "my key.asc\n");
    EXPECT_EQ(offered("miraclemax verify --config m", 3), "my key.asc\n");
    EXPECT_EQ(offered("miraclemax backup --component b", 3), "\n");
}

TEST_F(Printed, BashItselfCompletesByIt) {
    // An interactive bash with a terminal, if script(1) is here: the function is really registered.
    const auto said = output_of("bash --norc -c '. " + (folder / "bash").string() +
                                "; complete -p miraclemax pai-miraclemax-backup pai-miraclemax-restore'");
    EXPECT_EQ(said, "complete -F _miraclemax miraclemax\ncomplete -F _miraclemax pai-miraclemax-backup\n"
                    "complete -F _miraclemax pai-miraclemax-restore\n");
}

TEST_F(Printed, ZshTakesTheCompletion) {
    if (!has("zsh"))
        GTEST_SKIP() << "no zsh here";
    int status = 0;
    EXPECT_EQ(output_of("zsh -f -n " + (folder / "_miraclemax").string(), &status), "");
    EXPECT_EQ(status, 0);
    const auto loaded = output_of("zsh -f -c 'fpath=(" + folder.string() +
                                  " $fpath); autoload -Uz compinit; compinit -u -D; "
                                  "print $_comps[miraclemax] $_comps[pai-miraclemax-backup]'");
    EXPECT_EQ(loaded, "_miraclemax _miraclemax\n");
}

TEST_F(Printed, FishCompletesByIt) {
    if (!has("fish"))
        GTEST_SKIP() << "no fish here";
    const auto ask = [&](const std::string& words) {
        return output_of("HOME=" + folder.string() + " fish --no-config -c 'source " +
                         (folder / "fish").string() + "; complete -C \"" + words + "\"'");
    };
    EXPECT_NE(ask("miraclemax ver").find("verify\tProve that stored backups"), std::string::npos);
    EXPECT_NE(ask("miraclemax backup --fu").find("--full\tOptional components too"), std::string::npos);
    EXPECT_NE(ask("pai-miraclemax-restore --unsi").find("--unsigned"), std::string::npos);
    EXPECT_EQ(ask("miraclemax list --fo"), "");
}

TEST_F(Printed, TheManualIsCleanAndNamesEveryCommand) {
    const auto file = (folder / "miraclemax.1").string();
    if (has("groff")) {
        EXPECT_EQ(output_of("groff -man -Tutf8 -ww -z " + file), "");
    }
    if (has("mandoc")) {
        EXPECT_EQ(output_of("mandoc -T lint -W warning " + file + " | grep -v 'missing date'"), "");
    }
    if (!has("groff"))
        GTEST_SKIP() << "no groff here";
    const auto text = output_of("groff -man -Tascii -P-c " + file + " | col -bx");
    for (const char* part :
         {"miraclemax backup [OPTIONS]", "miraclemax show [OPTIONS] [backup]", "--from-backup",
          "pai-miraclemax-backup-install", "MIRACLEMAX_CONFIG", "13 damaged"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    EXPECT_EQ(text.find("--planned"), std::string::npos);
}

TEST_F(Printed, AnUnknownShellIsWrongUsage) {
    EXPECT_EQ(call("completion tcsh", 2), "");
}

TEST_F(Printed, InstallHasItsOwnNameOfTheProgram) {
    std::string name = "/usr/bin/pai-miraclemax-backup-install";
    std::string help = "--help";
    std::vector<char*> argv{name.data(), help.data()};
    testing::internal::CaptureStdout();
    EXPECT_EQ(command_line(2, argv.data(), Composition{}), 0);
    EXPECT_NE(testing::internal::GetCapturedStdout().find("--private-key-out"), std::string::npos);
}

} // namespace
} // namespace miraclemax::cli
