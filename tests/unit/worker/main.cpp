// The test program is its own worker: the launchers start it as `<program> worker --descriptor 3`.
// `<program> inside CONTROL OUT DATA` stands for a helper container: those folders at /control, /out and
// /data of a root of its own.
#include "worker/launcher.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

bool mount_at(const fs::path& source, const fs::path& at) {
    fs::create_directories(at);
    return ::mount(source.c_str(), at.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0;
}

int inside(const std::string& control, const std::string& out, const std::string& data) {
    const fs::path root = "/mnt";
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", root.c_str(), "tmpfs", 0, nullptr) != 0)
        return 100;
    for (const char* part : {"usr", "bin", "lib", "lib64", "etc", "dev", "proc", "tmp"}) {
        if (fs::exists(fs::path("/") / part) && !mount_at(fs::path("/") / part, root / part))
            return 101;
    }
    if (!mount_at(control, root / "control") || (!out.empty() && !mount_at(out, root / "out")))
        return 102;
    if (!data.empty() && !mount_at(data, root / "data"))
        return 103;
    if (::mount("none", (root / "dev/shm").c_str(), "tmpfs", 0, nullptr) != 0)
        return 105;
    if (::chroot(root.c_str()) != 0 || ::chdir("/") != 0)
        return 104;
    return miraclemax::worker::worker_main({.connect = "/control/s"});
}

} // namespace

int main(int argc, char** argv) {
    const std::string word = argc > 1 ? argv[1] : "";
    if (word == "worker" && argc == 4 && std::string(argv[2]) == "--descriptor")
        return miraclemax::worker::worker_main({.descriptor = std::atoi(argv[3]), .connect = {}});
    if (word == "inside" && argc == 5)
        return inside(argv[2], argv[3], argv[4]);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
