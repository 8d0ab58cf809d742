// What the tests of a restore's workers share: a backup of some data, made by a worker, and the way back.
#pragma once

#include "child_bench.hpp"

#include "worker/restoring.hpp"

#include <array>

#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::worker {

class RestoringTest : public ChildLauncherTest {
protected:
    RestoringTest() {
        fs::create_directory(target());
        put(target() / "old", "what was there");
        fs::create_directory(folder.path / "data/empty");
    }
    [[nodiscard]] fs::path target() const { return folder.path / "target"; }
    [[nodiscard]] fs::path staging() const { return target() / ".miraclemax-r1"; }

    // Backs the data up as `job` says, and fills in what a manifest would say of it.
    void back_up() {
        leaves = leaves_of(job);
        outcome = whole(*launch());
        unpack_job.promise = {.prefix = job.component,
                              .single = false,
                              .entries = outcome.tally.entries,
                              .files = outcome.tally.files,
                              .tar_size = outcome.tar.size,
                              .tar_sha256 = outcome.tar.sha256};
        unpack_job.compression = job.compression;
        unpack_job.content = outcome.tally.bytes;
        unpack_job.site.run = "r1";
        decrypt_job.component = job.component;
        decrypt_job.passphrase = job.passphrase;
        placement.local_path = target();
    }
    void back_up_for(const Person& person) {
        encrypt_to(person);
        back_up();
        shell(person.gpg() + " --export-secret-keys > " + (folder.path / "secret").string());
        decrypt_job.keys = get(folder.path / "secret");
    }
    [[nodiscard]] Streams files() const {
        return {.archive = opened(out(leaves.archive)), .inventory = opened(out(leaves.inventory))};
    }
    static stream::Descriptor opened(const fs::path& path) {
        stream::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        EXPECT_TRUE(file) << path;
        return file;
    }
    struct Pipes {
        Streams reading, writing;
    };
    static Pipes pipes() {
        Pipes both;
        for (auto member : {&Streams::archive, &Streams::inventory}) {
            std::array<int, 2> ends{};
            EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
            both.reading.*member = stream::Descriptor(ends[0]);
            both.writing.*member = stream::Descriptor(ends[1]);
        }
        return both;
    }
    [[nodiscard]] static std::unique_ptr<RestoreLauncher> launcher(Limits limits = {}) {
        return child_restore_launcher("/proc/self/exe", limits);
    }
    // Both workers, at work.
    void begin(bool store, Limits limits = {}) {
        unpack_job.store = store;
        auto both = pipes();
        decryptor = launcher(limits)->decrypt(decrypt_job, placement, files(), std::move(both.writing));
        unpacker = launcher(limits)->unpack(unpack_job, placement, std::move(both.reading));
    }
    // One worker, out of files that are not encrypted.
    void begin_plain(bool store, Limits limits = {}) {
        unpack_job.store = store;
        unpacker = launcher(limits)->unpack(unpack_job, placement, files());
    }
    archive::Unpacked finish() {
        archive::Unpacked unpacked = unpacker->finish({}, never);
        if (decryptor)
            decryptor->finish(never);
        return unpacked;
    }
    archive::Holds settle(Settling what, const std::string& below = {}) {
        SettleJob settling;
        settling.component = job.component;
        settling.what = what;
        settling.site.run = "r1";
        settling.folder = below;
        return launcher()->settle(settling, placement)->finish(never);
    }
    [[nodiscard]] bool same_as_data() const {
        return shell("diff -r --no-dereference -x .miraclemax-r1 " + (folder.path / "data").string() + " " +
                     target().string()) == 0;
    }
    [[nodiscard]] bool only_old_data() const {
        return get(target() / "old") == "what was there" && !fs::exists(target() / "a");
    }

    Leaves leaves;
    Outcome outcome;
    DecryptJob decrypt_job;
    UnpackJob unpack_job;
    std::unique_ptr<Decryptor> decryptor;
    std::unique_ptr<Unpacker> unpacker;
};

} // namespace miraclemax::worker
