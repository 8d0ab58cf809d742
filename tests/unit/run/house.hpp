// A small host in memory whose volumes are real folders, read by real workers (the built program).
#pragma once

#include "fakes/fake_engine.hpp"
#include "run/backup.hpp"

#include <gtest/gtest.h>

#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>

namespace miraclemax::run {

class Recorder : public Observer {
public:
    void began(const std::string&, const std::vector<std::string>&) override {}
    void warned(const std::string& text) override {
        const std::lock_guard lock(mutex_);
        warnings.push_back(text);
    }
    void freezing(const std::string&, const std::vector<std::string>&) override {}
    void released(const std::string&, const quiesce::FreezeReport&) override {}
    void progressed(const std::string&, const archive::Tally&, std::uint64_t) override {}
    void succeeded(const catalog::ComponentRecord&) override {}
    void failed(const catalog::FailedComponent&) override {}
    std::vector<std::string> warnings;

private:
    std::mutex mutex_;
};

// A file system of one mebibyte on a folder, as long as the object lives.
class SmallDisk {
public:
    explicit SmallDisk(std::filesystem::path at)
        : at_(std::move(at)), mounted_(::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=1m") == 0) {}
    ~SmallDisk() {
        if (mounted_)
            ::umount2(at_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    [[nodiscard]] bool mounted() const { return mounted_; } // else there is no right to
    void fill() const {
        std::ofstream full(at_ / "full");
        for (const std::string block(4096, 'x'); full.write(block.data(), 4096).flush();) {
        }
    }

private:
    std::filesystem::path at_;
    bool mounted_;
};

class House : public testing::Test {
protected:
    House() {
        char form[] = "/tmp/mmrun-XXXXXX";
        root = ::mkdtemp(form);
        std::filesystem::create_directories(root / "backups");
        settings.instance = "test";
        settings.backups = root / "backups";
        settings.state = root / "state";
        settings.hooks = root / "hooks";
        settings.program = MIRACLEMAX_PROGRAM;
        settings.signing = false;
    }
    ~House() override { std::filesystem::remove_all(root); }

    // A labelled volume with one file, and a running container that writes to it.
    void add(const std::string& volume, const std::string& container, podman::Labels labels = {}) {
        const auto folder = root / "volumes" / volume / "_data";
        std::filesystem::create_directories(folder);
        std::ofstream(folder / "file") << "content of " << volume;
        labels.emplace("miraclemax.backup", "true");
        engine.add_volume({.name = volume, .mountpoint = folder, .labels = labels});
        if (!container.empty())
            engine.add_container(
                {.name = container,
                 .mounts = {{.type = "volume", .name = volume, .source = folder, .destination = "/data"}}});
    }

    BackupResult back_up(const Request& request = {}) {
        return backup({.settings = settings,
                       .engine = engine,
                       .self_id = {},
                       .observer = recorder,
                       .stop = stop.get_token()},
                      request);
    }
    [[nodiscard]] std::vector<std::string> ids() const { return store::BackupFolder(settings.backups).ids(); }
    [[nodiscard]] std::size_t debris() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(settings.backups))
            count += entry.path().filename().string().starts_with(".partial") ? 1 : 0;
        return count;
    }

    std::filesystem::path root;
    Settings settings;
    fakes::FakeEngine engine;
    Recorder recorder;
    std::stop_source stop;
};

} // namespace miraclemax::run
