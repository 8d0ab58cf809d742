// What the tests of child workers share: some data, a job, and places for both.
#pragma once

#include "bench.hpp"

#include "worker/child_process.hpp"

#include <gmock/gmock.h>

namespace miraclemax::worker {

class ChildLauncherTest : public testing::Test {
protected:
    ChildLauncherTest() {
        for (const char* name : {"data", "data/deep", "out", "back"})
            fs::create_directory(folder.path / name);
        put(folder.path / "data/a", "hello");
        put(folder.path / "data/deep/caf\xe9", std::string(3'000'000, 'x') + "end");
        fs::create_symlink("a", folder.path / "data/link");
        job.component = "n8n";
        placement.local_path = folder.path / "data";
        placement.folder = folder.path / "out";
    }
    ~ChildLauncherTest() override { fault(nullptr); }
    static void fault(const char* plan) {
        if (plan != nullptr)
            ::setenv("MIRACLEMAX_FAULT", plan, 1);
        else
            ::unsetenv("MIRACLEMAX_FAULT");
    }
    std::unique_ptr<Worker> launch(Limits limits = {}) {
        return child_launcher("/proc/self/exe", limits)->launch(job, placement);
    }
    void encrypt_to(const Person& person) {
        job.keyring = person.keyring;
        job.fingerprints = person.fingerprints;
    }
    [[nodiscard]] fs::path out(const std::string& leaf) const { return folder.path / "out" / leaf; }
    // The --homedir of the worker's gpg, which a thread starts.
    static std::string home_of(int process) {
        std::string home;
        EXPECT_TRUE(becomes([&] { // gpg is started by a thread
            for (const int one : group(process)) {
                const std::string words = get("/proc/" + std::to_string(one) + "/cmdline");
                const auto at = words.find("/mm-");
                if (at == std::string::npos)
                    continue;
                const auto begin = words.rfind('\0', at) + 1;
                home = words.substr(begin, words.find('\0', at) - begin);
            }
            return !home.empty();
        }));
        return home;
    }
    // The archive, put through this pipe, is the data again.
    void expect_same(const std::string& pipe) const {
        const std::string tar = pipe + " | tar xf - -C " + (folder.path / "back").string();
        EXPECT_EQ(shell(tar), 0) << tar;
        EXPECT_EQ(shell("diff -r --no-dereference " + (folder.path / "data").string() + " " +
                        (folder.path / "back/n8n").string()),
                  0);
    }
    [[nodiscard]] bool nothing_in_the_folder() const { return fs::is_empty(folder.path / "out"); }

    Folder folder;
    Job job;
    Placement placement;
    const std::stop_token never;
};

} // namespace miraclemax::worker
